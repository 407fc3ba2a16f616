import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { maxUint256, parseUnits } from 'viem'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { CURRENCIES, tokenOf } from '../support/exchange.ts'
import { drain } from '../support/pools.ts'
import type { Answer } from '../support/server.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES

const MOVED = /the price has moved beyond the slippage bound/

let shop: SwapShop
before(async () => {
  shop = await openSwapShop()
})
after(() => shop.stop())

/** What raises the price of a quote when somebody else buys it: by 0.1 percent, or by 2. */
async function purchase(voucher: VoucherView, asked: Currency, far: boolean) {
  const route = (await shop.quotesOf(voucher)).at(-1)?.route
  const [pay, get, fee] = [route?.tokens.at(-2), route?.tokens.at(-1), route?.fees.at(-1)]
  assert.ok(pay && get && fee)
  return { pay, get, fee, units: parseUnits(far ? '100000' : '5000', asked.decimals) }
}

/** What the payer holds of what it pays with, gas aside. */
async function held(supplied: Currency, hashes: Hex[]): Promise<bigint> {
  let units = await shop.balance(supplied, shop.payer.address)
  if (supplied === POL) for (const hash of hashes) units += await shop.gasOf(hash)
  return units
}

async function assertMoved(voucher: VoucherView, { status, body }: Answer<VoucherView>): Promise<void> {
  assert.deepEqual([status, body.code], [400, 'receipt_rejected'], JSON.stringify(body))
  assert.match(body.detail ?? '', MOVED)
  await assertFailed(voucher, MOVED)
}

async function assertFailed(voucher: VoucherView, reason: RegExp): Promise<void> {
  const { status, settlement } = await shop.look(voucher)
  assert.deepEqual([status, settlement?.status], ['REDEEMED', 'FAILED'])
  assert.match(settlement?.failure ?? '', reason)
  assert.equal((await shop.events(voucher)).at(-1), 'voucher.settlement_failed')
}

async function assertPays(voucher: VoucherView, asked: Currency): Promise<void> {
  const { body } = await shop.resolve(voucher, await shop.sendAll(voucher))
  assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
  const { amount, wallet } = voucher.expectedPayment ?? {}
  const got = await shop.balance(asked, shop.addressOf(wallet?.address))
  assert.equal(got, parseUnits(amount ?? '', asked.decimals))
}

for (const [supplied, asked, amount, allowance] of [
  [USDC, EURC, '100', 0n],
  [USDC, EURC, '100', maxUint256],
  [POL, EURC, '100', 0n],
  [EURC, POL, '10', 0n],
] as const) {
  const allowed = supplied === POL ? '' : allowance === 0n ? ', with an exact approval' : ', with an endless approval'
  describe(`the price of ${asked.symbol} in ${supplied.symbol} rises after the quote${allowed}`, () => {
    beforeEach(async () => {
      if (supplied !== POL) await shop.allow(tokenOf(supplied), allowance)
    })

    it('within the bound: the payee gets exactly what it asked, and the payer pays more', async () => {
      const voucher = await shop.quoted(await shop.ask(amount, asked), supplied)
      await shop.chain.buy(await purchase(voucher, asked, false))
      const before = await held(supplied, [])
      const receipts = await shop.sendAll(voucher)
      const { body } = await shop.resolve(voucher, receipts)
      assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
      const hashes = receipts.map(({ transactionHash }) => transactionHash)
      const paid = before - (await held(supplied, hashes))
      const [quoted, most] = [voucher.suppliedPayment?.amount, voucher.suppliedPayment?.maxAmount].map((units) =>
        parseUnits(units ?? '', supplied.decimals),
      )
      assert.ok(quoted && most && quoted < paid && paid <= most, `${quoted} < ${paid} <= ${most}`)
    })

    it('beyond the bound: nothing moves, the voucher says why, and can be paid at another quote', async () => {
      const voucher = await shop.quoted(await shop.ask(amount, asked), supplied)
      await shop.chain.buy(await purchase(voucher, asked, true))
      const before = await held(supplied, [])
      const receipts = await shop.sendAll(voucher)
      await assertMoved(voucher, await shop.resolve(voucher, receipts))
      await assertMoved(voucher, await shop.resolve(voucher, receipts))
      assert.equal((await shop.events(voucher)).filter((type) => type === 'voucher.settlement_failed').length, 1)
      assert.equal(
        await held(
          supplied,
          receipts.map(({ transactionHash }) => transactionHash),
        ),
        before,
      )
      assert.equal(await shop.balance(asked, shop.addressOf(voucher.expectedPayment?.wallet.address)), 0n)
      await assertPays(await shop.quoted(voucher, supplied), asked)
    })
  })
}

it('a swap that waited for its block, and stood behind another there, fails with its reason', async () => {
  await shop.allow(tokenOf(USDC), maxUint256)
  const voucher = await shop.quoted(await shop.ask('100', EURC), USDC)
  await shop.withoutBlocks(async () => {
    const pending = await shop.resolve(voucher, await shop.sendAll(voucher))
    assert.deepEqual([pending.body.status, pending.body.settlement?.status], ['REDEEMED', 'PENDING'])
    await shop.chain.bid(await purchase(voucher, EURC, true), 100_000_000_000n)
  })
  await shop.until(voucher, ({ settlement }) => settlement?.status === 'FAILED')
  await assertFailed(voucher, MOVED)
  await assertPays(await shop.quoted(voucher, USDC), EURC)
})

describe('the pools are drained', () => {
  it('after the quote: the swap reverts, and nothing moves', async () => {
    await shop.allow(tokenOf(USDC), maxUint256)
    const quoted = [
      await shop.quoted(await shop.ask('100', EURC), USDC),
      await shop.quoted(await shop.ask('1', EURC), POL),
    ]
    for (const position of [1n, 2n]) await drain(shop.chain, position, shop.newRecipient())
    for (const [index, voucher] of quoted.entries()) {
      const supplied = index === 0 ? USDC : POL
      const before = await held(supplied, [])
      const receipts = await shop.sendAll(voucher)
      const { status, body } = await shop.resolve(voucher, receipts)
      assert.deepEqual([status, body.code], [400, 'receipt_rejected'])
      assert.match(body.detail ?? '', /the transaction reverted/)
      await assertFailed(voucher, /the transaction reverted/)
      assert.equal(
        await held(
          supplied,
          receipts.map(({ transactionHash }) => transactionHash),
        ),
        before,
      )
    }
  })

  it('before the quote: there is none, in plain words; the payer can still pay as asked', async () => {
    const voucher = await shop.ask('100', EURC)
    for (const supplied of [USDC, POL]) {
      const { status, body } = await shop.negotiate(voucher.id, supplied)
      assert.deepEqual([status, body.code], [400, 'validation_failed'])
      assert.match(body.detail ?? '', /nobody here exchanges \w+ for EURC on polygon, or not that much/)
    }
    await assertPays(voucher, EURC)
  })
})
