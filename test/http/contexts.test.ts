import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { AuthorizationView, ContextView, SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import { dealAll } from '../support/deal-all.ts'
import { eventLog } from '../support/event-log.ts'
import {
  asking,
  callerOf,
  eventually,
  newContext,
  newParties,
  newPayer,
  openSession,
  PAYER_ADDRESS,
  receiptsOf,
  redeem,
  reserve,
  startTestServer,
  type TestCaller,
  type TestServer,
} from '../support/server.ts'
import { newInvitation } from './calls.ts'
import { assertProblem, ok } from './problems.ts'

const MINUTE_MS = 60_000

let server: TestServer
let somebody: TestCaller
before(async () => {
  server = await startTestServer()
  somebody = (await newPayer(server.url)).caller
})
after(() => server.stop())

const open = async (body: object) => ok(await somebody.post<ContextView>('/vouchers/contexts/context-open', body))
const payers = [{ address: PAYER_ADDRESS }]

describe('opening a context', () => {
  it('gives a code of digits, or of letters that nobody mixes up', async () => {
    for (let round = 0; round < 20; round++) {
      assert.match((await open({ format: 'numeric', payers })).code, /^[0-9]{6}$/)
      assert.match((await open({ format: 'alphanum', payers })).code, /^(?=.*[A-Z])[0-9A-HJKMNP-TV-Z]{6}$/)
    }
    const { format, code } = await open({ format: 'alphanumeric', payers })
    assert.equal(format, 'alphanum', 'two names of one format')
    assert.match(code, /[A-Z]/)
  })

  it('shows what was opened', async () => {
    const address = PAYER_ADDRESS.toLowerCase()
    const context = await open({ format: 'numeric', payers: [{ address }, ...payers] })
    assert.match(context.id, /^ctx_[0-9a-f]{24,}$/)
    assert.equal(context.status, 'OPEN')
    assert.deepEqual(context.payers, payers, 'checksummed, and once')
    assert.equal(Date.parse(context.expiresAt) - Date.parse(context.createdAt), 10 * MINUTE_MS)
    assert.equal(context.updatedAt, context.createdAt)
  })
})

describe('an invitation', () => {
  const find = async (body: object) => (await callerOf(server.url).post('/vouchers/contexts/context-find', body)).body

  it('lets the payee that made it find the code of the first payer who answers, and nobody who has seen it', async () => {
    const { secret, invitation } = newInvitation()
    const unanswered = { code: null, expiresAt: null }
    assert.deepEqual(await find({ secret }), unanswered)
    const { caller: other } = await newPayer(server.url)
    const answering = { format: 'alphanum', payers, invitation }
    const answers = await Promise.all(
      [somebody, other, somebody].map((payer) => payer.post<ContextView>('/vouchers/contexts/context-open', answering)),
    )
    const [answer, ...others] = answers.filter(({ status }) => status === 200)
    assert.ok(answer && others.length === 0, 'one of three at once')
    for (const late of answers) if (late !== answer) assertProblem(late, 'already_exists')
    const { id, code, expiresAt } = ok(answer)
    assert.deepEqual(await find({ secret }), { code, expiresAt })
    assert.deepEqual(await find({ secret: invitation }), unanswered, 'the invitation itself finds nothing')
    const winner = answers.indexOf(answer) === 1 ? other : somebody
    ok(await winner.post(`/vouchers/contexts/${id}/context-close`, { payeeId: null }))
    assert.deepEqual(await find({ secret }), unanswered, 'a context that is closed')
    for (const bad of [{ secret: 'short' }, {}, { secret: `${secret}=` }]) {
      assertProblem(await callerOf(server.url).post('/vouchers/contexts/context-find', bad), 'validation_failed')
    }
    assertProblem(
      await somebody.post('/vouchers/contexts/context-open', { ...answering, invitation: 'x' }),
      'validation_failed',
    )
  })
})

describe('reading contexts', () => {
  it('gives the payer its own, newest first, in slices', async () => {
    const { caller: payer } = await newPayer(server.url)
    const opened: ContextView[] = []
    for (let round = 0; round < 4; round++) {
      opened.unshift((await newContext(server.url, payer)).context)
      server.clock.advance(1000)
    }
    await newParties(server.url)
    const list = async (query = '') => ok(await payer.get<ContextView[]>(`/vouchers/contexts${query}`))
    assert.deepEqual(await list(), opened)
    assert.deepEqual(await list('?limit=2'), opened.slice(0, 2))
    assert.deepEqual(await list('?limit=2&offset=1'), opened.slice(1, 3))
    assert.deepEqual(await list('?offset=9'), [])
    const [, second] = opened
    assert.ok(second)
    const at = Date.parse(second.createdAt)
    assert.deepEqual(await list(`?since=${at}`), opened.slice(0, 2), 'from then on')
    assert.deepEqual(await list(`?until=${at}`), opened.slice(2), 'before then')
    assert.deepEqual(ok(await payer.get(`/vouchers/contexts/${second.id}`)), second)
    assertProblem(await payer.get('/vouchers/contexts/ctx_0'), 'not_found')
  })
})

describe('closing a context', () => {
  it('tells the payee that it names, if that one has ever asked something of the payer', async () => {
    const parties = await newParties(server.url)
    const stranger = (await redeem(await newParties(server.url), asking('1'))).payeeId
    const own = (await reserve(parties)).id
    const { payeeId = '' } = ok(await parties.payee.get<{ payeeId?: string }>(`/vouchers/${own}`))
    const closing = async (named: string) => {
      const { context } = await newContext(server.url, parties.payer, {})
      ok(await parties.payer.post(`/vouchers/contexts/${context.id}/context-close`, { payeeId: named }))
      const events = (await eventLog(server)).filter(({ subjectId }) => subjectId === context.id)
      return events.map((event) => [event.type, event.payeeId])
    }
    assert.deepEqual(await closing(payeeId), [
      ['context.opened', null],
      ['context.closed', payeeId],
    ])
    assert.deepEqual(await closing(stranger), [
      ['context.opened', null],
      ['context.closed', null],
    ])
  })

  it('ends its code and its sessions, and leaves its vouchers alone', async () => {
    const parties = await newParties(server.url)
    const { payer, payee, context } = parties
    const session = await openSession(parties)
    const reserved = await reserve(parties)
    const redeemed = await redeem(parties, asking('1'))
    const payeeId = redeemed.payeeId
    const closed = ok(await payer.post<ContextView>(`/vouchers/contexts/${context.id}/context-close`, { payeeId }))
    assert.deepEqual({ status: closed.status, payeeId: closed.payeeId }, { status: 'CLOSED', payeeId })
    assert.deepEqual(ok(await payer.get(`/vouchers/contexts/${context.id}`)), closed)
    assertProblem(
      await payer.post(`/vouchers/contexts/${context.id}/context-close`, { payeeId: null }),
      'already_closed',
    )

    assertProblem(await payee.post('/vouchers/reserve-voucher', { code: context.code }), 'invalid_code')
    assertProblem(await payee.post('/vouchers/sessions/session-open', { code: context.code }), 'invalid_code')
    assertProblem(await payee.post(`/vouchers/sessions/${session.id}/reserve-voucher`), 'session_closed')
    assertProblem(await payer.post(`/vouchers/sessions/${session.id}/session-join`), 'session_closed')
    assertProblem(await payee.post(`/vouchers/sessions/${session.id}/session-close`), 'already_closed')
    assert.equal(ok(await payee.get<SessionView>(`/vouchers/sessions/${session.id}`)).status, 'CLOSED')

    ok(await payee.post(`/vouchers/${reserved.id}/redeem-voucher`, asking('1')))
    ok(await payer.post(`/vouchers/${redeemed.id}/resolve-voucher`, receiptsOf(redeemed)))
  })
})

describe('the code of a context', () => {
  it('is good for ten minutes, and what it led to goes on', async () => {
    const parties = await newParties(server.url)
    const { payer, payee, context } = parties
    const session = await openSession(parties)
    const redeemed = await redeem(parties, asking('1'))
    const { key } = ok(await payer.post<{ key: string }>('/auth/api-keys', { name: 'shop' }))
    const shop = callerOf(server.url, { 'x-api-key': key })
    server.clock.advance(10 * MINUTE_MS - 1000)
    ok(await payee.post('/vouchers/reserve-voucher', { code: context.code }), 'one second before')
    server.clock.advance(1000)

    const resource = `voucher::context::code::${context.code}`
    const assertOver = async () => {
      for (const caller of [payee, shop, payer]) {
        assertProblem(await caller.post('/vouchers/reserve-voucher', { code: context.code }), 'invalid_code')
        assertProblem(await caller.post('/vouchers/sessions/session-open', { code: context.code }), 'invalid_code')
      }
      const signIn = await callerOf(server.url).post<AuthorizationView>('/auth/sign-in', {
        ...{ type: 'resource', data: { resource } },
      })
      assertProblem(signIn, 'invalid_credentials')
      const seen = ok(await payer.get<ContextView>(`/vouchers/contexts/${context.id}`))
      assert.equal(seen.status, 'OPEN', 'the code is over, the context is not')
    }
    await assertOver()
    await eventually(async () => (await server.app.store.context(context.id))?.codeHeld === false)
    await assertOver()

    const inSession = ok(await payee.post<{ id: string }>(`/vouchers/sessions/${session.id}/reserve-voucher`))
    ok(await payee.get<VoucherView>(`/vouchers/${inSession.id}`))
    ok(await payee.get(`/vouchers/${redeemed.id}`))
    ok(await payer.post(`/vouchers/contexts/${context.id}/context-close`, { payeeId: null }))
  })

  it('is dealt again ten minutes after its end, and never while it lives', async () => {
    const own = await startTestServer()
    try {
      const { payer, context } = await newParties(own.url, { format: 'numeric' })
      await dealAll(own.app.codes.context, own.clock.now())
      const openAgain = () => payer.post<ContextView>('/vouchers/contexts/context-open', { format: 'numeric', payers })
      assertProblem(await openAgain(), 'codes_exhausted')
      ok(await payer.post('/vouchers/contexts/context-open', { format: 'alphanum', payers }), 'another kind of code')
      ok(await payer.post(`/vouchers/contexts/${context.id}/context-close`, { payeeId: null }))
      assertProblem(await openAgain(), 'codes_exhausted', 'it rests')
      own.clock.advance(10 * MINUTE_MS - 1000)
      assertProblem(await openAgain(), 'codes_exhausted', 'it still rests')
      own.clock.advance(2000)
      const again = ok(await openAgain())
      assert.equal(again.code, context.code)
      const found = ok(
        await callerOf(own.url).post<AuthorizationView>('/auth/sign-in', {
          ...{ type: 'resource', data: { resource: `voucher::context::code::${again.code}` } },
        }),
      )
      const payee = callerOf(own.url, { authorization: `Bearer ${found.authorization.token}` })
      const { id } = ok(await payee.post<{ id: string }>('/vouchers/reserve-voucher', { code: again.code }))
      assert.equal(ok(await payee.get<VoucherView>(`/vouchers/${id}`)).contextId, again.id, 'the younger holder')
    } finally {
      await own.stop()
    }
  })
})
