import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { erc20Abi } from 'viem'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { SessionPaymentsView, SessionResolvedView, VoucherView } from '../../src/protocol/schemas.ts'
import { SANDBOX_ACCOUNT_CODE, SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { placeAccountCode } from '../../src/sandbox/sandbox-account.ts'
import { ok } from '../http/problems.ts'
import { devAccount } from '../support/anvil.ts'
import { CURRENCIES, succeed } from '../support/exchange.ts'
import { asking, newParties, openSession, type Parties, redeemInSession } from '../support/server.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES

let shop: SwapShop
let parties: Parties
before(async () => {
  shop = await openSwapShop()
  await placeAccountCode(shop.chain.client)
  parties = await newParties(shop.server.url, { payers: [shop.payer.address, devAccount(3).address] })
})
after(() => shop.stop())

/** What a payee asks, and what the payer gives for it instead. */
type Order = { amount: string; asked: Currency; supplied?: Currency; to?: Hex; wallet?: Hex }

async function openOrders(orders: Order[]): Promise<{ sessionId: string; vouchers: VoucherView[] }> {
  const { id: sessionId } = await openSession(parties)
  const vouchers: VoucherView[] = []
  for (const { amount, asked, supplied, to = shop.newRecipient(), wallet = shop.payer.address } of orders) {
    const voucher = await redeemInSession(parties, sessionId, asking(amount, asked, to))
    vouchers.push(supplied === undefined ? voucher : await negotiate(voucher, supplied, wallet))
  }
  return { sessionId, vouchers }
}

async function negotiate({ id }: VoucherView, { network, symbol, address }: Currency, wallet: Hex) {
  const suppliedPayment = {
    network,
    currency: symbol,
    currencyAddress: address,
    amount: '1',
    wallet: { address: wallet },
  }
  return ok(await parties.payer.post<VoucherView>(`/vouchers/${id}/negotiate-voucher`, { suppliedPayment }))
}

async function paymentsOf(sessionId: string, query = ''): Promise<SessionPaymentsView> {
  return ok(await parties.payer.get<SessionPaymentsView>(`/vouchers/sessions/${sessionId}/payments${query}`))
}

/** Makes the calls of a batch in one transaction of the payer's account, which delegates to the code for that. */
async function sendBatch({ batches: [batch] }: SessionPaymentsView): Promise<Hex> {
  assert.ok(batch)
  const { client } = shop.chain
  const calls = batch.request.params[0].calls.map(({ to, value, data }) => ({
    ...{ to: to as Hex, value: BigInt(value), data: data as Hex },
  }))
  const account = shop.payer
  const contractAddress = SANDBOX_ACCOUNT_CODE
  const authorization = await client.signAuthorization({ account, contractAddress, executor: 'self' })
  const hash = await client.sendTransaction({
    ...{ account, to: account.address, data: encodeExecuteData({ calls }) },
    ...{ authorizationList: [authorization], gas: 5_000_000n },
  })
  await succeed(shop.chain, hash)
  return hash
}

const kindsOf = ({ batches: [batch] }: SessionPaymentsView) =>
  batch?.request.params[0].calls.map(({ to, data }) =>
    to === SANDBOX_EXCHANGE.router ? 'swap' : data.startsWith('0x095ea7b3') ? 'approve' : 'transfer',
  )

describe('a session that is paid in other currencies', () => {
  it('is paid with one signature: approval, swap, approval, swap, and a transfer between them', async () => {
    const to = [shop.newRecipient(), shop.newRecipient()] as const
    const { sessionId, vouchers } = await openOrders([
      { amount: '100', asked: EURC, supplied: USDC, to: to[0] },
      { amount: '3', asked: USDC, to: to[1] },
      { amount: '250', asked: EURC, supplied: USDC, to: to[0] },
      { amount: '100', asked: EURC, supplied: USDC, to: to[0] },
    ])
    const plan = await paymentsOf(sessionId)
    assert.deepEqual(plan.separate, [])
    assert.deepEqual(kindsOf(plan), ['approve', 'swap', 'transfer', 'approve', 'swap', 'approve', 'swap'])
    assert.deepEqual(plan.batches[0]?.simulation, { status: 'OK' })
    const quotes = vouchers.flatMap(({ suppliedPayment }) => suppliedPayment?.expiresAt ?? [])
    assert.equal(plan.batches[0]?.expiresAt, quotes.toSorted()[0])

    const transactionHash = await sendBatch(plan)
    const receipts = plan.batches[0]?.paymentIds.map((paymentId) => ({ paymentId, transactionHash }))
    const path = `/vouchers/sessions/${sessionId}/session-resolve`
    const { results } = ok(await parties.payer.post<SessionResolvedView>(path, { receipts }))
    assert.deepEqual(
      results.map(({ voucher, problem }) => voucher?.status ?? problem?.detail),
      Array(4).fill('RESOLVED'),
    )
    assert.equal(await shop.balance(EURC, to[0]), 450_000_000n)
    assert.equal(await shop.balance(USDC, to[1]), 3_000_000n)
  })

  it('leaves out what only a transaction of its own proves, and says why', async () => {
    const { sessionId, vouchers } = await openOrders([
      { amount: '1', asked: EURC, supplied: POL },
      { amount: '1', asked: EURC },
      { amount: '1', asked: POL, supplied: USDC },
      { amount: '1', asked: POL },
      { amount: '1', asked: EURC, supplied: USDC, wallet: devAccount(3).address },
    ])
    const call = { from: '{payer}', to: shop.newRecipient(), value: '0', data: '0x' }
    const terms = {
      networks: [{ network: EURC.network, type: 'evm', chainId: '31337' }],
      payments: [{ type: 'send_transaction', input: call }],
    }
    vouchers.push(await redeemInSession(parties, sessionId, terms))
    const reasons = ['native_swap', null, 'native_swap', 'native_coin', 'other_wallet', 'custom_call']
    const plan = await paymentsOf(sessionId)
    assert.deepEqual(
      vouchers.map(({ id }) => plan.separate.find(({ voucherId }) => voucherId === id)?.reason ?? null),
      reasons,
    )
    for (const { voucherId, paymentIds } of plan.separate) {
      const voucher = vouchers.find(({ id }) => id === voucherId)
      assert.deepEqual(
        paymentIds,
        voucher?.payments?.map(({ id }) => id),
      )
    }
    assert.deepEqual(plan.batches[0]?.voucherIds, [vouchers[1]?.id])

    const others = await paymentsOf(sessionId, `?wallet=${devAccount(3).address}`)
    assert.deepEqual(others.batches[0]?.voucherIds, [vouchers[1]?.id, vouchers[4]?.id])
    assert.equal(others.batches[0]?.request.params[0].from, devAccount(3).address)
  })

  it('spends what the wallet allows the exchange already once', async () => {
    const approval = { abi: erc20Abi, address: EURC.address as Hex, functionName: 'approve' } as const
    const args = [SANDBOX_EXCHANGE.router, 6_000_000n] as const
    await succeed(shop.chain, await shop.chain.client.writeContract({ ...approval, args, account: shop.payer }))
    const { sessionId, vouchers } = await openOrders([
      { amount: '3', asked: USDC, supplied: EURC },
      { amount: '50', asked: USDC, supplied: EURC },
      { amount: '4', asked: USDC, supplied: EURC },
    ])
    const plan = await paymentsOf(sessionId)
    assert.deepEqual(kindsOf(plan), ['swap', 'approve', 'swap'])
    assert.deepEqual(
      plan.separate.map(({ voucherId, reason }) => [voucherId, reason]),
      [[vouchers[2]?.id, 'allowance_in_use']],
    )
    assert.deepEqual(plan.batches[0]?.simulation, { status: 'OK' })
  })

  it('leaves out a quote that has expired', async () => {
    const { sessionId, vouchers } = await openOrders([{ amount: '1', asked: EURC, supplied: USDC }])
    const [{ suppliedPayment }] = vouchers as [VoucherView]
    shop.server.clock.advance(Date.parse(suppliedPayment?.expiresAt ?? '') - shop.server.clock.now())
    const { batches, separate } = await paymentsOf(sessionId)
    assert.deepEqual([batches, separate.map(({ reason }) => reason)], [[], ['quote_expired']])
  })
})
