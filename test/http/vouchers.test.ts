import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { encodeFunctionData, getAddress, keccak256, parseAbi } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { ReservedView, VoucherView } from '../../src/protocol/schemas.ts'
import { dealAll } from '../support/deal-all.ts'
import {
  asking,
  callerOf,
  eventually,
  newContext,
  newParties,
  openSession,
  PAYEE_ADDRESS,
  PAYER_ADDRESS,
  type Parties,
  receiptsOf,
  redeem,
  reserve,
  type Scene,
  startTestServer,
  type TestCaller,
  type TestServer,
  token,
  UNVERIFIED_NETWORK,
  unverifiedNetwork,
} from '../support/server.ts'
import { PAYER_WALLET } from './calls.ts'
import { assertInvalidFields, assertProblem, ok } from './problems.ts'

const MINUTE_MS = 60_000
const EURC = token(UNVERIFIED_NETWORK, 'EURC', '0x00000000000000000000000000000000000E0000', 6)

const ROUTER_ABI = parseAbi([
  'struct Swap { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 amountIn; uint256 amountOutMinimum; uint160 sqrtPriceLimitX96; }',
  'function exactInputSingle(Swap params)',
  'function multicall(bytes[])',
])

let server: TestServer
let parties: Parties
before(async () => {
  server = await startTestServer()
})
after(() => server.stop())

/** Parties whose tokens and codes are fresh, for tests that take the clock on. */
const fresh = async () => {
  parties = await newParties(server.url)
  return parties
}
const read = async ({ payer }: Scene, id: string) => ok(await payer.get<VoucherView>(`/vouchers/${id}`))
const post = <Body = VoucherView>(caller: TestCaller, id: string, verb: string, body?: unknown) =>
  caller.post<Body>(`/vouchers/${id}/${verb}-voucher`, body)
/** Leaves no voucher code to deal. */
const dealVoucherCodes = ({ app, clock }: TestServer) => dealAll(app.codes.voucher, clock.now())
const shopOf = async ({ payer }: Scene) => {
  const { key } = ok(await payer.post<{ key: string }>('/auth/api-keys', { name: 'shop' }))
  return callerOf(server.url, { 'x-api-key': key })
}

describe('reserving', () => {
  it('gives an id, a code of six digits, and two minutes', async () => {
    const { payee, context } = await fresh()
    const answer = ok(await payee.post<ReservedView>('/vouchers/reserve-voucher', { code: context.code }))
    assert.deepEqual(Object.keys(answer).toSorted(), ['code', 'expiresAt', 'id', 'status'])
    assert.match(answer.id, /^vch_[0-9a-f]{24,}$/)
    assert.match(answer.code, /^[0-9]{6}$/)
    assert.equal(answer.status, 'RESERVED')
    const { createdAt } = await read(parties, answer.id)
    assert.equal(Date.parse(answer.expiresAt) - Date.parse(createdAt), 2 * MINUTE_MS)
  })

  it('folds the code that was typed', async () => {
    const { payee, context } = await fresh()
    const { code } = context
    for (const typed of [code.toLowerCase(), `${code} `, code.replaceAll('0', 'O').replaceAll('1', 'i')]) {
      ok(await payee.post('/vouchers/reserve-voucher', { code: typed }), typed)
    }
  })

  it('tells a code that cannot be, or is over, from one that was never seen', async () => {
    const { payer, payee, context } = await fresh()
    const other = await newParties(server.url)
    const shop = await shopOf(parties)
    const reserveBy = (caller: TestCaller, code: string) => caller.post('/vouchers/reserve-voucher', { code })
    for (const caller of [payer, payee, shop]) {
      for (const code of ['', '12345', '1234567', 'UUUUUU', '12-456', '１２３４５６']) {
        assertProblem(await reserveBy(caller, code), 'invalid_code', code)
      }
    }
    assertProblem(await reserveBy(payee, other.context.code), 'invalid_code', "not the token's own")
    assertProblem(await reserveBy(payee, 'ZZZZZZ'), 'invalid_code', 'a token knows its own code only')
    assertProblem(await reserveBy(shop, 'ZZZZZZ'), 'not_found', 'never seen')
    assertProblem(await reserveBy(payer, 'ZZZZZZ'), 'not_found', 'never seen')
    ok(await reserveBy(shop, other.context.code), 'a shop serves every payer')
    ok(await payer.post(`/vouchers/contexts/${context.id}/context-close`, { payeeId: null }))
    for (const caller of [payer, payee, shop]) assertProblem(await reserveBy(caller, context.code), 'invalid_code')
  })

  it('says when no code is free, deals one ten minutes after its voucher ended, also after a restart', async () => {
    let own = await startTestServer()
    try {
      const scene = await newParties(own.url)
      const shop = ok(await scene.payer.post<{ key: string }>('/auth/api-keys', { name: 'shop' })).key
      const { id, code } = await reserve(scene)
      const reserveAgain = async () => {
        const { body: context } = await scene.payer.post<{ code: string }>('/vouchers/contexts/context-open', {
          ...{ format: 'alphanum', payers: scene.context.payers },
        })
        const caller = callerOf(own.url, { 'x-api-key': shop })
        return caller.post<ReservedView>('/vouchers/reserve-voucher', { code: context.code })
      }
      await dealVoucherCodes(own)
      assertProblem(await reserveAgain(), 'codes_exhausted')
      ok(await scene.payee.post(`/vouchers/${id}/discard-voucher`))
      own.clock.advance(10 * MINUTE_MS - 1000)
      assertProblem(await reserveAgain(), 'codes_exhausted', 'the code rests')
      own.clock.advance(2000)
      const again = ok(await reserveAgain())
      assert.equal(again.code, code)

      ok(await scene.payer.post(`/vouchers/${again.id}/discard-voucher`))
      own = await own.restart()
      assert.equal((await dealVoucherCodes(own)).has(code), false, 'it rests on')
      own.clock.advance(10 * MINUTE_MS + 1000)
      assert.deepEqual([...(await dealVoucherCodes(own))], [code])
    } finally {
      await own.stop()
    }
  })
})

describe('a code', () => {
  it('comes back from every end that a voucher can have, rested', async () => {
    const own = await startTestServer()
    try {
      const scene = await newParties(own.url)
      const reserved = await reserve(scene)
      const [resolved, discarded, expired] = [
        await redeem(scene, asking('1')),
        await redeem(scene, asking('1')),
        await redeem(scene, asking('1')),
      ]
      await dealVoucherCodes(own)
      ok(await post(scene.payee, reserved.id, 'discard'))
      ok(await post(scene.payee, discarded.id, 'discard'))
      ok(await post(scene.payer, resolved.id, 'resolve', receiptsOf(resolved)))
      assert.deepEqual(await dealVoucherCodes(own), new Set())
      own.clock.advance(10 * MINUTE_MS + 2000)
      await eventually(async () => (await own.app.store.voucher(expired.id))?.status === 'EXPIRED')
      assert.deepEqual(await dealVoucherCodes(own), new Set([reserved.code, discarded.code, resolved.code]))
      own.clock.advance(10 * MINUTE_MS)
      assert.deepEqual(await dealVoucherCodes(own), new Set([expired.code]))
    } finally {
      await own.stop()
    }
  })
})

describe('redeeming a SIMPLE voucher', () => {
  it('fixes the terms and shows the payment that the wallet is to sign', async () => {
    await fresh()
    const { id } = await reserve(parties)
    const terms = { ...asking('100'), payeeInfo: { name: 'Shop', n: 1, deep: [{ null: null }] }, orderId: 'order 7' }
    const voucher = ok(await post(parties.payee, id, 'redeem', terms))
    assert.equal(voucher.status, 'REDEEMED')
    assert.equal(voucher.type, 'SIMPLE')
    assert.deepEqual(voucher.expectedPayment, {
      ...{ network: UNVERIFIED_NETWORK, currency: 'EURC', currencyAddress: EURC.address, amount: '100' },
      wallet: { address: '0x00000000000000000000000000000000000B0b00' },
    })
    assert.deepEqual(voucher.payeeInfo, terms.payeeInfo)
    assert.equal(voucher.orderId, 'order 7')
    assert.equal(Date.parse(voucher.expiresAt) - Date.parse(voucher.updatedAt), 10 * MINUTE_MS)
    const [payment] = voucher.payments ?? []
    assert.ok(payment)
    assert.match(payment.id, /^pay_[0-9a-f]{24,}$/)
    const { type, network, chainId, input, summary } = payment
    assert.deepEqual(
      { type, network, chainId },
      { type: 'send_transaction', network: UNVERIFIED_NETWORK, chainId: 31338 },
    )
    assert.deepEqual(
      { ...input, to: input.to.toLowerCase(), data: input.data.length },
      {
        ...{ from: '{payer}', to: EURC.address.toLowerCase(), value: '0', data: 2 + 2 * (4 + 32 + 32) },
      },
    )
    assert.match(summary, /^Send 100 EURC to 0x0{35}B0b00 /i)
    const money = { currency: 'EURC', currencyAddress: EURC.address, amount: '100' }
    assert.deepEqual(payment.review, {
      ...{ leaves: [money], arrives: [{ ...money, wallet: voucher.expectedPayment?.wallet }], allows: [], fees: [] },
      ...{ gas: { currency: 'COIN', amount: null }, complete: true },
      worstCase: "100 EURC leaves this wallet, and the network's gas; nothing else can be taken.",
    })
    assert.deepEqual(await read(parties, id), voucher)
  })

  it('finds network and address by what was given', async () => {
    const { expectedPayment } = asking('1')
    const { network, currencyAddress, ...least } = expectedPayment
    for (const given of [least, { ...least, network }, { ...least, currencyAddress }, { ...least, currency: 'eurc' }]) {
      const { id } = await reserve(await fresh())
      const voucher = ok(await post(parties.payee, id, 'redeem', { expectedPayment: given }), JSON.stringify(given))
      assert.deepEqual({ ...voucher.expectedPayment, wallet: 0 }, { ...expectedPayment, wallet: 0 })
    }
  })

  it('sends the native coin as value, and nothing else', async () => {
    const coin = token(UNVERIFIED_NETWORK, 'COIN', '', 18)
    const voucher = await redeem(await fresh(), asking('0.000000000000000001', coin))
    const to = '0x00000000000000000000000000000000000B0b00'
    assert.deepEqual(voucher.payments?.[0]?.input, { from: '{payer}', to, value: '1', data: '0x' })
    assert.equal(voucher.expectedPayment?.currencyAddress, '')
  })

  it('lists the candidates where the currency is on two networks', async () => {
    const networks = ['left', 'right'].map((name, index) => {
      const served = unverifiedNetwork()
      const currencies = [token(name, 'EURC', EURC.address, 6)]
      return { ...served, network: { ...served.network, name, chainId: 100 + index }, currencies }
    })
    const own = await startTestServer({ networks })
    try {
      const scene = await newParties(own.url)
      const { id } = await reserve(scene)
      const { network: _, ...anywhere } = asking('1', token('left', 'EURC', EURC.address, 6)).expectedPayment
      const answer = await post(scene.payee, id, 'redeem', { expectedPayment: anywhere })
      assertInvalidFields(answer, ['/expectedPayment/currency'])
      assert.match(answer.body.detail ?? '', /left.*right/)
      const there = ok(await post(scene.payee, id, 'redeem', { expectedPayment: { ...anywhere, network: 'right' } }))
      assert.equal(there.payments?.[0]?.chainId, 101)
    } finally {
      await own.stop()
    }
  })

  it('happens once, in time, and to a voucher that lives', async () => {
    const voucher = await redeem(await fresh(), asking('1'))
    assertProblem(await post(parties.payee, voucher.id, 'redeem', asking('2')), 'already_redeemed')
    assertProblem(await post(parties.payee, voucher.id, 'redeem', {}), 'already_redeemed', 'whatever the body')
    ok(await post(parties.payer, voucher.id, 'resolve', receiptsOf(voucher)))
    assertProblem(await post(parties.payee, voucher.id, 'redeem', asking('2')), 'already_redeemed')
    const { id: discarded } = await reserve(parties)
    ok(await post(parties.payer, discarded, 'discard'))
    assertProblem(await post(parties.payee, discarded, 'redeem', asking('1')), 'expired')
    const { id: lapsed } = await reserve(parties)
    server.clock.advance(2 * MINUTE_MS)
    assertProblem(await post(parties.payee, lapsed, 'redeem', asking('1')), 'expired')
    assertProblem(await post(parties.payee, 'vch_0', 'redeem', asking('1')), 'not_found')
  })
})

describe('redeeming a CUSTOM voucher', () => {
  it('shows the call as it was given, and the extras beside it', async () => {
    const { id } = await reserve(await fresh())
    const to = '0x00000000000000000000000000000000000B0b00'
    const input = { from: '{payer}', to: to.toLowerCase(), value: '7', data: '0xABcd' }
    const extras = [{ type: 'call_transaction', input: { ...input, value: '0', data: '0x' } }]
    const networks = [{ network: UNVERIFIED_NETWORK, type: 'evm', chainId: '31338' }]
    const terms = { networks, payments: [{ type: 'send_transaction', input }], extras }
    const voucher = ok(await post(parties.payee, id, 'redeem', terms))
    assert.equal(voucher.type, 'CUSTOM')
    assert.equal(voucher.expectedPayment, undefined)
    assert.deepEqual(voucher.networks, networks)
    const [payment] = voucher.payments ?? []
    assert.deepEqual({ ...payment?.input, to }, { ...input, to, data: '0xabcd' })
    assert.equal(payment?.input.to.toLowerCase(), to.toLowerCase())
    assert.equal(voucher.extras?.[0]?.type, 'call_transaction')
    assert.match(
      payment?.summary ?? '',
      /^Call an unknown function \(selector 0xabcd\) of contract 0x.* with 0\.0{17}7 COIN\.$/,
    )
    assert.deepEqual(payment?.review?.call, {
      known: false,
      contract: payment?.input.to,
      selector: '0xabcd',
      value: '0.000000000000000007',
    })
    const resolved = ok(await post(parties.payer, id, 'resolve', receiptsOf(voucher)))
    assert.equal(resolved.status, 'RESOLVED')
  })

  it('has calls of 16 KiB of data together, and no more', async () => {
    const networks = [{ network: UNVERIFIED_NETWORK, type: 'evm', chainId: '31338' }]
    const call = (bytes: number) => ({
      type: 'send_transaction',
      input: { from: '{payer}', to: PAYEE_ADDRESS, value: '0', data: `0x${'ab'.repeat(bytes)}` },
    })
    const { id } = await reserve(await fresh())
    const ask = (bytes: number, extras: number[]) =>
      post(parties.payee, id, 'redeem', { networks, payments: [call(bytes)], extras: extras.map(call) })
    assertInvalidFields(await ask(16 * 1024 + 1, []), ['/payments/0/input/data'])
    assertInvalidFields(await ask(16 * 1024 - 3, [2, 2]), ['/extras'])
    ok(await ask(16 * 1024 - 4, [2, 2]))
  })

  it('says in plain words what it does where the server knows the function', async () => {
    const { id } = await reserve(await fresh())
    const swap = { tokenIn: getAddress(EURC.address), tokenOut: PAYEE_ADDRESS, fee: 500, recipient: PAYEE_ADDRESS }
    const limits = { amountIn: 5_000_000n, amountOutMinimum: 3n, sqrtPriceLimitX96: 0n }
    const inner = encodeFunctionData({
      abi: ROUTER_ABI,
      functionName: 'exactInputSingle',
      args: [{ ...swap, ...limits }],
    })
    const data = encodeFunctionData({ abi: ROUTER_ABI, functionName: 'multicall', args: [[inner]] })
    const input = { from: '{payer}', to: PAYEE_ADDRESS, value: '0', data }
    const networks = [{ network: UNVERIFIED_NETWORK, type: 'evm', chainId: '31338' }]
    const terms = { networks, payments: [{ type: 'send_transaction', input }] }
    const [payment] = ok(await post(parties.payee, id, 'redeem', terms)).payments ?? []
    assert.match(payment?.summary ?? '', /\(1\) Swap 5 EURC for at least 3 units of the token 0x/)
    assert.match(JSON.stringify(payment?.review?.call), /"calls":\[.*"name":"params".*"name":"amountIn"/)
    assert.deepEqual((await read(parties, id)).payments, [payment])
  })
})

describe('signing', () => {
  const messageOf = (voucher: VoucherView) => ({ message: voucher.signingMessage ?? '' })

  it('takes the signature of a payer, by address or by public key', async () => {
    for (const publicKey of [PAYER_WALLET.address, PAYER_WALLET.publicKey, PAYER_WALLET.address.toLowerCase()]) {
      const voucher = await redeem(await fresh(), asking('1'))
      const signature = await PAYER_WALLET.signMessage(messageOf(voucher))
      const signed = ok(await post(parties.payer, voucher.id, 'sign', { publicKey, signature }), publicKey)
      assert.equal(signed.status, 'REDEEMED')
      assert.equal(signed.signature?.signature, signature)
      assert.equal(signed.version, voucher.version + 1)
      assert.deepEqual(await read(parties, voucher.id), signed)
      ok(await post(parties.payer, voucher.id, 'resolve', receiptsOf(voucher)), 'signed vouchers are paid as any other')
    }
  })

  it('takes no other signature', async () => {
    const voucher = await redeem(await fresh(), asking('1'))
    const elsewhere = await redeem(parties, asking('1'))
    const stranger = privateKeyToAccount(generatePrivateKey())
    const publicKey = PAYER_WALLET.address
    const byPayer = await PAYER_WALLET.signMessage(messageOf(voucher))
    const byStranger = await stranger.signMessage(messageOf(voucher))
    const sign = (body: object) => post(parties.payer, voucher.id, 'sign', body)
    assertInvalidFields(await sign({ publicKey, signature: byStranger }), ['/signature'])
    const forElsewhere = await PAYER_WALLET.signMessage(messageOf(elsewhere))
    assertInvalidFields(await sign({ publicKey, signature: forElsewhere }), ['/signature'])
    for (const signature of ['0x', 'x', `${byPayer}00`]) {
      assertInvalidFields(await sign({ publicKey, signature }), ['/signature'], signature)
    }
    for (const other of [stranger.address, stranger.publicKey, 'x', '0x04']) {
      assertInvalidFields(await sign({ publicKey: other, signature: byStranger }), ['/publicKey'], other)
    }
    assert.deepEqual(await read(parties, voucher.id), voucher)
  })

  it('waits for terms, and ends with them', async () => {
    const { id } = await reserve(await fresh())
    const body = { publicKey: PAYER_WALLET.address, signature: await PAYER_WALLET.signMessage({ message: 'x' }) }
    assertProblem(await post(parties.payer, id, 'sign', body), 'validation_failed')
    const voucher = await redeem(parties, asking('1'))
    const signature = await PAYER_WALLET.signMessage(messageOf(voucher))
    ok(await post(parties.payer, voucher.id, 'discard'))
    assertProblem(await post(parties.payer, voucher.id, 'sign', { ...body, signature }), 'validation_failed')
  })
})

describe('resolving where the server has no node', () => {
  it('takes the word of the payer and says so', async () => {
    const voucher = await redeem(await fresh(), asking('1'))
    const hash = `0x${'aB'.repeat(32)}`
    const resolved = ok(
      await post(parties.payer, voucher.id, 'resolve', receiptsOf(voucher, { transactionHash: hash })),
    )
    assert.equal(resolved.status, 'RESOLVED')
    assert.equal(resolved.late, false)
    assert.equal(resolved.settlement?.status, 'UNVERIFIED')
    assert.equal(resolved.settlement?.transactions[0]?.transactionHash, hash.toLowerCase())
    assert.equal(resolved.settlement?.confirmedAt, null)
    assert.deepEqual(await read(parties, voucher.id), resolved)
    assertProblem(await post(parties.payer, voucher.id, 'resolve', receiptsOf(voucher)), 'already_resolved')
  })

  it('wants receipts for every payment, each once, and a hash that fits', async () => {
    const voucher = await redeem(await fresh(), asking('1'))
    const other = await redeem(parties, asking('1'))
    const resolve = (receipts: object[]) => post(parties.payer, voucher.id, 'resolve', { receipts })
    const [receipt] = receiptsOf(voucher).receipts
    assert.ok(receipt)
    assertInvalidFields(await resolve([]), ['/receipts'])
    assertInvalidFields(await resolve(Array(6).fill(receipt)), ['/receipts'])
    assertInvalidFields(await resolve([receipt, receipt]), ['/receipts/1/paymentId'])
    assertInvalidFields(await resolve(receiptsOf(other).receipts), ['/receipts/0/paymentId'], "another voucher's")
    const signedTransaction = '0x02abcd'
    const transactionHash = keccak256(signedTransaction)
    const misfit = { ...receipt, signedTransaction, transactionHash: keccak256('0x02abce') }
    assertInvalidFields(await resolve([misfit]), ['/receipts/0/transactionHash'])
    for (const wrong of ['0x12', 'x', `0x${'zz'.repeat(32)}`, '']) {
      const field = '/receipts/0/transactionHash'
      assertInvalidFields(await resolve([{ ...receipt, transactionHash: wrong }]), [field])
    }
    const resolved = ok(await resolve([{ ...receipt, signedTransaction, transactionHash }]))
    assert.equal(resolved.settlement?.transactions[0]?.transactionHash, transactionHash)
  })

  it('takes no late receipts: nobody could prove them', async () => {
    await fresh()
    const expired = await redeem(parties, asking('1'))
    const discarded = await redeem(parties, asking('1'))
    ok(await post(parties.payee, discarded.id, 'discard'))
    const neverRedeemed = [await reserve(parties), await reserve(parties)]
    const [lapsed, dropped] = neverRedeemed
    assert.ok(lapsed && dropped)
    ok(await post(parties.payee, dropped.id, 'discard'))
    const open = await reserve(parties)
    assertProblem(await post(parties.payer, open.id, 'resolve', receiptsOf(expired)), 'not_redeemed', 'RESERVED')
    server.clock.advance(10 * MINUTE_MS)
    for (const voucher of [expired, discarded]) {
      const before = await read(parties, voucher.id)
      assert.equal(before.status, voucher === expired ? 'EXPIRED' : 'DISCARDED')
      const answer = await post(parties.payer, voucher.id, 'resolve', receiptsOf(voucher))
      assertProblem(answer, 'receipt_rejected', before.status)
      assert.equal((await read(parties, voucher.id)).status, before.status)
    }
    for (const { id } of [lapsed, dropped]) {
      assertProblem(await post(parties.payer, id, 'resolve', receiptsOf(expired)), 'not_redeemed')
    }
  })
})

describe('discarding', () => {
  it('is for both sides, from RESERVED and REDEEMED, and from nothing else', async () => {
    await fresh()
    const { payer, payee } = parties
    const sides = { payer, payee }
    for (const [side, by] of Object.entries(sides)) {
      const { id } = await reserve(parties)
      const ended = ok(await post(by, id, 'discard'))
      assert.deepEqual([ended.status, ended.discardedBy], ['DISCARDED', side])
      const redeemed = await redeem(parties, asking('1'))
      const discarded = ok(await post(by, redeemed.id, 'discard'))
      assert.deepEqual([discarded.expectedPayment, discarded.discardedBy], [redeemed.expectedPayment, side])
      for (const again of [payer, payee]) assertProblem(await post(again, id, 'discard'), 'already_resolved')
    }
    const resolved = await redeem(parties, asking('1'))
    ok(await post(payer, resolved.id, 'resolve', receiptsOf(resolved)))
    const { id: lapsed } = await reserve(parties)
    server.clock.advance(2 * MINUTE_MS)
    for (const id of [resolved.id, lapsed]) {
      for (const by of [payer, payee]) assertProblem(await post(by, id, 'discard'), 'already_resolved')
    }
  })
})

describe('the clock', () => {
  it('ends a voucher for every reader at once, and the sweep writes it down as it was read', async () => {
    await fresh()
    const { payer, payee } = parties
    const session = await openSession(parties)
    const { id } = ok(await payee.post<ReservedView>(`/vouchers/sessions/${session.id}/reserve-voucher`))
    const redeemed = await redeem(parties, asking('1'))
    const ids = async (query: string) =>
      ok(await payer.get<VoucherView[]>(`/vouchers?${query}`)).map((voucher) => voucher.id)
    server.clock.advance(2 * MINUTE_MS - 1000)
    assert.equal((await read(parties, id)).status, 'RESERVED')
    server.clock.advance(1000)

    const assertEnded = async () => {
      const seen = await read(parties, id)
      assert.deepEqual({ status: seen.status, version: seen.version }, { status: 'EXPIRED', version: 2 })
      assert.equal(seen.updatedAt, seen.expiresAt, 'it ended when its time was over')
      assert.deepEqual(ok(await payee.get<VoucherView[]>('/vouchers?status=EXPIRED')), [seen])
      assert.deepEqual(await ids('status=RESERVED'), [])
      assert.deepEqual(await ids('status=REDEEMED'), [redeemed.id])
      const { vouchers } = ok(await payer.get<{ vouchers: VoucherView[] }>(`/vouchers/sessions/${session.id}`))
      assert.deepEqual(vouchers, [seen])
    }
    await assertEnded()
    await eventually(async () => (await server.app.store.voucher(id))?.status === 'EXPIRED')
    await assertEnded()

    server.clock.advance(8 * MINUTE_MS)
    assert.equal((await read(parties, redeemed.id)).status, 'EXPIRED')
    assert.deepEqual((await ids('status=EXPIRED')).toSorted(), [id, redeemed.id].toSorted())
  })
})

describe('the list of vouchers', () => {
  it('is filtered, sliced, newest first, and shows each side its own', async () => {
    await fresh()
    const { payer, payee } = parties
    const second = await newContext(server.url, payer)
    const session = await openSession(parties)
    const inSession = ok(await payee.post<ReservedView>(`/vouchers/sessions/${session.id}/reserve-voucher`))
    server.clock.advance(1000)
    const ordered = await redeem(parties, { ...asking('1'), orderId: 'order/1 & more' })
    server.clock.advance(1000)
    const resolved = await redeem(second, { ...asking('1'), orderId: 'order/1 & more' })
    ok(await post(payer, resolved.id, 'resolve', receiptsOf(resolved)))
    const list = async (caller: TestCaller, query = '') =>
      ok(await caller.get<VoucherView[]>(`/vouchers${query}`), query).map(({ id }) => id)
    assert.deepEqual(await list(payer), [resolved.id, ordered.id, inSession.id])
    assert.deepEqual(await list(payer, '/'), [resolved.id, ordered.id, inSession.id])
    assert.deepEqual(await list(payee), [ordered.id, inSession.id])
    assert.deepEqual(await list(second.payee), [resolved.id])
    assert.deepEqual(await list(payer, '?limit=1&offset=1'), [ordered.id])
    assert.deepEqual(await list(payer, '?status=RESOLVED'), [resolved.id])
    assert.deepEqual(await list(payer, `?sessionId=${session.id}`), [inSession.id])
    assert.deepEqual(await list(second.payee, `?sessionId=${session.id}`), [])
    assert.deepEqual(await list(payer, `?code=${ordered.code}`), [ordered.id])
    assert.deepEqual(await list(second.payee, `?code=${ordered.code}`), [])
    const order = `orderId=${encodeURIComponent('order/1 & more')}`
    assert.deepEqual(await list(payer, `?${order}`), [resolved.id, ordered.id])
    assert.deepEqual(await list(payee, `?${order}&status=REDEEMED`), [ordered.id])
    assert.deepEqual(await list(payee, `?${order}&sessionId=${session.id}`), [])
    const at = Date.parse(ordered.createdAt)
    assert.deepEqual(await list(payer, `?since=${at}`), [resolved.id, ordered.id])
    assert.deepEqual(await list(payer, `?until=${at}`), [inSession.id])
    assert.deepEqual(await list(payer, `?since=${at}&until=${at + 1}`), [ordered.id])
  })
})

describe('the interop routes', () => {
  it('name a payment and tell how it stands', async () => {
    const voucher = await redeem(await fresh(), asking('1'))
    const [payment] = voucher.payments ?? []
    assert.ok(payment)
    const { payer } = parties
    const init = (query: string, body = {}) => payer.post(`/vouchers/${voucher.id}/submit/interop-init${query}`, body)
    const info = (query: string) => payer.get(`/vouchers/${voucher.id}/status/interop-info${query}`)
    for (const query of [
      '',
      `?id=${payment.id}`,
      '?paymentIndex=0',
      `?id=${payment.id}&paymentIndex=0&vid=${voucher.id}`,
    ]) {
      assert.deepEqual(ok(await init(query)), { id: payment.id }, query)
      assert.deepEqual(ok(await info(query)), { status: 'UNKNOWN' }, query)
    }
    ok(await init('', { signature: '0x1234' }))
    for (const query of ['?id=pay_0', '?paymentIndex=1']) {
      assertProblem(await init(query), 'not_found', query)
      assertProblem(await info(query), 'not_found', query)
    }
    assertInvalidFields(await info('?vid=vch_0'), ['/vid'])
    assertInvalidFields(await init('?paymentIndex=-1'), ['/paymentIndex'])
    ok(await post(payer, voucher.id, 'resolve', receiptsOf(voucher)))
    assert.deepEqual(ok(await info('')), { status: 'UNKNOWN' }, 'nobody verified it')
    const { id: reserved } = await reserve(parties)
    assertProblem(await payer.get(`/vouchers/${reserved}/status/interop-info`), 'not_found', 'no payments yet')
  })
})

describe('a registered user', () => {
  it('may be payee of anybody, also of itself', async () => {
    await fresh()
    const other = await newParties(server.url)
    for (const context of [parties.context, other.context]) {
      const { id } = await reserve({ ...parties, payee: parties.payer, context })
      const voucher = ok(await post(parties.payer, id, 'redeem', asking('1', EURC, PAYEE_ADDRESS)))
      assert.deepEqual(voucher.payers, [{ address: PAYER_ADDRESS }])
      const payer = context === other.context ? other.payer : parties.payer
      ok(await post(payer, id, 'resolve', receiptsOf(voucher)))
    }
  })
})
