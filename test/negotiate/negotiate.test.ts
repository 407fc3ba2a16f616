import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parseUnits } from 'viem'
import type { Currency } from '../../src/domain/currency.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { devAccount } from '../support/anvil.ts'
import { CURRENCIES, tokenOf } from '../support/exchange.ts'
import { openPool } from '../support/pools.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES

const ONE_MILLION = 10n ** 12n

let shop: SwapShop
let stubborn: Currency
before(async () => {
  shop = await openSwapShop({
    served: async (network, chain) => {
      const { address } = await chain.deploy('StubbornToken', [3n * ONE_MILLION])
      stubborn = { ...USDC, symbol: 'STB', address }
      await chain.grant(address, devAccount(2).address, ONE_MILLION)
      await openPool(chain, 500, [
        { token: address, units: ONE_MILLION },
        { token: tokenOf(EURC), units: ONE_MILLION },
      ])
      return { ...network, currencies: [...network.currencies, stubborn] }
    },
  })
})
after(() => shop.stop())

const unitsOf = (amount: string | undefined, { decimals }: Currency): bigint => parseUnits(amount ?? '', decimals)

/** Pays a voucher at its quote, and asserts that the payee got exactly what it asked for what the quote said. */
async function assertPays(voucher: VoucherView, supplied: Currency, asked: Currency): Promise<void> {
  const { expectedPayment, suppliedPayment } = voucher
  const to = shop.addressOf(expectedPayment?.wallet.address)
  const [before, had] = [await shop.balance(supplied, shop.payer.address), await shop.balance(asked, to)]
  const receipts = await shop.sendAll(voucher)
  const { status, body } = await shop.resolve(voucher, receipts)
  assert.deepEqual([status, body.status, body.late], [200, 'RESOLVED', false], JSON.stringify(body))
  assert.equal((await shop.balance(asked, to)) - had, unitsOf(expectedPayment?.amount, asked))
  let paid = before - (await shop.balance(supplied, shop.payer.address))
  if (supplied === POL) for (const { transactionHash } of receipts) paid -= await shop.gasOf(transactionHash)
  assert.equal(paid, unitsOf(suppliedPayment?.amount, supplied))
  assert.ok(paid <= unitsOf(suppliedPayment?.maxAmount, supplied))
}

describe('a payer pays in another currency, and the payee gets exactly what it asked', () => {
  for (const [supplied, asked, amount] of [
    [USDC, EURC, '100'],
    [EURC, USDC, '0.000001'],
    [POL, EURC, '12.345678'],
    [POL, USDC, '500'],
    [USDC, POL, '0.000000000000000001'],
    [EURC, POL, '7.5'],
  ] as const) {
    it(`${supplied.symbol} for ${amount} ${asked.symbol}`, async () => {
      await assertPays(await shop.quoted(await shop.ask(amount, asked), supplied), supplied, asked)
    })
  }

  it('through the wrapped native coin, where that is cheaper', async () => {
    await shop.chain.buy({ pay: tokenOf(EURC), get: tokenOf(USDC), fee: 500, units: parseUnits('500000', 6) })
    const voucher = await shop.quoted(await shop.ask('250.000001', USDC), EURC)
    assert.equal((await shop.quotesOf(voucher))[0]?.route.tokens.length, 3)
    await assertPays(voucher, EURC, USDC)
    await shop.chain.buy({ pay: tokenOf(USDC), get: tokenOf(EURC), fee: 500, units: parseUnits('480000', 6) })
    const again = await shop.quoted(await shop.ask('250.000001', USDC), EURC)
    assert.equal((await shop.quotesOf(again))[0]?.route.tokens.length, 2)
  })

  it('with a quote that says what it is made of', async () => {
    const { suppliedPayment, payments = [], status } = await shop.quoted(await shop.ask('100', EURC), POL)
    assert.ok(suppliedPayment)
    const { amount, maxAmount, rate, expiresAt, ...rest } = suppliedPayment
    assert.equal(status, 'REDEEMED')
    const rounding = unitsOf(amount, POL) - unitsOf(rate, POL) * 100n
    assert.ok(rounding >= 0n && rounding < 100n)
    const [units, most] = [unitsOf(amount, POL), unitsOf(maxAmount, POL)]
    assert.ok(most >= (units * 10_050n) / 10_000n && most <= (units * 10_050n) / 10_000n + 1n)
    assert.ok(Date.parse(expiresAt ?? '') > Date.now())
    assert.deepEqual([rest.slippageBps, rest.feeBps, rest.source], [50, 0, 'uniswap-v3'])
    assert.deepEqual(rest.wallet, { address: shop.payer.address })
    assert.deepEqual(
      rest.fees?.map(({ to, currency }) => [to, currency]),
      [['exchange', 'POL']],
    )
    assert.deepEqual(
      payments.map(({ input }) => input.value),
      [most.toString()],
    )
  })
})

describe('an approval', () => {
  it('takes back what is left of the last one where the token wants that', async () => {
    const ask = async () => shop.quoted(await shop.ask('10', EURC), stubborn)
    const first = await ask()
    assert.equal(first.payments?.length, 2)
    await assertPays(first, stubborn, EURC)
    const second = await ask()
    assert.deepEqual(
      second.payments?.map(({ summary }) => /take (no more|up to)|Swap/.exec(summary)?.[0]),
      ['take no more', 'take up to', 'Swap'],
    )
    await assertPays(second, stubborn, EURC)
  })

  it('is asked for only where the exchange may take too little', async () => {
    await shop.allow(tokenOf(USDC), 0n)
    const ask = async () => shop.quoted(await shop.ask('10', EURC), USDC)
    const first = await ask()
    assert.equal(first.payments?.length, 2)
    await shop.sendAll(first)
    assert.equal((await ask()).payments?.length, 2, 'the swap has used the approval up, but for the slippage')
    await shop.allow(tokenOf(USDC), unitsOf(first.suppliedPayment?.maxAmount, USDC) * 2n)
    assert.equal((await ask()).payments?.length, 1)
  })

  it('must be shown with the swap, and counts whatever amount the payer put in', async () => {
    await shop.allow(tokenOf(USDC), 0n)
    const voucher = await shop.quoted(await shop.ask('10', EURC), USDC)
    const [approval, swap] = voucher.payments ?? []
    assert.ok(approval && swap)
    const approved = await shop.allow(tokenOf(USDC), 10n ** 30n)
    const swapped = await shop.send(swap)
    const swapReceipt = { paymentId: swap.id, transactionHash: swapped }
    const incomplete = await shop.resolve(voucher, [swapReceipt])
    assert.deepEqual([incomplete.status, incomplete.body.code], [400, 'validation_failed'])
    const mixedUp = await shop.resolve(voucher, [swapReceipt, { paymentId: approval.id, transactionHash: swapped }])
    assert.deepEqual([mixedUp.status, mixedUp.body.code], [400, 'receipt_rejected'])
    assert.match(mixedUp.body.detail ?? '', /does not let \S+ take the token/)
    const { body } = await shop.resolve(voucher, [{ paymentId: approval.id, transactionHash: approved }, swapReceipt])
    assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
  })

  it('of too little makes the swap revert, and says so', async () => {
    await shop.allow(tokenOf(USDC), 0n)
    const voucher = await shop.quoted(await shop.ask('10', EURC), USDC)
    const [approval, swap] = voucher.payments ?? []
    assert.ok(approval && swap)
    const approved = await shop.allow(tokenOf(USDC), 1n)
    const receipts = [
      { paymentId: approval.id, transactionHash: approved },
      { paymentId: swap.id, transactionHash: await shop.send(swap) },
    ]
    const { status, body } = await shop.resolve(voucher, receipts)
    assert.deepEqual([status, body.code], [400, 'receipt_rejected'])
    assert.match(body.detail ?? '', /has not approved enough/)
    await assertPays(await shop.quoted(voucher, USDC), USDC, EURC)
  })
})
