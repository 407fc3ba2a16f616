import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { createLogger } from '../../src/operating/logger.ts'
import {
  asking,
  callerOf,
  newParties,
  receiptsOf,
  redeem,
  startTestServer,
  type TestServer,
} from '../support/server.ts'
import { PASSWORD } from './calls.ts'
import { assertProblem, ok } from './problems.ts'

type Line = Record<string, unknown> & { msg: string }

/** A server that logs from this level on, and what it has logged. */
async function withLog(level: string, test: (server: TestServer, log: () => string) => Promise<void>): Promise<void> {
  let written = ''
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      written += chunk
      done()
    },
  })
  const server = await startTestServer({ logger: createLogger(level, destination) })
  try {
    await test(server, () => written)
  } finally {
    await server.stop()
  }
}

const linesOf = (log: string): Line[] =>
  log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const callLines = (log: string) => linesOf(log).filter(({ msg }) => msg === 'call')

/** All that a payment takes, with a refusal of each kind on the way. @returns what no line may show */
async function playStory(server: TestServer): Promise<string[]> {
  const parties = await newParties(server.url, { format: 'numeric' })
  const key = ok(await parties.payer.post<{ key: string }>('/auth/api-keys', { name: 'till' })).key
  const voucher = await redeem(parties, asking('100'))
  ok(await callerOf(server.url, { 'x-api-key': key }).get('/vouchers'))
  ok(await parties.payee.get(`/vouchers?code=${voucher.code}`))
  ok(await parties.payer.get(`/vouchers/${voucher.id}`))
  const idempotencyKey = 'once-and-only-once'
  const receipts = receiptsOf(voucher)
  const headers = { 'idempotency-key': idempotencyKey }
  ok(await parties.payer.post(`/vouchers/${voucher.id}/resolve-voucher`, receipts, headers))
  assertProblem(await callerOf(server.url, { authorization: 'Bearer forged' }).get('/vouchers'), 'unauthorized')
  assertProblem(await parties.payee.post('/vouchers/reserve-voucher', `{"code":"${voucher.code}`), 'validation_failed')
  assertProblem(await parties.payee.get(`/nowhere/${voucher.code}`), 'not_found')
  const { payerToken, payeeToken, context } = parties
  return [payerToken, payeeToken, key, idempotencyKey, context.code, voucher.code, PASSWORD, 'forged']
}

describe('the log', () => {
  it('has a line for each call: which route, how it ended, who called', () =>
    withLog('info', async (server, log) => {
      await playStory(server)
      const lines = callLines(log())
      const redeemed = lines.filter(({ route }) => route === '/api/v1/vouchers/:voucherId/redeem-voucher')
      assert.equal(redeemed.length, 1)
      const [line] = redeemed
      assert.deepEqual([line?.method, line?.status, line?.caller], ['POST', 200, 'payee'])
      assert.equal(typeof line?.durationMs, 'number')
      const ends = lines.map(({ method, route, status, caller }) => [method, route, status, caller].join(' '))
      assert.ok(ends.includes('GET /api/v1/vouchers 200 key'), ends.join('\n'))
      assert.ok(ends.includes('GET /api/v1/vouchers 401 unknown'), ends.join('\n'))
      assert.ok(ends.includes('GET none 404 unknown'), ends.join('\n'))
      assert.ok(ends.includes('POST /api/v1/auth/sign-in 200 anonymous'), ends.join('\n'))
    }))

  it('hides nothing in characters that nobody sees, and stays JSON', () => {
    let written = ''
    const write = (line: string) => {
      written += line
    }
    const reason = 'the node says \u202eenod\u202c\u200b\n\u001b[2J\u009b\u{e0041}'
    createLogger('warn', { write }).warn({ reason }, 'a line')
    assert.match(written, /^[ -~]+\n$/)
    assert.equal(JSON.parse(written).reason, reason)
  })

  it('shows no secret and no code, at the lowest level, also where a call fails as nobody foresaw', () =>
    withLog('trace', async (server, log) => {
      const secrets = await playStory(server)
      server.app.store.vouchers = () => Promise.reject(new Error('the disk is gone'))
      const caller = callerOf(server.url, { authorization: `Bearer ${secrets[0]}` })
      assertProblem(await caller.get(`/vouchers?code=${secrets[5]}`), 'unexpected')
      assert.match(log(), /the disk is gone/)
      for (const secret of secrets) assert.ok(!log().includes(secret), `${secret} is in ${log()}`)
    }))

  it('redacts what somebody logs by mistake', () =>
    withLog('info', async (server, log) => {
      const headers = { authorization: 'Bearer secret-1', 'x-api-key': 'secret-2', 'idempotency-key': 'secret-3' }
      server.app.log.info({ headers, body: { password: 'secret-4' }, password: 'secret-5', token: 'secret-6' }, 'oops')
      server.app.log.info({ req: { headers, body: 'secret-7' }, data: { ...headers, token: 'secret-8' } }, 'oops')
      assert.equal(linesOf(log()).filter(({ msg }) => msg === 'oops').length, 2)
      assert.doesNotMatch(log(), /secret-/)
    }))

  it('is silent about calls that go well at the level warn', () =>
    withLog('warn', async (server, log) => {
      await playStory(server)
      assert.equal(log(), '')
    }))

  it('says once that somebody passes calls on whose word counts for nothing', () =>
    withLog('warn', async (server, log) => {
      const passedOn = callerOf(server.url, { 'x-forwarded-for': '192.0.2.1' })
      for (let call = 0; call < 2; call++) ok(await passedOn.get('/finance/networks'))
      assert.equal(linesOf(log()).length, 1)
      assert.match(log(), /--trust-proxy/)
      assert.doesNotMatch(log(), /192\.0\.2\.1/)
    }))
})

describe('the id of a request', () => {
  it("is the caller's where it is well-formed, in the answer and in each line", () =>
    withLog('info', async (server, log) => {
      const id = 'till-7.2026-03-04_0001'
      const answer = await callerOf(server.url, { 'x-request-id': id }).get('/finance/networks')
      assert.equal(answer.headers.get('x-request-id'), id)
      const refused = await callerOf(server.url, { 'x-request-id': id }).get('/vouchers')
      assert.equal(refused.headers.get('x-request-id'), id)
      server.app.store.contexts = () => Promise.reject(new Error('the disk is gone'))
      const { payer } = await newParties(server.url)
      await callerOf(server.url, { ...payer.headers, 'x-request-id': id }).get('/vouchers/contexts')
      const lines = linesOf(log()).filter(({ requestId }) => requestId === id)
      assert.deepEqual(
        lines.map(({ msg, status }) => [msg, status]),
        [
          ['call', 200],
          ['call', 401],
          ['unexpected error', undefined],
          ['call', 500],
        ],
      )
    }))

  it('is made where it is missing or could forge a line', () =>
    withLog('info', async (server, log) => {
      const ids = new Set<string>()
      for (const given of [
        undefined,
        '',
        'short',
        'with space here',
        '{"level":60}',
        'x'.repeat(65),
        'ümlaut-ümlaut',
      ]) {
        const headers: Record<string, string> = given === undefined ? {} : { 'x-request-id': given }
        const answer = await callerOf(server.url, headers).get('/finance/networks')
        const id = answer.headers.get('x-request-id') ?? ''
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f-]{27}$/, String(given))
        ids.add(id)
      }
      assert.equal(ids.size, 7)
      assert.deepEqual(new Set(callLines(log()).map(({ requestId }) => requestId)), ids)
    }))
})
