import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { formatUnits, getAddress, parseUnits } from 'viem'
import { CURRENCIES } from '../support/exchange.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES

const OPERATOR = getAddress(`0x${randomBytes(20).toString('hex')}`)

let shop: SwapShop
before(async () => {
  shop = await openSwapShop({ swaps: { fee: { bps: 30, recipient: OPERATOR } } })
})
after(() => shop.stop())

describe('the operator takes its share in the same transaction', () => {
  for (const [supplied, asked, amount, fee] of [
    [USDC, EURC, '100', '0.3'],
    [USDC, EURC, '12.345678', '0.037037'],
    [EURC, USDC, '0.000334', '0.000001'],
    [POL, EURC, '55.5', '0.1665'],
    [EURC, POL, '7.123456789012345678', '0.021370370367037037'],
  ] as const) {
    it(`of ${amount} ${asked.symbol}, paid with ${supplied.symbol}`, async () => {
      const [to, units] = [shop.newRecipient(), parseUnits(fee, asked.decimals)]
      const voucher = await shop.quoted(await shop.ask(amount, asked, to), supplied)
      const expected = { to: 'operator', currency: asked.symbol, currencyAddress: asked.address, amount: fee }
      assert.equal(voucher.suppliedPayment?.feeBps, 30)
      assert.deepEqual(voucher.suppliedPayment?.fees?.[0], expected)
      assert.deepEqual(shop.swapOf(voucher).review?.fees[0], expected)

      const [had, wealth] = [await shop.balance(asked, OPERATOR), await shop.balance(supplied, shop.payer.address)]
      const receipts = await shop.sendAll(voucher)
      const { body } = await shop.resolve(voucher, receipts)
      assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
      assert.equal(await shop.balance(asked, to), parseUnits(amount, asked.decimals))
      assert.equal((await shop.balance(asked, OPERATOR)) - had, units)
      let paid = wealth - (await shop.balance(supplied, shop.payer.address))
      if (supplied === POL) for (const { transactionHash } of receipts) paid -= await shop.gasOf(transactionHash)
      const quoted = parseUnits(voucher.suppliedPayment?.amount ?? '', supplied.decimals)
      // Two swaps round up more often than one.
      assert.ok(paid <= quoted && quoted - paid <= 4n, `${formatUnits(quoted - paid, 0)} units apart`)
    })
  }

  it('and nothing, where its share is less than the smallest unit', async () => {
    const voucher = await shop.quoted(await shop.ask('0.000333', EURC), USDC)
    assert.equal(voucher.suppliedPayment?.feeBps, 0)
    assert.deepEqual(
      voucher.suppliedPayment?.fees?.map(({ to }) => to),
      ['exchange'],
    )
    const had = await shop.balance(EURC, OPERATOR)
    const { body } = await shop.resolve(voucher, await shop.sendAll(voucher))
    assert.equal(body.status, 'RESOLVED')
    assert.equal(await shop.balance(EURC, OPERATOR), had)
  })
})
