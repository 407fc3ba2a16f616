import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createWalletClient, custom, type Hex, keccak256, publicActions, toHex } from 'viem'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import {
  createPayee,
  createPayer,
  type Payee,
  type Payer,
  type PayerWallet,
  PaymentFailedError,
  type SentCalls,
  type SentPayment,
  signInWithWallet,
  transactionOf,
  UnresolvedError,
  viemWallet,
} from '../../src/client/index.ts'
import type { Currency } from '../../src/domain/currency.ts'
import { SANDBOX_ACCOUNT_CODE } from '../../src/sandbox/facts.ts'
import { placeAccountCode } from '../../src/sandbox/sandbox-account.ts'
import { openSwapShop, type SwapShop } from '../negotiate/swap-shop.ts'
import { CURRENCIES } from '../support/exchange.ts'
import { asking } from '../support/server.ts'

const { EURC, USDC, POL } = CURRENCIES

let shop: SwapShop
let wallet: PayerWallet
let payer: Payer
let payee: Payee
/** What the wallet was asked for, in order. */
let asked: string[]

before(async () => {
  shop = await openSwapShop({ times: { resolveWaitMs: 5000 } })
  await placeAccountCode(shop.chain.client)
  asked = []
  wallet = openWallet({ batches: 'ready' })
  const { url } = shop.server
  const { chainId } = shop.chain
  payer = createPayer({ url, token: await signInWithWallet({ url, wallet, chainId }) })
  const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address: wallet.address }] })
  payee = createPayee({ url, contextCode: code })
})
after(() => shop.stop())

type Payment = Parameters<typeof transactionOf>[0] & { id: string }

type Request = { method: string; params?: unknown }

type WalletKind = {
  batches: 'ready' | 'unsupported' | 'refused'
  /** Which chain it is on at first. */
  place?: 'here' | 'elsewhere' | 'stuck elsewhere'
  /** Whether the way to its node breaks when it sends. */
  isCutOff?: boolean
  /** What it says of its calls in the place of what is so. */
  says?: object
}

/** A wallet of the browser: it knows EIP-5792 and delegates (EIP-7702), or says that it does not. */
function openWallet({ batches, place = 'here', isCutOff = false, says }: WalletKind): PayerWallet {
  const { payer: account, chain } = shop
  let isElsewhere = place !== 'here'
  const node = chain.client.transport
  const sendCalls = async (params: unknown): Promise<{ id: Hex }> => {
    if (batches === 'refused') throw Object.assign(new Error('rejected the upgrade'), { code: 5750 })
    const [{ calls }] = params as [{ calls: { to: Hex; value: Hex; data: Hex }[] }]
    const { client } = chain
    const contractAddress = SANDBOX_ACCOUNT_CODE
    const authorization = await client.signAuthorization({ account, contractAddress, executor: 'self' })
    const data = encodeExecuteData({ calls: calls.map((call) => ({ ...call, value: BigInt(call.value) })) })
    const gas = 5_000_000n
    const authorizationList = [authorization]
    return { id: await client.sendTransaction({ account, to: account.address, data, authorizationList, gas }) }
  }
  const request = async ({ method, params }: Request): Promise<unknown> => {
    if (/^eth_send|^wallet_sendCalls/.test(method)) asked.push(method)
    if (isCutOff && /^eth_send/.test(method)) throw new Error('cut off')
    switch (method) {
      case 'eth_chainId':
        return toHex(isElsewhere ? 1 : chain.chainId)
      case 'wallet_switchEthereumChain':
        isElsewhere = place === 'stuck elsewhere'
        return null
      case 'wallet_getCapabilities':
        if (batches === 'unsupported') throw Object.assign(new Error('unknown method'), { code: -32601 })
        return { [toHex(chain.chainId)]: { atomic: { status: 'ready' } } }
      case 'wallet_sendCalls':
        return sendCalls(params)
      case 'wallet_getCallsStatus': {
        const [id] = params as [Hex]
        const receipt = await node.request({ method: 'eth_getTransactionReceipt', params: [id] })
        const finished = { version: '2.0.0', id, chainId: toHex(chain.chainId), atomic: true, status: 200 }
        return { ...finished, ...(says ?? { receipts: [receipt] }) }
      }
      default:
        return node.request({ method, params })
    }
  }
  const transport = custom({ request }, { retryCount: 0 })
  return viemWallet(createWalletClient({ account, transport, pollingInterval: 20 }).extend(publicActions), {
    keccak256,
  })
}

/** How much more gas a transaction was given than its node would have asked for. */
async function gasToSpare(transactionHash: string | null = ''): Promise<bigint> {
  const { client } = shop.chain
  const { from, to, input, value, gas, blockNumber } = await client.getTransaction({ hash: transactionHash as Hex })
  const account = from
  return gas - (await client.estimateGas({ account, to, data: input, value, blockNumber: (blockNumber ?? 0n) - 1n }))
}

/** A wallet that ends with the program right after it has sent something. */
function dyingWallet(): PayerWallet {
  const dead = async () => {
    throw new Error('gone')
  }
  return { ...wallet, waitForTransaction: dead }
}

async function ask(amount: string, currency: Currency, to = shop.newRecipient()) {
  const { id } = await payee.reserveVoucher()
  return payee.redeemVoucher(id, asking(amount, currency, to))
}

async function askInSession(orders: { amount: string; currency: Currency; to?: Hex }[]) {
  const session = await payee.openSession()
  for (const { amount, currency, to = shop.newRecipient() } of orders) {
    const { id } = await payee.reserveVoucherInSession(session.id)
    await payee.redeemVoucher(id, asking(amount, currency, to))
  }
  return session.id
}

const paysIn = ({ network, symbol, address }: Currency) => ({
  suppliedPayment: { network, currency: symbol, currencyAddress: address, wallet: { address: wallet.address } },
})

/** What the wallet was asked for meanwhile. */
async function asksFor<T>(act: () => Promise<T>): Promise<[T, string[]]> {
  const earlier = asked.length
  const result = await act()
  return [result, asked.slice(earlier)]
}

/** The hash of nothing. */
const UNHEARD_OF: Hex = `0x${'ab'.repeat(32)}`

const TRANSACTION = 'eth_sendRawTransaction'

describe('pay', () => {
  it('sends what is asked, and the payee hears of it until it is settled', async () => {
    const to = shop.newRecipient()
    const { id } = await ask('100', EURC, to)
    const settled = payee.waitForSettlement(id)
    assert.equal((await payer.pay(id, wallet)).status, 'RESOLVED')
    assert.equal(await shop.balance(EURC, to), 100_000_000n)
    assert.equal((await settled).settlement.status, 'CONFIRMED')
  })

  it('is done as well by whoever sends the transaction that a payment stands for', async () => {
    const { client } = shop.chain
    const { payer: account } = shop
    const sends = [
      (payment: Payment) => client.sendTransaction({ account, ...transactionOf(payment, account.address, BigInt) }),
      (payment: Payment) =>
        client.transport.request({ method: 'eth_sendTransaction', params: [transactionOf(payment, account.address)] }),
    ]
    for (const [currency, amount] of [
      [EURC, '2'],
      [POL, '0.5'],
    ] as const) {
      for (const send of sends) {
        const { id, payments: [payment] = [] } = await ask(amount, currency)
        assert.ok(payment)
        const receipts = [{ paymentId: payment.id, transactionHash: `${await send(payment)}` }]
        const { status } = await payer.resolveVoucher(id, currency === EURC ? receipts : { receipts })
        assert.equal(status, 'RESOLVED')
      }
    }
  })

  it('pays in another currency: the approval, then the swap that builds on it', async () => {
    const to = shop.newRecipient()
    const { id } = await ask('20', EURC, to)
    await payer.negotiateVoucher(id, paysIn(USDC))
    const [{ settlement }, sent] = await asksFor(() => payer.pay(id, wallet))
    assert.deepEqual(sent, [TRANSACTION, TRANSACTION])
    assert.equal(await shop.balance(EURC, to), 20_000_000n)
    const [swap] = settlement?.transactions.slice(-1) ?? []
    assert.ok((await gasToSpare(swap?.transactionHash)) >= 60_000n)
  })

  it('has kept what a local key signs before it goes out, and sends that very transaction when it goes on', async () => {
    const { id } = await ask('6', EURC)
    const kept: SentPayment[] = []
    const onSigned = (signed: SentPayment) => void kept.push(signed)
    const cut = openWallet({ batches: 'ready', isCutOff: true })
    await assert.rejects(payer.pay(id, cut, { onSigned }), (error) => {
      assert.deepEqual(error instanceof UnresolvedError && error.sent, kept)
      return error instanceof UnresolvedError && /cut off/.test(error.message)
    })
    const [{ transactionHash, signedTransaction } = {}] = kept
    assert.ok(signedTransaction)
    const { settlement } = await payer.pay(id, wallet, { sent: kept })
    assert.equal(settlement?.transactions[0]?.transactionHash, transactionHash)

    const { id: over } = await ask('7', EURC)
    await assert.rejects(payer.pay(over, cut, { onSigned }), /cut off/)
    await payee.discardVoucher(over)
    const mortal: PayerWallet = { ...wallet, waitForTransaction: dyingWallet().waitForTransaction }
    const [, sent] = await asksFor(() => assert.rejects(payer.pay(over, mortal, { sent: kept }), isUnresolved('gone')))
    assert.deepEqual(sent, [], 'nobody waits for it any more')

    const refuse = () => {
      throw new Error('no room')
    }
    const { id: unkept } = await ask('8', EURC)
    const [, none] = await asksFor(() =>
      assert.rejects(payer.pay(unkept, wallet, { onSigned: refuse }), { message: 'no room' }),
    )
    assert.deepEqual(none, [], 'what cannot be kept does not go out')
  })

  it('sends nothing that would fail, and nothing for a voucher that is over', async () => {
    const { id } = await ask('1000000000', EURC)
    const { id: discarded } = await ask('1', EURC)
    await payee.discardVoucher(discarded)
    const [, sent] = await asksFor(async () => {
      await assert.rejects(payer.pay(id, wallet), { code: 'not_payable' })
      await assert.rejects(payer.pay(discarded, wallet), { code: 'not_payable' })
      const stranger = { ...wallet, address: shop.newRecipient() }
      await assert.rejects(payer.pay((await ask('1', EURC)).id, stranger), { code: 'validation_failed' })
      const tired = { signal: AbortSignal.abort(new Error('enough')) }
      await assert.rejects(payer.pay((await ask('1', EURC)).id, wallet, tired), { message: 'enough' })
    })
    assert.deepEqual(sent, [])
  })

  it('goes on where it was interrupted, and pays nothing twice', async () => {
    const to = shop.newRecipient()
    const { id } = await ask('5', EURC, to)
    await payer.negotiateVoucher(id, paysIn(USDC))
    const kept: SentPayment[] = []
    const onSent = (sent: SentPayment) => void kept.push(sent)
    await assert.rejects(payer.pay(id, dyingWallet(), { onSent }), (error) => {
      assert.deepEqual(error instanceof UnresolvedError && error.sent, kept)
      return isUnresolved('gone')(error)
    })
    assert.equal(kept.length, 1)
    const [paid, sent] = await asksFor(() => payer.pay(id, wallet, { onSent, sent: kept }))
    assert.equal(paid.status, 'RESOLVED')
    assert.deepEqual(sent, [TRANSACTION], 'the approval had been sent')
    const [again, sentAgain] = await asksFor(() => payer.pay(id, wallet))
    assert.deepEqual([again.status, sentAgain], ['RESOLVED', []])
    assert.equal(await shop.balance(EURC, to), 5_000_000n)
  })

  it('hands in what was paid, though the payer has left meanwhile and its hook failed', async () => {
    const leaving = new AbortController()
    const { id } = await ask('1', EURC)
    const onSent = () => {
      leaving.abort()
      throw new Error('no room')
    }
    assert.equal((await payer.pay(id, wallet, { signal: leaving.signal, onSent })).status, 'RESOLVED')
  })

  it('gives back the receipts that the server does not take', async () => {
    const { id, payments = [] } = await ask('1', EURC)
    const transactionHash = UNHEARD_OF
    const mistaken: PayerWallet = {
      ...wallet,
      sendTransaction: async () => transactionHash,
      waitForTransaction: async () => ({ transactionHash, hasSucceeded: true }),
    }
    await assert.rejects(payer.pay(id, mistaken), (error) => {
      assert.ok(error instanceof UnresolvedError)
      assert.deepEqual(error.sent, [{ paymentId: payments[0]?.id, transactionHash }])
      assert.equal(codeOf(error.cause), 'receipt_rejected')
      return true
    })
  })

  it('signs the terms without paying', async () => {
    const { id } = await ask('1', EURC)
    const [signed, sent] = await asksFor(() => payer.sign(id, wallet))
    assert.deepEqual([signed.status, signed.signature?.publicKey, sent], ['REDEEMED', wallet.address, []])
    const { id: reserved } = await payee.reserveVoucher()
    await assert.rejects(payer.sign(reserved, wallet), { code: 'not_payable' })
  })

  it('takes the wallet to the chain of the payment, and sends nothing on another', async () => {
    const elsewhere = openWallet({ batches: 'unsupported', place: 'elsewhere' })
    assert.equal((await payer.pay((await ask('1', EURC)).id, elsewhere)).status, 'RESOLVED')
    const { id } = await ask('1', EURC)
    const stuck = openWallet({ batches: 'unsupported', place: 'stuck elsewhere' })
    const [, sent] = await asksFor(() =>
      assert.rejects(payer.pay(id, stuck), { code: 'not_payable', message: /must be on 31337/ }),
    )
    assert.deepEqual(sent, [])
  })

  it('waits for the block, and hands in again, where the server had not heard of the transaction', async () => {
    const { id } = await ask('2', EURC)
    const slow: PayerWallet = {
      ...wallet,
      // It tells the hash of what it will only send while it is waited for.
      sendTransaction: async () => UNHEARD_OF,
      waitForTransaction: async () => wallet.waitForTransaction(await wallet.sendTransaction(transaction)),
    }
    const [payment] = (await payer.getVoucher(id)).payments ?? []
    assert.ok(payment)
    const { to, data } = payment.input
    const transaction = { chainId: payment.chainId, to, data, value: 0n }
    assert.equal((await payer.pay(id, slow)).status, 'RESOLVED')
  })
})

describe('pay a session', () => {
  it('does not pay again what was sent, whatever the server says of it', async () => {
    const sessionId = await askInSession([
      { amount: '1', currency: EURC },
      { amount: '2', currency: EURC },
    ])
    const { batches } = await payer.getSessionPayments(sessionId)
    const [{ paymentIds }] = batches.length === 1 ? batches : [{ paymentIds: [] }]
    const { batch } = wallet
    assert.ok(batch && paymentIds?.length === 2)
    const unheardOf = { transactionHash: UNHEARD_OF, hasSucceeded: true }
    const forgetful = { ...wallet, batch: { ...batch, waitForCalls: async () => unheardOf } }
    const [results, sent] = await asksFor(() =>
      payer.paySession(sessionId, forgetful, { sent: [{ callsId: '0x1', paymentIds }] }),
    )
    assert.deepEqual(
      results.map(
        (result) => 'error' in result && result.error instanceof UnresolvedError && codeOf(result.error.cause),
      ),
      ['receipt_rejected', 'receipt_rejected'],
    )
    assert.deepEqual(sent, [])

    // Another price has other payments, and what was sent at the first may still be mined.
    for (const { voucherId } of results) await payer.negotiateVoucher(voucherId, paysIn(USDC))
    const again = await asksFor(() =>
      payer.paySession(sessionId, forgetful, { sent: [{ callsId: '0x1', paymentIds }] }),
    )
    assert.deepEqual([again[0].map((result) => 'error' in result), again[1]], [[true, true], []])
  })

  it('with one signature what can be batched, and the rest by itself', async () => {
    const [a, b, c] = [shop.newRecipient(), shop.newRecipient(), shop.newRecipient()]
    const sessionId = await askInSession([
      { amount: '10', currency: EURC, to: a },
      { amount: '0.5', currency: POL, to: c },
      { amount: '20', currency: USDC, to: b },
    ])
    const kept: (SentPayment | SentCalls)[] = []
    const [results, sent] = await asksFor(() =>
      payer.paySession(sessionId, wallet, { onSent: (one) => void kept.push(one) }),
    )
    assert.deepEqual(
      results.map((result) => ('voucher' in result ? result.voucher.status : result.error)),
      ['RESOLVED', 'RESOLVED', 'RESOLVED'],
    )
    assert.deepEqual(sent, ['wallet_sendCalls', TRANSACTION])
    const balances = [await shop.balance(EURC, a), await shop.balance(USDC, b), await shop.balance(POL, c)]
    assert.deepEqual(balances, [10_000_000n, 20_000_000n, 500_000_000_000_000_000n])
    assert.deepEqual(
      kept.map((one) => 'callsId' in one),
      [true, false],
    )
  })

  for (const batches of ['unsupported', 'refused'] as const) {
    it(`one after the other, where batches are ${batches}`, async () => {
      const sessionId = await askInSession([
        { amount: '1', currency: EURC },
        { amount: '1000000000', currency: USDC },
        { amount: '2', currency: USDC },
      ])
      const [results, sent] = await asksFor(() => payer.paySession(sessionId, openWallet({ batches })))
      assert.deepEqual(
        results.map((result) => ('voucher' in result ? result.voucher.status : codeOf(result.error))),
        ['RESOLVED', 'not_payable', 'RESOLVED'],
      )
      assert.deepEqual(sent.filter((method) => method === TRANSACTION).length, 2)
    })
  }

  it('through all of its pages, and leaves what was asked for since', async (t) => {
    const to = shop.newRecipient()
    const orders = ['1', '2', '3', '4', '5'].map((amount) => ({ amount, currency: EURC, to }))
    const sessionId = await askInSession(orders)
    const { fetch } = globalThis
    t.mock.method(globalThis, 'fetch', (url: string, init: RequestInit) =>
      fetch(url.replace('limit=100', 'limit=2'), init),
    )
    const early = (await payee.reserveVoucherInSession(sessionId)).id
    const later: string[] = []
    const onAsk = async () => {
      if (later.length > 0) return
      later.push(early, (await payee.reserveVoucherInSession(sessionId)).id)
      for (const id of later) await payee.redeemVoucher(id, asking('100', EURC, to))
    }
    const [results, sent] = await asksFor(() => payer.paySession(sessionId, wallet, { onAsk }))
    assert.deepEqual(
      results.map((result) => 'voucher' in result && result.voucher.status),
      orders.map(() => 'RESOLVED'),
    )
    assert.deepEqual(sent, ['wallet_sendCalls', 'wallet_sendCalls', TRANSACTION])
    assert.equal(await shop.balance(EURC, to), 15_000_000n)
    const left = await payer.paySession(sessionId, wallet)
    assert.deepEqual(left.map(({ voucherId }) => voucherId).toSorted(), later.toSorted())
  })

  it('hands in what one transaction has paid in as many calls as it takes', async () => {
    const orders = Array.from({ length: 101 }, () => ({ amount: '1', currency: EURC }))
    const sessionId = await askInSession(orders)
    const { batches } = await payer.getSessionPayments(sessionId, { limit: 1000 })
    const { batch } = wallet
    const [{ paymentIds = [] } = {}] = batches
    assert.ok(batch && paymentIds.length === orders.length)
    const unheardOf = { ...batch, waitForCalls: async () => ({ transactionHash: UNHEARD_OF, hasSucceeded: true }) }
    const [results, sent] = await asksFor(() =>
      payer.paySession(sessionId, { ...wallet, batch: unheardOf }, { sent: [{ callsId: '0x1', paymentIds }] }),
    )
    const codes = results.map(
      (result) => 'error' in result && result.error instanceof Error && codeOf(result.error.cause),
    )
    assert.deepEqual([codes, sent], [orders.map(() => 'receipt_rejected'), []])
  })

  it('goes on with calls that were sent before it was interrupted', async () => {
    const to = shop.newRecipient()
    const sessionId = await askInSession([
      { amount: '3', currency: EURC, to },
      { amount: '4', currency: EURC, to },
    ])
    const kept: (SentPayment | SentCalls)[] = []
    const { batch } = wallet
    assert.ok(batch)
    const dying = { ...wallet, batch: { ...batch, waitForCalls: dyingWallet().waitForTransaction } }
    const [broken] = await payer.paySession(sessionId, dying, { onSent: (one) => void kept.push(one) })
    assert.ok(broken && 'error' in broken)
    const [results, sent] = await asksFor(() => payer.paySession(sessionId, wallet, { sent: kept }))
    assert.deepEqual(sent, [])
    assert.deepEqual(
      results.map((result) => 'voucher' in result && result.voucher.status),
      ['RESOLVED', 'RESOLVED'],
    )
    assert.equal(await shop.balance(EURC, to), 7_000_000n)
  })

  it('keeps the id of calls of which the wallet tells no transaction, and goes on with it', async () => {
    const to = shop.newRecipient()
    const orders = ['3', '4'].map((amount) => ({ amount, currency: EURC, to }))
    for (const says of [{}, { receipts: [] }, { receipts: undefined }, { receipts: null, status: 600 }]) {
      const sessionId = await askInSession(orders)
      const [broken] = await payer.paySession(sessionId, openWallet({ batches: 'ready', says }))
      assert.ok(broken && 'error' in broken && broken.error instanceof UnresolvedError, JSON.stringify(says))
      const { sent } = broken.error
      const [calls] = sent
      assert.ok(calls && 'callsId' in calls && sent.length === 1)
      await assert.rejects(payer.pay(broken.voucherId, wallet, { sent }), { code: 'unresolved', sent })
      const [results, asked] = await asksFor(() => payer.paySession(sessionId, wallet, { sent }))
      assert.deepEqual(asked, [])
      assert.deepEqual(
        results.map((result) => 'voucher' in result && result.voucher.status),
        ['RESOLVED', 'RESOLVED'],
      )
      const silent = openWallet({ batches: 'ready', says })
      assert.deepEqual(await payer.paySession(sessionId, silent, { sent }), [], 'all is paid, whatever the wallet says')
    }
    const sessionId = await askInSession(orders)
    const failing = openWallet({ batches: 'ready', says: { status: 400, receipts: [] } })
    const [given] = await payer.paySession(sessionId, failing)
    assert.ok(given && 'error' in given && given.error instanceof PaymentFailedError)
    assert.deepEqual([given.error.transactionHash, typeof given.error.callsId], [null, 'string'])
  })
})

function isUnresolved(why: string) {
  return (error: unknown) =>
    error instanceof UnresolvedError && error.cause instanceof Error && error.cause.message === why
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error
}
