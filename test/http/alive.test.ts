import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AliveBounds, MAX_ALIVE } from '../../src/use-cases/alive.ts'
import { aVoucher, randomPayeeId, redeemed, settling, someHex } from '../store/rows.ts'
import {
  asking,
  newContext,
  newParties,
  newPayer,
  openSession,
  redeemInSession,
  reserve,
  startTestServer,
  type TestServer,
} from '../support/server.ts'
import { assertInvalidFields, assertProblem, ok } from './problems.ts'

let server: TestServer
before(async () => {
  server = await startTestServer({ rateLimits: 'standard' })
})
after(() => server.stop())

describe('what a payee says of itself', () => {
  it('has 8 KiB of JSON at most, in vouchers and in sessions', async () => {
    const { caller } = await newPayer(server.url)
    const scene = await newContext(server.url, caller)
    const info = (bytes: number) => ({ '€': 'x'.repeat(bytes - Buffer.byteLength('{"€":""}')) })
    const { id } = await reserve(scene)
    const redeem = (bytes: number) =>
      scene.payee.post(`/vouchers/${id}/redeem-voucher`, { ...asking('1'), payeeInfo: info(bytes) })
    const open = (bytes: number) =>
      scene.payee.post('/vouchers/sessions/session-open', { code: scene.context.code, payeeInfo: info(bytes) })
    assertInvalidFields(await redeem(8193), ['/payeeInfo'])
    assertInvalidFields(await open(8193), ['/payeeInfo'])
    ok(await redeem(8192))
    ok(await open(8192))
  })
})

it('what idempotency keys keep of one account’s answers is bounded by its bytes', async () => {
  const parties = await newParties(server.url)
  const session = await openSession(parties)
  const { id } = await redeemInSession(parties, session.id, asking('1'))
  const { store } = server.app
  const voucher = await store.voucher(id)
  assert.ok(voucher?.status === 'REDEEMED')
  // As long as the answer to a hundred receipts of large vouchers.
  const redemption = { ...voucher.redemption, payeeInfo: { note: 'x'.repeat(8 * 1024 * 1024) } }
  await store.commit({ vouchers: [{ ...voucher, version: voucher.version + 1, redemption }] })
  const receipts = voucher.redemption.payments.map(({ id: paymentId }) => ({ paymentId, transactionHash: someHex(32) }))
  const resolve = (key: string) =>
    parties.payer.post(
      `/vouchers/sessions/${session.id}/session-resolve`,
      { receipts },
      key === '' ? {} : { 'idempotency-key': key },
    )
  for (const key of ['1', '2', '3', '4']) ok(await resolve(key))
  assertProblem(await resolve('5'), 'rate_limit')
  ok(await resolve('4'), 'what is kept is given again')
  ok(await resolve(''), 'and what is not to be kept is answered')
})

describe('what is alive', () => {
  it('is bounded for a payer, a payee and both together, and ends its bound with its time', async () => {
    const { caller, accountId } = await newPayer(server.url)
    const scene = await newContext(server.url, caller)
    const { id } = await reserve(scene)
    const { payeeId } = (await server.app.store.voucher(id)) ?? assert.fail('it was reserved')
    const nowMs = server.clock.now()
    const rows = Array.from({ length: MAX_ALIVE.vouchersOfPayeeAtPayer }, (_, nth) =>
      aVoucher({ code: `A${nth}`, payerId: accountId, payeeId, nowMs, lifetimeMs: 60_000 }),
    )
    await server.app.store.commit({ vouchers: rows })
    const answers = []
    for (let nth = 0; nth < 20; nth++) {
      answers.push(await scene.payee.post('/vouchers/reserve-voucher', { code: scene.context.code }))
    }
    const refused = answers.filter(({ status }) => status !== 200)
    assert.ok(refused.length > 0 && refused.length < 20, String(refused.length))
    const last = refused.at(-1) ?? assert.fail('nothing was refused')
    assertProblem(last, 'rate_limit')
    assert.match(last.body.detail ?? '', /5000/)
    server.clock.advance(61_000)
    ok(await scene.payee.post('/vouchers/reserve-voucher', { code: scene.context.code }), 'they have expired')
  })

  it('counts what waits for its block, which holds its clock for hours', async () => {
    const { caller, accountId } = await newPayer(server.url)
    const scene = await newContext(server.url, caller)
    const { id } = await reserve(scene)
    const { payeeId } = (await server.app.store.voucher(id)) ?? assert.fail('it was reserved')
    const nowMs = server.clock.now() - 60 * 60_000
    const rows = Array.from({ length: MAX_ALIVE.vouchersOfPayeeAtPayer }, (_, nth) => {
      const voucher = aVoucher({ code: `B${nth}`, payerId: accountId, payeeId, nowMs, lifetimeMs: 60_000 })
      return { ...settling(redeemed(voucher)), version: 1 }
    })
    await server.app.store.commit({ vouchers: rows })
    const answers = []
    for (let nth = 0; nth < 20; nth++) {
      answers.push(await scene.payee.post('/vouchers/reserve-voucher', { code: scene.context.code }))
    }
    assertProblem(answers.at(-1) ?? assert.fail('nothing was asked'), 'rate_limit')
  })

  it('of others in a payer’s name keeps no shop out that asks for little', async () => {
    const { caller, accountId } = await newPayer(server.url)
    const scene = await newContext(server.url, caller)
    const nowMs = server.clock.now()
    const rows = Array.from({ length: MAX_ALIVE.vouchersOfPayer }, (_, nth) =>
      aVoucher({ code: `C${nth}`, payerId: accountId, payeeId: randomPayeeId(), nowMs, lifetimeMs: 60_000 }),
    )
    await server.app.store.commit({ vouchers: rows })
    const statuses: number[] = []
    for (let nth = 0; nth < 40; nth++) {
      const answer = await scene.payee.post('/vouchers/reserve-voucher', { code: scene.context.code })
      statuses.push(answer.status)
    }
    const shop = await newContext(server.url, caller)
    ok(await shop.payee.post('/vouchers/reserve-voucher', { code: shop.context.code }), 'another shop')
    assert.ok(
      statuses.slice(0, 16).every((status) => status === 200),
      String(statuses),
    )
    assert.equal(statuses.at(-1), 429, 'many by one shop count')
  })

  it('may be kept in a session, with a bound of its own', async () => {
    const { caller } = await newPayer(server.url)
    const scene = await newContext(server.url, caller)
    const { id } = await openSession(scene)
    ok(await scene.payee.post(`/vouchers/sessions/${id}/reserve-voucher`))
  })

  it('asks the store seldom, and at the bound each time; of parallel calls none goes beyond what is under way', async () => {
    let stored = 0
    let asked = 0
    const countAlive = async (_filter: object, limit: number) => {
      asked += 1
      return Math.min(stored, limit)
    }
    let nowMs = 0
    const bounds = new AliveBounds({ countAlive }, true, () => nowMs)
    const filter = { what: 'contexts', of: { payer_id: 'usr_1' }, sinceMs: 0, nowMs: 0 } as const
    const take = () => bounds.take('contextsOfPayer', filter).then(() => (stored += 1))
    for (let nth = 0; nth < MAX_ALIVE.contextsOfPayer; nth++) await take()
    assert.ok(asked < 150, String(asked))
    const askedUpToBound = asked
    for (let nth = 0; nth < 5; nth++) await assert.rejects(take(), { code: 'rate_limit' })
    assert.ok(asked - askedUpToBound <= 1, 'a count to the bound is made once a second')
    stored -= 2
    nowMs += 1000
    await take()
    await take()
    await assert.rejects(take(), { code: 'rate_limit' })
  })
})
