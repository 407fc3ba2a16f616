import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { AuthorizationView, ContextView, NewApiKeyView, ReservedView } from '../../src/protocol/schemas.ts'
import { eventLog } from '../support/event-log.ts'
import {
  asking,
  callerOf,
  newParties,
  newPayer,
  receiptsOf,
  redeem,
  reserve,
  startTestServer,
  type TestCaller,
  type TestServer,
  withToken,
} from '../support/server.ts'
import { newEmail, PASSWORD, type ReadyCall, ROUTES, servedRoutes } from './calls.ts'
import { assertProblem, ok } from './problems.ts'

const HOUR_MS = 60 * 60_000
const CALLERS = 16

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.stop())

let keys = 0
const newKey = () => {
  keys += 1
  return { 'idempotency-key': `key-${keys}` }
}
const eventCount = async () => (await eventLog(server)).length
const callerFor = ({ caller }: ReadyCall) => callerOf(server.url, caller?.headers)
const posts = Object.entries(ROUTES).filter(([route]) => route.startsWith('POST '))

describe('the same key again', () => {
  it('is tried at every POST route that there is', () => {
    const served = servedRoutes(server).filter((route) => route.startsWith('POST '))
    assert.deepEqual(served.toSorted(), posts.map(([route]) => route).toSorted())
  })

  for (const [route, { ready }] of posts) {
    it(`gives the same answer and no second effect at ${route}, and none to another body`, async () => {
      const call = await ready(server)
      const key = newKey()
      const post = (body = call.body) => callerFor(call).post(call.path, body, key)
      const first = ok(await post())
      const events = await eventCount()
      const again = await post()
      assert.deepEqual(ok(again), first)
      assert.equal(again.headers.get('idempotency-replayed'), 'true')
      assertProblem(await post({ ...Object(call.body), another: 'field' }), 'idempotency_conflict')
      assert.deepEqual(ok(await post()), first, 'the conflict changed nothing')
      assert.equal(await eventCount(), events)
    })

    it(`gives 16 callers at once one effect and one answer at ${route}`, async () => {
      const call = await ready(server)
      const key = newKey()
      const events = await eventCount()
      const answers = await Promise.all(
        Array.from({ length: CALLERS }, () => callerFor(call).post(call.path, call.body, key)),
      )
      const [first, ...others] = answers.map((answer) => ok(answer))
      for (const other of others) assert.deepEqual(other, first)
      assert.ok((await eventCount()) - events <= 1, 'one event at most')
    })
  }

  it('gives the same answers after a restart', async () => {
    const made: { route: string; call: ReadyCall; key: Record<string, string>; answer: object }[] = []
    for (const [route, { ready }] of posts) {
      const call = await ready(server)
      const key = newKey()
      made.push({ route, call, key, answer: ok(await callerFor(call).post(call.path, call.body, key), route) })
    }
    const events = await eventCount()
    server = await server.restart()
    for (const { route, call, key, answer } of made) {
      assert.deepEqual(ok(await callerFor(call).post(call.path, call.body, key), route), answer, route)
    }
    assert.equal(await eventCount(), events)
  })

  it('is another key for another caller, route or voucher', async () => {
    const key = newKey()
    const reserved: ReservedView[] = []
    for (const { payee, context } of [await newParties(server.url), await newParties(server.url)]) {
      reserved.push(ok(await payee.post<ReservedView>('/vouchers/reserve-voucher', { code: context.code }, key)))
    }
    assert.notEqual(reserved[0]?.id, reserved[1]?.id)
    const parties = await newParties(server.url)
    const ids = [(await reserve(parties)).id, (await reserve(parties)).id]
    for (const id of ids) {
      const { body } = await parties.payee.post<{ id: string }>(`/vouchers/${id}/discard-voucher`, {}, key)
      assert.equal(body.id, id)
    }
    ok(await parties.payee.post('/vouchers/reserve-voucher', { code: parties.context.code }, key))
  })

  it('does not remember refusals', async () => {
    const parties = await newParties(server.url)
    const { id } = await reserve(parties)
    const key = newKey()
    const redeemOnce = (terms: object) => parties.payee.post(`/vouchers/${id}/redeem-voucher`, terms, key)
    assertProblem(await redeemOnce(asking('-1')), 'validation_failed')
    ok(await redeemOnce(asking('1')))
    assertProblem(await redeemOnce(asking('2')), 'idempotency_conflict')

    const voucher = await redeem(parties, asking('1'))
    const early = newKey()
    const resolve = (path: string) => parties.payer.post(path, receiptsOf(voucher), early)
    assertProblem(await resolve(`/vouchers/${(await reserve(parties)).id}/resolve-voucher`), 'not_redeemed')
    ok(await resolve(`/vouchers/${voucher.id}/resolve-voucher`))
  })

  it('answers as it did even where the call would be refused by now', async () => {
    const parties = await newParties(server.url)
    const key = newKey()
    const reserveOnce = () =>
      parties.payee.post<ReservedView>('/vouchers/reserve-voucher', { code: parties.context.code }, key)
    const first = ok(await reserveOnce())
    ok(await parties.payee.post(`/vouchers/${first.id}/discard-voucher`))
    ok(await parties.payer.post(`/vouchers/contexts/${parties.context.id}/context-close`, { payeeId: null }))
    assert.deepEqual(ok(await reserveOnce()), first)
  })

  it('is forgotten after 24 hours', async () => {
    const data = { email: newEmail(), password: PASSWORD }
    const anybody = callerOf(server.url)
    ok(await anybody.post('/auth/sign-up', { type: 'email-password', data }))
    const signedIn = async (): Promise<TestCaller> => {
      const { body } = await anybody.post<AuthorizationView>('/auth/sign-in', { type: 'email-password', data })
      return withToken(server.url, body.authorization.token)
    }
    const key = newKey()
    const body = { format: 'alphanum', payers: [{ address: '0x00000000000000000000000000000000000B0b00' }] }
    const open = async () =>
      ok(await (await signedIn()).post<ContextView>('/vouchers/contexts/context-open', body, key)).id
    const first = await open()
    server.clock.advance(24 * HOUR_MS - 10_000)
    assert.equal(await open(), first)
    server.clock.advance(10_000)
    const second = await open()
    assert.notEqual(second, first)
    assert.equal(await open(), second)
  })
})

describe('an answer that holds a secret', () => {
  it('can be read in no file of the server', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-test-'))
    try {
      const own = await startTestServer({ dataDir })
      const { payer, payee, context } = await newParties(own.url)
      const signIn = { type: 'resource', data: { resource: `voucher::context::code::${context.code}` } }
      const signedIn = await callerOf(own.url).post<AuthorizationView>('/auth/sign-in', signIn, newKey())
      const made = ok(await payer.post<NewApiKeyView>('/auth/api-keys', { name: 'till' }, newKey()))
      const plain = ok(await payee.post<ReservedView>('/vouchers/reserve-voucher', { code: context.code }, newKey()))
      const { caller } = await newPayer(own.url)
      await own.stop()
      const files = await readdir(dataDir)
      const everything = (await Promise.all(files.map((file) => readFile(join(dataDir, file), 'latin1')))).join('\n')
      const { token } = ok(signedIn).authorization
      assert.ok(everything.includes(plain.id), 'the files that are searched are the right ones')
      for (const secret of [token, token.split('.')[2] ?? '', made.key, PASSWORD, caller.headers.authorization ?? '']) {
        assert.ok(secret.length > 10)
        assert.equal(everything.includes(secret), false)
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})
