import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { CallerKind } from '../../src/use-cases/call.ts'
import { eventLog } from '../support/event-log.ts'
import {
  callerOf,
  newParties,
  newPayer,
  signInByCode,
  startTestServer,
  type TestCaller,
  type TestServer,
  withToken,
} from '../support/server.ts'
import { OPERATOR_ROUTES, PAGE_ROUTES, ROUTES, send, servedRoutes } from './calls.ts'
import { assertProblem, ok } from './problems.ts'

const HOUR_MS = 60 * 60 * 1000

/** Callers with good tokens who have nothing to do with anything that a test makes. */
type Strangers = Record<Exclude<CallerKind, 'anonymous' | 'operator'>, TestCaller>

describe('every door', () => {
  let server: TestServer
  let strangers: Strangers
  const operator = async () => withToken(server.url, await server.app.tokens.issue({ kind: 'operator' }))

  before(async () => {
    server = await startTestServer()
    const { payer, payee } = await newParties(server.url)
    const { key } = ok(await payer.post<{ key: string }>('/auth/api-keys', { name: 'stranger' }))
    strangers = { user: payer, payee, key: callerOf(server.url, { 'x-api-key': key }) }
  })
  after(() => server.stop())

  it('is known: the router serves the routes of the protocol and no others', () => {
    assert.deepEqual(servedRoutes(server).toSorted(), Object.keys(ROUTES).toSorted())
  })

  it('is of the protocol, one of the three that operators ask, or a page', () => {
    const others = server.http.served.filter(({ path }) => !path.startsWith('/api/v1/'))
    assert.deepEqual(
      others.map(({ method, path, callers, limit }) => [`${method} ${path}`, callers, limit]),
      [...OPERATOR_ROUTES, ...PAGE_ROUTES].map((route) => [route, [], null]),
    )
  })

  it('states the callers that the protocol names', () => {
    const ofProtocol = server.http.served.filter(({ path }) => path.startsWith('/api/v1/'))
    const served = ofProtocol.map(({ method, path, callers }) => [
      `${method} ${path.slice('/api/v1'.length)}`,
      callers.toSorted(),
    ])
    const documented = Object.entries(ROUTES).map(([route, { callers }]) => [route, callers.toSorted()])
    assert.deepEqual(Object.fromEntries(served), Object.fromEntries(documented))
  })

  for (const [route, { callers, ready }] of Object.entries(ROUTES)) {
    if (callers.length === 0) {
      it(`stands open at ${route}, also with a bad token`, async () => {
        const call = await ready(server)
        ok(await send(route, call, callerOf(server.url, { authorization: 'Bearer x' })))
      })
      continue
    }

    it(`is shut at ${route} to everybody but its callers`, async () => {
      const call = await ready(server)
      const events = await eventLog(server)
      const attempt = (caller: TestCaller) => send(route, call, caller)

      for (const headers of badCredentials(await operator())) {
        assertProblem(await attempt(callerOf(server.url, headers)), 'unauthorized', JSON.stringify(headers))
      }
      for (const [kind, stranger] of Object.entries({ ...strangers, operator: await operator() })) {
        if (!callers.some((allowed) => allowed === kind)) assertProblem(await attempt(stranger), 'forbidden', kind)
        else if (route.includes(':') && kind !== 'operator') assertProblem(await attempt(stranger), 'not_found', kind)
      }

      assert.deepEqual(await eventLog(server), events, 'nothing may have changed')
      assert.ok(call.caller)
      ok(await attempt(call.caller), 'the rightful caller')
    })
  }

  it('is shut to the payer where the payee acts, though the voucher is half its own', async () => {
    const { payer, payee, context } = await newParties(server.url)
    const { id } = ok(await payee.post<{ id: string }>('/vouchers/reserve-voucher', { code: context.code }))
    const session = ok(await payee.post<{ id: string }>('/vouchers/sessions/session-open', { code: context.code }))
    const paths = [`/vouchers/${id}/redeem-voucher`, `/vouchers/sessions/${session.id}/reserve-voucher`]
    for (const path of [...paths, `/vouchers/sessions/${session.id}/session-close`]) {
      assertProblem(await payer.post(path), 'not_found', path)
    }
  })

  it('is shut to the second payee of the same context', async () => {
    const first = await newParties(server.url)
    const second = withToken(server.url, await signInByCode(server.url, first.context.code))
    const { id } = ok(await first.payee.post<{ id: string }>('/vouchers/reserve-voucher', { code: first.context.code }))
    assertProblem(await second.get(`/vouchers/${id}`), 'not_found')
    assertProblem(await second.post(`/vouchers/${id}/discard-voucher`), 'not_found')
    assert.deepEqual(ok(await second.get<unknown[]>('/vouchers')), [])
  })
})

describe('every door, 25 hours later', () => {
  it('is shut to tokens that were good', async () => {
    const server = await startTestServer()
    try {
      const { payer, payee } = await newParties(server.url)
      const callers = [payer, payee, withToken(server.url, await server.app.tokens.issue({ kind: 'operator' }))]
      const { caller: other } = await newPayer(server.url)
      const { key } = ok(await other.post<{ key: string }>('/auth/api-keys', { name: 'kept' }))
      ok(await payer.get('/vouchers'))
      ok(await payee.get('/vouchers'))
      server.clock.advance(25 * HOUR_MS)
      for (const [route, facts] of Object.entries(ROUTES)) {
        if (facts.callers.length === 0) continue
        const path = route.replace(/^\S+ /, '').replaceAll(/:\w+/g, 'vch_1')
        for (const caller of callers) assertProblem(await send(route, { path, caller }, caller), 'unauthorized', route)
      }
      ok(await callerOf(server.url, { 'x-api-key': key }).get('/vouchers'), 'keys live until they are revoked')
    } finally {
      await server.stop()
    }
  })
})

/** Credentials that no route may take, some of them close to good ones. */
function badCredentials(good: TestCaller): Record<string, string>[] {
  const token = good.headers.authorization?.replace('Bearer ', '') ?? ''
  const [header = '', payload = '', signature = ''] = token.split('.')
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url')
  const altered = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('"operator"', '"user"')).toString(
    'base64url',
  )
  return [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer x' },
    { authorization: `Bearer ${'a.'.repeat(5000)}` },
    { authorization: 'Basic dXNlcjpwYXNzd29yZA==' },
    { authorization: token },
    { authorization: `Basic ${token}` },
    { authorization: `Bearer ${token}x` },
    { authorization: `Bearer ${token} ${token}` },
    { authorization: `Bearer ${header}.${altered}.${signature}` },
    { authorization: `Bearer ${unsigned}.${payload}.` },
    { authorization: '\u00ff\u00fe' },
    { 'x-api-key': '' },
    { 'x-api-key': 'x' },
    { 'x-api-key': `sxp_${'A'.repeat(43)}` },
    { 'x-api-key': token },
  ]
}
