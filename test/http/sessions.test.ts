import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import {
  asking,
  callerOf,
  eventually,
  newContext,
  newParties,
  openSession,
  receiptsOf,
  startTestServer,
  type TestServer,
  withToken,
} from '../support/server.ts'
import { assertInvalidFields, assertProblem, ok } from './problems.ts'

const HOUR_MS = 60 * 60_000

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.stop())

describe('a session', () => {
  it('carries two payments that end each on its own', async () => {
    const parties = await newParties(server.url)
    const { payer, payee, context } = parties
    const payeeInfo = { name: 'Café Société', lines: [{ of: 'bread', for: 1.5 }, null], open: true, '': '€' }
    const body = { code: context.code, type: 'SESSION_DEFAULT', payeeInfo }
    const session = ok(await payee.post<SessionView>('/vouchers/sessions/session-open', body))
    assert.match(session.id, /^ses_[0-9a-f]{24,}$/)
    assert.match(session.code, /^[0-9A-Z]{6}$/)
    assert.equal(session.status, 'OPEN')
    assert.equal(session.type, 'SESSION_DEFAULT')
    assert.equal(session.contextId, context.id)
    assert.deepEqual(session.payeeInfo, payeeInfo)

    const reserved = []
    for (let item = 0; item < 2; item++) {
      reserved.push(ok(await payee.post<{ id: string }>(`/vouchers/sessions/${session.id}/reserve-voucher`)))
    }
    const [bread, wine] = reserved
    assert.ok(bread && wine)
    assert.deepEqual(Object.keys(bread).toSorted(), ['code', 'expiresAt', 'id', 'status'])
    const joined = ok(await payer.post<SessionView>(`/vouchers/sessions/${session.id}/session-join`))
    assert.notEqual(joined.joinedAt, null)
    assert.deepEqual(
      joined.vouchers?.map(({ id }) => id),
      [bread.id, wine.id],
      'oldest first',
    )

    const redeemed = ok(await payee.post<VoucherView>(`/vouchers/${bread.id}/redeem-voucher`, asking('100')))
    assert.equal(redeemed.sessionId, session.id)
    ok(await payee.post(`/vouchers/${wine.id}/discard-voucher`))
    const closed = ok(await payee.post<SessionView>(`/vouchers/sessions/${session.id}/session-close`))
    assert.equal(closed.status, 'CLOSED')
    ok(await payer.post(`/vouchers/${bread.id}/resolve-voucher`, receiptsOf(redeemed)))
    for (const caller of [payer, payee]) {
      const seen = ok(await caller.get<SessionView>(`/vouchers/sessions/${session.id}`))
      assert.deepEqual(
        seen.vouchers?.map(({ status }) => status),
        ['RESOLVED', 'DISCARDED'],
      )
    }
    const list = ok(await payer.get<VoucherView[]>(`/vouchers?sessionId=${session.id}`))
    assert.deepEqual(
      list.map(({ id }) => id),
      [wine.id, bread.id],
      'newest first',
    )
  })

  it('takes its type or none, and no other', async () => {
    const { payee, context } = await newParties(server.url)
    const open = (body: object) => payee.post('/vouchers/sessions/session-open', { code: context.code, ...body })
    ok(await open({}))
    for (const type of ['', 'SESSION', 'session_default', null]) assertInvalidFields(await open({ type }), ['/type'])
  })

  it('is found by codes that are the caller’s to use', async () => {
    const { payer, payee, context } = await newParties(server.url)
    const other = await newParties(server.url)
    const open = (caller: typeof payee, code: string) => caller.post('/vouchers/sessions/session-open', { code })
    for (const code of ['', '12345', '1234567', 'ÄÖÜßéè', '12 456']) {
      assertProblem(await open(payee, code), 'invalid_code', code)
      assertProblem(await open(payer, code), 'invalid_code', code)
    }
    assertProblem(await open(payee, other.context.code), 'invalid_code', "another context's")
    assertProblem(await open(payer, 'ZZZZZZ'), 'not_found', 'never seen')
    ok(await open(payee, context.code.toLowerCase()))
    ok(await open(payer, other.context.code), 'a user may act as payee')
  })

  it('is joined once, closed once, and open to nobody after that', async () => {
    const parties = await newParties(server.url)
    const { payer, payee } = parties
    const { id } = await openSession(parties)
    ok(await payer.post(`/vouchers/sessions/${id}/session-join`))
    assertProblem(await payer.post(`/vouchers/sessions/${id}/session-join`), 'already_joined')
    ok(await payee.post(`/vouchers/sessions/${id}/session-close`))
    assertProblem(await payee.post(`/vouchers/sessions/${id}/session-close`), 'already_closed')
    assertProblem(await payee.post(`/vouchers/sessions/${id}/reserve-voucher`), 'session_closed')
    assertProblem(await payer.post(`/vouchers/sessions/${id}/session-join`), 'session_closed')
  })

  it('shows a payer who joins no state that the clock has ended', async () => {
    const parties = await newParties(server.url)
    const { id } = await openSession(parties)
    ok(await parties.payee.post(`/vouchers/sessions/${id}/reserve-voucher`))
    server.clock.advance(2 * 60_000)
    const { vouchers } = ok(await parties.payer.post<SessionView>(`/vouchers/sessions/${id}/session-join`))
    assert.deepEqual(
      vouchers?.map(({ status }) => status),
      ['EXPIRED'],
    )
  })

  it('closes by itself after a day', async () => {
    const { payer, payeeToken, context } = await newParties(server.url)
    const { key } = ok(await payer.post<{ key: string }>('/auth/api-keys', { name: 'shop' }))
    const payee = callerOf(server.url, { 'x-api-key': key })
    const { id } = await openSession({ payer, payee, payeeToken, context })
    server.clock.advance(24 * HOUR_MS - 1000)
    assert.equal(ok(await payee.get<SessionView>(`/vouchers/sessions/${id}`)).status, 'OPEN')
    server.clock.advance(1000)
    const assertOver = async () => {
      const seen = ok(await payee.get<SessionView>(`/vouchers/sessions/${id}`))
      assert.deepEqual({ status: seen.status, version: seen.version }, { status: 'CLOSED', version: 2 })
      assert.equal(seen.updatedAt, seen.closesAt, 'it ended when its time was over')
      const [listed] = ok(await payee.get<SessionView[]>('/vouchers/sessions'))
      assert.equal(listed?.status, 'CLOSED')
      assertProblem(await payee.post(`/vouchers/sessions/${id}/reserve-voucher`), 'session_closed')
      assertProblem(await payee.post(`/vouchers/sessions/${id}/session-close`), 'already_closed')
    }
    await assertOver()
    server.clock.advance(HOUR_MS)
    await eventually(async () => (await server.app.store.session(id))?.status === 'CLOSED')
    await assertOver()
  })
})

describe('the list of sessions', () => {
  it('shows each side its own, by context, newest first', async () => {
    const parties = await newParties(server.url)
    const { payer, payee } = parties
    const second = await newContext(server.url, payer)
    const ids = [(await openSession(parties)).id, (await openSession(parties)).id, (await openSession(second)).id]
    const list = async (caller: typeof payer, query = '') =>
      ok(await caller.get<SessionView[]>(`/vouchers/sessions${query}`)).map(({ id }) => id)
    assert.deepEqual(await list(payer), ids.toReversed())
    assert.deepEqual(await list(payer, '?limit=1&offset=1'), [ids[1]])
    assert.deepEqual(await list(payer, `?contextId=${second.context.id}`), [ids[2]])
    assert.deepEqual(await list(payee), [ids[1], ids[0]])
    assert.deepEqual(await list(payee, `?contextId=${second.context.id}`), [])
    assert.deepEqual(await list(withToken(server.url, (await newParties(server.url)).payeeToken)), [])
  })
})
