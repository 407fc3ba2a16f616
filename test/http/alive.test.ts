import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AliveBounds, MAX_ALIVE } from '../../src/use-cases/alive.ts'
import { aVoucher } from '../store/rows.ts'
import {
  asking,
  newContext,
  newPayer,
  openSession,
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

describe('what is alive', () => {
  it('is bounded for a payer, a payee and both together, and ends its bound with its time', async () => {
    const { caller, accountId } = await newPayer(server.url)
    const scene = await newContext(server.url, caller)
    const { id } = await reserve(scene)
    const { payeeId } = (await server.app.store.voucher(id)) ?? assert.fail('it was reserved')
    const nowMs = server.clock.now()
    const rows = Array.from({ length: MAX_ALIVE.vouchersOfPayeeAtPayer }, (_, nth) =>
      aVoucher({ code: String(100_000 + nth), payerId: accountId, payeeId, nowMs, lifetimeMs: 60_000 }),
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
    const bounds = new AliveBounds({ countAlive }, true)
    const filter = { what: 'contexts', of: { payer_id: 'usr_1' }, sinceMs: 0, nowMs: 0 } as const
    const take = () => bounds.take('contextsOfPayer', filter).then(() => (stored += 1))
    for (let nth = 0; nth < MAX_ALIVE.contextsOfPayer; nth++) await take()
    assert.ok(asked < 150, String(asked))
    await assert.rejects(take(), { code: 'rate_limit' })
    stored -= 2
    await take()
    await take()
    await assert.rejects(take(), { code: 'rate_limit' })
  })
})
