import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { encodeAbiParameters, encodeFunctionData, keccak256 } from 'viem'
import { encodeCalls, encodeExecuteData } from 'viem/experimental/erc7821'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { SessionPaymentsView, SessionResolvedView, SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import { assertInvalidFields, assertProblem, ok } from '../http/problems.ts'
import { type Deployed, devAccount } from '../support/anvil.ts'
import { asking, openSession, type Parties, receiptsOf, redeemInSession, token } from '../support/server.ts'
import { decimal, mineTransfer, NETWORK, openShop, PAYER_UNITS, type Shop } from './shop.ts'

const UNITS = 1_000n
const COUNTED = /counted for another payment already/
const BATCH_MODE: Hex = `0x01${'00'.repeat(31)}`
const FEES = { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1n, gas: 5_000_000n } as const

let shop: Shop
let tokens: Currency[]
/** What the payer's account delegates to. */
let accountCode: Deployed

before(async () => {
  const more: Currency[] = []
  shop = await openShop({
    prepare: async (chain) => {
      accountCode = await chain.deploy('SponsoredAccount')
      for (const symbol of ['USDC', 'GBPC']) {
        const { address } = await chain.deploy('PlainToken', [PAYER_UNITS])
        await mineTransfer(chain, address, devAccount(1).address, PAYER_UNITS)
        more.push(token(NETWORK, symbol, address, 6))
      }
    },
    served: (network) => ({ ...network, currencies: [...network.currencies, ...more] }),
  })
  tokens = [shop.eurc, ...more]
})
after(() => shop.stop())

type Asked = { session: SessionView; vouchers: VoucherView[] }

/** A session that asks for each of these. */
async function ask(wanted: { currency?: Currency; to?: Hex; units?: bigint }[], of = shop.parties): Promise<Asked> {
  const session = await openSession(of)
  const vouchers: VoucherView[] = []
  for (const { currency = shop.eurc, to = shop.newRecipient(), units = UNITS } of wanted) {
    vouchers.push(await redeemInSession(of, session.id, asking(decimal(units), currency, to)))
  }
  return { session, vouchers }
}

async function paymentsOf({ session }: Asked, of = shop.parties): Promise<SessionPaymentsView> {
  return ok(await of.payer.get<SessionPaymentsView>(`/vouchers/sessions/${session.id}/payments`))
}

type Call = { to: Hex; value: bigint; data: Hex }

/** The calls of the only batch, as a wallet reads them. */
async function callsOf(asked: Asked): Promise<Call[]> {
  const { batches } = await paymentsOf(asked)
  assert.equal(batches.length, 1)
  const calls = batches[0]?.request.params[0].calls ?? []
  return calls.map(({ to, value, data }) => ({ to: to as Hex, value: BigInt(value), data: data as Hex }))
}

/** The payer's word that its account runs the batch code. It uses up a nonce, as a transaction does. */
async function delegate(nonce: number) {
  const { signAuthorization } = shop.sender()
  assert.ok(signAuthorization)
  return signAuthorization({ address: accountCode.address, chainId: shop.chain.chainId, nonce })
}

/** What the payer's wallet signs: its account delegates to the batch code and makes the calls, all in one transaction. */
async function signBatch(calls: Call[]): Promise<Hex> {
  const account = shop.sender()
  const nonce = await shop.client.getTransactionCount({ address: account.address, blockTag: 'pending' })
  const { chainId } = shop.chain
  return account.signTransaction({
    ...{ type: 'eip7702', chainId, nonce, ...FEES, authorizationList: [await delegate(nonce + 1)] },
    ...{ to: account.address, data: encodeExecuteData({ calls }) },
  })
}

async function sendBatch(calls: Call[]): Promise<Hex> {
  return shop.client.sendRawTransaction({ serializedTransaction: await signBatch(calls) })
}

async function mineBatch(calls: Call[]): Promise<Hex> {
  const hash = await sendBatch(calls)
  await shop.mine()
  return hash
}

/** Receipts for all payments of these vouchers, with the same proof. */
function receiptsFor(vouchers: VoucherView[], proof: { transactionHash?: Hex; signedTransaction?: Hex }) {
  return vouchers.flatMap((voucher) => receiptsOf(voucher, proof).receipts)
}

function handIn(
  { session }: Asked,
  receipts: unknown[],
  headers: Record<string, string> = {},
  of: Parties = shop.parties,
) {
  const path = `/vouchers/sessions/${session.id}/session-resolve`
  return of.payer.post<SessionResolvedView>(path, { receipts }, headers)
}

/** What became of each voucher: its status, or the word of its problem. */
async function resolve(asked: Asked, receipts: unknown[]): Promise<(string | undefined)[]> {
  const { results } = ok(await handIn(asked, receipts))
  return results.map(({ voucher, problem }) => voucher?.status ?? problem?.code)
}

describe('one signature', () => {
  it('pays three tokens to three payees', async () => {
    const recipients = tokens.map(() => shop.newRecipient())
    const asked = await ask(tokens.map((currency, index) => ({ currency, to: recipients[index] })))
    const { vouchers } = asked

    const { wallet, vouchers: due, batches, separate } = await paymentsOf(asked)
    assert.equal(wallet, shop.payerAddress)
    assert.deepEqual(separate, [])
    assert.deepEqual(
      due.map(({ voucherId }) => voucherId),
      vouchers.map(({ id }) => id),
    )
    const payments = vouchers.flatMap((voucher) => voucher.payments ?? [])
    assert.deepEqual(
      due.flatMap((voucher) => voucher.payments),
      payments.map((payment) => ({ ...payment, input: { ...payment.input, from: shop.payerAddress } })),
    )
    const calls = payments.map(({ input: { to, data } }) => ({ to, value: '0x0', data }))
    const sendCalls = { version: '2.0.0', from: shop.payerAddress, chainId: '0x7a69', atomicRequired: true, calls }
    assert.deepEqual(batches, [
      {
        ...{ network: NETWORK, chainId: 31337 },
        voucherIds: vouchers.map(({ id }) => id),
        paymentIds: payments.map(({ id }) => id),
        expiresAt: vouchers[0]?.expiresAt,
        request: { method: 'wallet_sendCalls', params: [sendCalls] },
        simulation: { status: 'OK' },
      },
    ])

    const transactionHash = await mineBatch(await callsOf(asked))
    assert.deepEqual(await resolve(asked, receiptsFor(vouchers, { transactionHash })), Array(3).fill('RESOLVED'))
    for (const [index, { address }] of tokens.entries()) {
      assert.equal(await shop.balance(recipients[index] as Hex, address as Hex), UNITS)
    }
    assert.deepEqual((await paymentsOf(asked)).vouchers, [])
    for (const { id } of vouchers) await shop.confirm(id)
  })

  it('resolves the two of three that it pays, and the third is still to be paid', async () => {
    const asked = await ask([{}, {}, {}])
    const transactionHash = await mineBatch((await callsOf(asked)).slice(0, 2))
    const { results } = ok(await handIn(asked, receiptsFor(asked.vouchers, { transactionHash })))
    assert.deepEqual(
      results.map(({ voucherId, voucher, problem }) => [voucherId, voucher?.status, problem?.status, problem?.code]),
      asked.vouchers.map(({ id }, index) =>
        index < 2 ? [id, 'RESOLVED', undefined, undefined] : [id, undefined, 400, 'receipt_rejected'],
      ),
    )
    assert.match(results[2]?.problem?.detail ?? '', /the Transfer went to .* instead of/)

    const [, , third] = asked.vouchers
    assert.ok(third)
    assert.deepEqual((await paymentsOf(asked)).batches[0]?.voucherIds, [third.id])
    const later = await mineBatch(await callsOf(asked))
    assert.deepEqual(await resolve(asked, receiptsFor([third], { transactionHash: later })), ['RESOLVED'])
  })

  it('counts where somebody else sends the batch and pays the gas', async () => {
    const asked = await ask(tokens.map((currency) => ({ currency })))
    const account = shop.sender()
    const { chainId } = shop.chain
    const nonce = await shop.client.getTransactionCount({ address: account.address })
    const calls = encodeCalls(await callsOf(asked))
    const types = ['uint256', 'address', 'uint256', 'bytes32', 'bytes'].map((type) => ({ type }))
    const hash = keccak256(encodeAbiParameters(types, [BigInt(chainId), account.address, 0n, BATCH_MODE, calls]))
    const args = [BATCH_MODE, calls, await account.sign({ hash })]
    const data = encodeFunctionData({ abi: accountCode.abi, functionName: 'executeSigned', args })
    const transactionHash = await shop.client.sendTransaction({
      ...{ account: shop.sender(2), to: account.address, data, authorizationList: [await delegate(nonce)], ...FEES },
    })
    await shop.mine()
    assert.deepEqual(await resolve(asked, receiptsFor(asked.vouchers, { transactionHash })), Array(3).fill('RESOLVED'))
  })

  it('may be handed in signed, for the server to send', async () => {
    const asked = await ask([{}, {}])
    const signedTransaction = await signBatch(await callsOf(asked))
    const [brought, named] = receiptsFor(asked.vouchers, { transactionHash: keccak256(signedTransaction) })
    const { results } = ok(await handIn(asked, [named, { ...brought, signedTransaction }]))
    assert.deepEqual(
      results.map(({ voucher }) => [voucher?.status, voucher?.settlement?.status]),
      Array(2).fill(['REDEEMED', 'PENDING']),
    )
    assert.deepEqual((await paymentsOf(asked)).vouchers, [], 'nothing is asked for twice')
    await shop.mine()
    for (const { id } of asked.vouchers) await shop.until(id, ({ status }) => status === 'RESOLVED')
  })

  it('is not needed: payments that are sent one after the other take the same receipts', async () => {
    const recipients = [shop.newRecipient(), shop.newRecipient()]
    const asked = await ask(recipients.map((to) => ({ to })))
    const hashes = [await shop.send({ units: UNITS, to: recipients[0] as Hex })]
    hashes.push(await shop.send({ units: UNITS, to: recipients[1] as Hex }))
    await shop.mine()
    const receipts = asked.vouchers.flatMap((voucher, index) =>
      receiptsFor([voucher], { transactionHash: hashes[index] as Hex }),
    )
    assert.deepEqual(await resolve(asked, receipts), ['RESOLVED', 'RESOLVED'])
  })

  it('pays nothing where the batch reverts, and all of it can be paid again', async () => {
    const asked = await ask([{}, { units: (PAYER_UNITS * 2n) / 3n }, { units: (PAYER_UNITS * 2n) / 3n }])
    const { simulation } = (await paymentsOf(asked)).batches[0] ?? {}
    assert.deepEqual(
      [simulation?.status, simulation?.paymentId],
      ['REVERTS', asked.vouchers[2]?.payments?.[0]?.id],
      'the third cannot be paid after the second',
    )
    const transactionHash = await mineBatch(await callsOf(asked))
    const { results } = ok(await handIn(asked, receiptsFor(asked.vouchers, { transactionHash })))
    for (const { problem } of results) {
      assert.equal(problem?.code, 'receipt_rejected')
      assert.match(problem?.detail ?? '', /the transaction reverted/)
    }
    assert.equal((await paymentsOf(asked)).batches[0]?.voucherIds.length, 3)
  })

  it('takes the payer no other right: a delegated account signs terms as before', async () => {
    const { vouchers } = await ask([{}])
    const [{ id, signingMessage = '' }] = vouchers as [VoucherView]
    const body = {
      publicKey: shop.payerAddress,
      signature: await shop.sender().signMessage({ message: signingMessage }),
    }
    ok(await shop.parties.payer.post(`/vouchers/${id}/sign-voucher`, body))
  })
})

describe('equal payments', () => {
  it('of one session each count a log of their own, also when two calls hand them in at once', async () => {
    const to = shop.newRecipient()
    const asked = await ask([{ to }, { to }])
    const transactionHash = await mineBatch(await callsOf(asked))
    const [first, second] = asked.vouchers as [VoucherView, VoucherView]
    const outcomes = await Promise.all([
      resolve(asked, receiptsFor([first], { transactionHash })),
      resolve(asked, receiptsFor([second], { transactionHash })),
    ])
    assert.deepEqual(outcomes, [['RESOLVED'], ['RESOLVED']])
    assert.equal(await shop.balance(to), 2n * UNITS)
  })

  it('of one session resolve all 100 at once', async () => {
    const terms = asking(decimal(UNITS), shop.eurc, shop.newRecipient())
    const { session } = await ask([])
    const asking100 = Array.from({ length: 100 }, () => redeemInSession(shop.parties, session.id, terms))
    const asked = { session, vouchers: await Promise.all(asking100) }
    const transactionHash = await mineBatch(await callsOf(asked))
    assert.deepEqual(
      await resolve(asked, receiptsFor(asked.vouchers, { transactionHash })),
      Array(100).fill('RESOLVED'),
    )
  })

  it('resolve one where only one was made', async () => {
    const to = shop.newRecipient()
    const asked = await ask([{ to }, { to }, { to }])
    const transactionHash = await mineBatch((await callsOf(asked)).slice(0, 1))
    const outcomes = await resolve(asked, receiptsFor(asked.vouchers, { transactionHash }))
    assert.deepEqual(outcomes.toSorted(), ['RESOLVED', 'receipt_rejected', 'receipt_rejected'])
  })

  it('of two sessions share no log', async () => {
    const [to, other] = [shop.newRecipient(), shop.newRecipient()]
    const [one, two] = [await ask([{ to }, { to: other }]), await ask([{ to: other }, { to }])]
    const transactionHash = await mineBatch(await callsOf(one))
    const answers = await Promise.all(
      [one, two].map((asked) => resolve(asked, receiptsFor(asked.vouchers, { transactionHash }))),
    )
    assert.deepEqual(answers.flat().toSorted(), ['RESOLVED', 'RESOLVED', 'receipt_rejected', 'receipt_rejected'])
    const { results } = ok(await handIn(two, receiptsFor(two.vouchers, { transactionHash })))
    for (const { problem } of results) if (problem) assert.match(problem.detail, COUNTED)
  })
})

describe('receipts for a session', () => {
  it('that have resolved their voucher already are taken again; others are not', async () => {
    const asked = await ask([{}, {}])
    const transactionHash = await mineBatch(await callsOf(asked))
    const [first] = asked.vouchers as [VoucherView]
    ok(await shop.resolve(first, { transactionHash }))
    const receipts = receiptsFor(asked.vouchers, { transactionHash })
    assert.deepEqual(await resolve(asked, receipts), ['RESOLVED', 'RESOLVED'])
    assert.deepEqual(await resolve(asked, receipts), ['RESOLVED', 'RESOLVED'])
    const others = receiptsFor(asked.vouchers, { transactionHash: `0x${'07'.repeat(32)}` })
    assert.deepEqual(await resolve(asked, others), ['already_resolved', 'already_resolved'])
    const events = await shop.events(first.id)
    assert.equal(events.filter((type) => type === 'voucher.resolved').length, 1)
  })

  it('give the same answer to the same key, unless every voucher was refused', async () => {
    const asked = await ask([{}, {}])
    const transactionHash = await mineBatch((await callsOf(asked)).slice(0, 1))
    const receipts = receiptsFor(asked.vouchers, { transactionHash })
    const [paid, unpaid] = [receipts.slice(0, 1), receipts.slice(1)]

    const key = { 'idempotency-key': `session-${asked.session.id}` }
    const refused = await handIn(asked, unpaid, key)
    assert.equal(ok(refused).results[0]?.problem?.code, 'receipt_rejected')
    assert.equal((await handIn(asked, unpaid, key)).headers.get('idempotency-replayed'), null)

    const other = { 'idempotency-key': `other-${asked.session.id}` }
    const first = ok(await handIn(asked, [...paid, ...unpaid], other))
    assert.deepEqual(
      first.results.map(({ voucher, problem }) => voucher?.status ?? problem?.code),
      ['RESOLVED', 'receipt_rejected'],
    )
    const again = await handIn(asked, [...paid, ...unpaid], other)
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    assert.deepEqual(ok(again), first)
  })

  it('say at which place they are wrong', async () => {
    const asked = await ask([{}, {}])
    const transactionHash: Hex = `0x${'07'.repeat(32)}`
    const receipts = receiptsFor(asked.vouchers, { transactionHash })
    const stranger = { paymentId: 'pay_of_another_session', transactionHash }
    assertInvalidFields(await handIn(asked, [...receipts, stranger]), ['/receipts/2/paymentId'])
    for (const few of [[], Array(101).fill(stranger)]) assertInvalidFields(await handIn(asked, few), ['/receipts'])

    const wrong = [{ ...receipts[0] }, { paymentId: receipts[1]?.paymentId }]
    const { results } = ok(await handIn(asked, wrong))
    assert.deepEqual(
      results[1]?.problem?.errors?.map(({ path }) => path),
      ['/receipts/1'],
    )
    assert.equal(results[0]?.problem?.code, 'receipt_rejected')
  })

  it('are for the payer of the session alone', async () => {
    const asked = await ask([{}])
    const stranger = await shop.partiesOf(3)
    assertProblem(await handIn(asked, receiptsFor(asked.vouchers, {}), {}, stranger), 'not_found')
    const path = `/vouchers/sessions/${asked.session.id}/payments`
    assertProblem(await stranger.payer.get(path), 'not_found')
    for (const wallet of [shop.sender(3).address, '0x12', '']) {
      assertInvalidFields(await shop.parties.payer.get(`${path}?wallet=${wallet}`), ['/wallet'])
    }
    ok(await shop.parties.payer.get(`${path}?wallet=${shop.payerAddress.toLowerCase()}`))
  })
})
