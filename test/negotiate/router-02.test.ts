import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { getAddress, parseUnits } from 'viem'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import { UniswapV3 } from '../../src/fx/uniswap-v3.ts'
import type {
  SessionPaymentsView,
  SessionResolvedView,
  VoucherReviewView,
  VoucherView,
} from '../../src/protocol/schemas.ts'
import { SANDBOX_ACCOUNT_CODE, SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { placeAccountCode } from '../../src/sandbox/sandbox-account.ts'
import { startFaultyNode } from '../chains/faulty-node.ts'
import { ok } from '../http/problems.ts'
import { CURRENCIES, openChain, succeed, tokenOf } from '../support/exchange.ts'
import { deployRouter02 } from '../support/router-02.ts'
import { asking, openSession, redeemInSession, reserve } from '../support/server.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES
const { quoter } = SANDBOX_EXCHANGE
const OPERATOR = getAddress(`0x${randomBytes(20).toString('hex')}`)

const PAIRS: readonly [Currency, Currency][] = [
  [USDC, EURC],
  [POL, EURC],
  [EURC, POL],
]

let shop: SwapShop
let router: Hex
before(async () => {
  shop = await openSwapShop({
    swaps: { fee: { bps: 30, recipient: OPERATOR } },
    served: async (network, chain) => {
      router = await deployRouter02(chain)
      return { ...network, fx: { uniswapV3: { quoter, router }, rates: [], maxDisagreementBps: 200 } }
    },
  })
})
after(() => shop.stop())

describe('SwapRouter02', () => {
  for (const [supplied, asked] of PAIRS) {
    // Of so little EURC the operator takes nothing, so that it is one swap.
    for (const amount of ['12.5', '0.0003']) {
      it(`swaps ${supplied.symbol} for exactly ${amount} ${asked.symbol}, and what is left comes back`, async () => {
        const [to, units] = [shop.newRecipient(), parseUnits(amount, asked.decimals)]
        const voucher = await shop.quoted(await shop.ask(amount, asked, to), supplied)
        const [had, wealth] = [await shop.balance(asked, OPERATOR), await shop.balance(supplied, shop.payer.address)]
        const receipts = await shop.sendAll(voucher)
        assert.equal(shop.swapOf(voucher).input.to, router)
        const { body } = await shop.resolve(voucher, receipts)
        assert.deepEqual([body.status, body.late], ['RESOLVED', false], JSON.stringify(body))
        assert.equal(await shop.balance(asked, to), units)
        assert.equal((await shop.balance(asked, OPERATOR)) - had, (units * 30n) / 10_000n)
        let paid = wealth - (await shop.balance(supplied, shop.payer.address))
        if (supplied === POL) for (const { transactionHash } of receipts) paid -= await shop.gasOf(transactionHash)
        const quoted = parseUnits(voucher.suppliedPayment?.amount ?? '', supplied.decimals)
        assert.ok(paid <= quoted && quoted - paid <= 4n, `${paid} of ${quoted}`)
        for (const currency of [POL, EURC, USDC]) assert.equal(await shop.balance(currency, router), 0n)
      })
    }

    it(`counts for ${asked.symbol}, paid with ${supplied.symbol}, with what a wallet adds behind the data`, async () => {
      const voucher = await shop.quoted(await shop.ask('5', asked), supplied)
      const attributed = voucher.payments?.map(({ input, ...payment }) => {
        return {
          ...payment,
          input: { ...input, data: `${input.data}07626173656170700080218021802180218021802180218021` },
        }
      })
      const { body } = await shop.resolve(voucher, await shop.sendAll({ ...voucher, payments: attributed }))
      assert.deepEqual([body.status, body.late], ['RESOLVED', false], JSON.stringify(body))
    })

    it(`reverts where ${asked.symbol} has become too dear in ${supplied.symbol}, or its quote has expired`, async () => {
      const voucher = await shop.quoted(await shop.ask('100', asked), supplied)
      const route = (await shop.quotesOf(voucher))[0]?.route
      const [pay, get, fee] = [route?.tokens.at(-2), route?.tokens.at(-1), route?.fees.at(-1)]
      assert.ok(pay && get && fee)
      await shop.chain.buy({ pay, get, fee, units: parseUnits('100000', asked.decimals) })
      const moved = await shop.resolve(voucher, await shop.sendAll(voucher))
      assert.equal(moved.body.code, 'receipt_rejected', JSON.stringify(moved.body))
      assert.match(moved.body.detail ?? '', /the price has moved beyond the slippage bound/)

      const next = await shop.quoted(voucher, supplied)
      await shop.pass(130)
      const expired = await shop.resolve(next, await shop.sendAll(next))
      assert.equal(expired.body.code, 'receipt_rejected', JSON.stringify(expired.body))
      assert.match(expired.body.detail ?? '', /the quote has expired: the time/)
    })
  }

  it('swaps in the middle of a batch that one signature makes', async () => {
    await placeAccountCode(shop.chain.client)
    const { id } = await openSession(shop.parties)
    const [to, other] = [shop.newRecipient(), shop.newRecipient()]
    const negotiated = await redeemInSession(shop.parties, id, asking('100', EURC, to))
    await shop.quoted(negotiated, USDC)
    await redeemInSession(shop.parties, id, asking('3', USDC, other))
    const path = `/vouchers/sessions/${id}`
    const { batches, separate } = ok(await shop.parties.payer.get<SessionPaymentsView>(`${path}/payments`))
    const [batch] = batches
    assert.ok(batch)
    assert.deepEqual([separate, batch.simulation], [[], { status: 'OK' }])
    const { client } = shop.chain
    const calls = batch.request.params[0].calls.map(({ to: contract, value, data }) => ({
      ...{ to: contract as Hex, value: BigInt(value), data: data as Hex },
    }))
    const account = shop.payer
    const authorization = await client.signAuthorization({
      ...{ account, contractAddress: SANDBOX_ACCOUNT_CODE, executor: 'self' },
    })
    const transactionHash = await client.sendTransaction({
      ...{ account, to: account.address, data: encodeExecuteData({ calls }) },
      ...{ authorizationList: [authorization], gas: 5_000_000n },
    })
    await succeed(shop.chain, transactionHash)
    const receipts = batch.paymentIds.map((paymentId) => ({ paymentId, transactionHash }))
    const { results } = ok(await shop.parties.payer.post<SessionResolvedView>(`${path}/session-resolve`, { receipts }))
    assert.deepEqual(
      results.map(({ voucher, problem }) => voucher?.status ?? problem?.detail),
      ['RESOLVED', 'RESOLVED'],
    )
    assert.deepEqual([await shop.balance(EURC, to), await shop.balance(USDC, other)], [100_000_000n, 3_000_000n])
  })

  it('is told to the payer, and known as such where a payee asks for it in a call', async () => {
    const voucher = await shop.quoted(await shop.ask('10', EURC), POL)
    const { input } = shop.swapOf(voucher)
    const { body } = await shop.parties.payer.get<VoucherReviewView>(`/vouchers/${voucher.id}/review`)
    assert.deepEqual(body.payments.at(-1)?.simulation, { status: 'OK' })
    const { payments: [payment] = [] } = await redeemCall(input)
    assert.match(payment?.summary ?? '', /Make 3 calls through .*Swap at most .* for 10 EURC, for 0x/)
  })

  it('is no recipient, nor is its wrapped coin, a pool, or another token', async () => {
    await shop.quoted(await shop.ask('1', EURC), USDC)
    const { router: first, wrappedNative, factory } = SANDBOX_EXCHANGE
    const pool = (await shop.quotesOf(await shop.quoted(await shop.ask('1', EURC), USDC)))[0]?.route.pools[0]
    assert.ok(pool)
    for (const [asked, to, detail] of [
      [EURC, tokenOf(USDC), /is the contract of the token USDC: the money would be lost/],
      [EURC, tokenOf(EURC), /is the contract of the token EURC/],
      [POL, tokenOf(EURC).toLowerCase(), /is the contract of the token EURC/],
      ...[router, quoter, wrappedNative, factory, pool].map(
        (to) => [EURC, to, /is a contract of the exchange/] as const,
      ),
    ] as const) {
      const { id } = await reserve(shop.parties)
      const terms = asking('1', asked, to as Hex)
      const { status, body } = await shop.parties.payee.post<VoucherView>(`/vouchers/${id}/redeem-voucher`, terms)
      assert.deepEqual([status, body.code], [400, 'validation_failed'], JSON.stringify(body))
      assert.match(JSON.stringify(body), detail)
    }
    // A contract that the server does not know may well be the payee's own.
    assert.equal((await shop.ask('1', EURC, first)).status, 'REDEEMED')
  })

  it('is told from the first router by asking, and a node that fails is no answer', async () => {
    const node = await startFaultyNode(shop.chain.rpcUrl)
    try {
      const versions: (string | undefined)[] = []
      for (const contract of [router, SANDBOX_EXCHANGE.router]) {
        const uniswap = new UniswapV3(openChain(node.url), { quoter, router: contract })
        const ask = () => uniswap.quote({ from: USDC, to: EURC, exact: 'out', units: 1_000_000n })
        const batch = '0x5ae401dc'
        node.fault = ({ method, params }) =>
          method === 'eth_call' && JSON.stringify(params).includes(batch) ? { status: 500 } : undefined
        await assert.rejects(ask(), { name: 'ChainUnavailable' })
        node.fault = () => undefined
        versions.push((await ask())?.route?.routerVersion)
      }
      assert.deepEqual(versions, ['02', undefined])
    } finally {
      await node.stop()
    }
  })
})

async function redeemCall(input: { to: string; value: string; data: string }) {
  const { id } = await openSession(shop.parties)
  const { to, value, data } = input
  return redeemInSession(shop.parties, id, {
    networks: [{ network: EURC.network, type: 'evm', chainId: '31337' }],
    payments: [{ type: 'send_transaction', input: { from: '{payer}', to, value, data } }],
  })
}
