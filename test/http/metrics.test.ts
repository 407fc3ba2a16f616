import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openShop } from '../settlement/shop.ts'
import {
  asking,
  callerOf,
  eventually,
  newContext,
  newPayer,
  receiptsOf,
  redeem,
  startTestServer,
  type TestServer,
} from '../support/server.ts'
import { assertProblem, ok } from './problems.ts'

const METRICS = '/metrics'

async function metricsOf({ url }: TestServer): Promise<string> {
  const response = await fetch(url + METRICS)
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  return response.text()
}

/** The value of a sample, by its name and labels as they are written. */
function sampleOf(text: string, sample: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `))
  assert.ok(line, `${sample} is not among\n${text}`)
  return Number(line.slice(sample.length + 1))
}

const callsOf = (text: string, method: string, route: string, status: number): number =>
  sampleOf(
    text,
    `sixpence_http_request_duration_seconds_count{method="${method}",route="/api/v1${route}",status="${status}"}`,
  )

async function withServer(operation: Parameters<typeof startTestServer>[0], test: (server: TestServer) => unknown) {
  const server = await startTestServer(operation)
  try {
    await test(server)
  } finally {
    await server.stop()
  }
}

describe('the metrics', () => {
  it('count calls by route pattern, refusals by code, commits, and codes in use', () =>
    withServer({}, async (server) => {
      const before = await metricsOf(server)
      assert.equal(sampleOf(before, 'sixpence_live_codes{pool="voucher"}'), 0)
      const { caller: payer } = await newPayer(server.url)
      const scene = await newContext(server.url, payer, { format: 'numeric' })
      const voucher = await redeem(scene, asking('100'))
      const discarded = ok(await scene.payee.post<{ id: string }>('/vouchers/reserve-voucher', scene.context))
      assertProblem(await callerOf(server.url).get('/vouchers'), 'unauthorized')
      assertProblem(await callerOf(server.url).get('/nowhere'), 'not_found')

      const text = await metricsOf(server)
      assert.equal(callsOf(text, 'POST', '/vouchers/:voucherId/redeem-voucher', 200), 1)
      assert.equal(callsOf(text, 'POST', '/vouchers/reserve-voucher', 200), 2)
      assert.equal(callsOf(text, 'GET', '/vouchers', 401), 1)
      assert.equal(sampleOf(text, 'sixpence_refusals_total{code="unauthorized"}'), 1)
      assert.equal(sampleOf(text, 'sixpence_refusals_total{code="not_found"}'), 1)
      assert.equal(sampleOf(text, 'sixpence_live_codes{pool="voucher"}'), 2)
      assert.equal(sampleOf(text, 'sixpence_live_codes{pool="context"}'), 1)
      const commits = sampleOf(text, 'sixpence_commits_total')
      const groups = sampleOf(text, 'sixpence_commit_groups_total')
      assert.ok(groups > 0 && groups <= commits, `${commits} commits in ${groups} groups`)
      assert.equal(sampleOf(text, 'sixpence_calls_under_way'), 1)
      assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m)
      assert.match(text, /^process_resident_memory_bytes /m)
      for (const secret of [voucher.id, voucher.code, scene.context.code, scene.payeeToken]) {
        assert.ok(!text.includes(secret), secret)
      }

      ok(await scene.payee.post(`/vouchers/${discarded.id}/discard-voucher`))
      ok(await payer.post(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher)))
      const after = await metricsOf(server)
      assert.equal(sampleOf(after, 'sixpence_live_codes{pool="voucher"}'), 0)
    }))

  it('tell of payments that wait for the chain, and of its nodes', async () => {
    const shop = await openShop()
    try {
      const to = shop.newRecipient()
      const voucher = await shop.ask(100n, to)
      const transactionHash = await shop.send({ units: 100n, to })
      const { body } = await shop.resolve(voucher, { transactionHash })
      assert.equal(body.settlement?.status, 'PENDING')
      shop.server.clock.advance(100_000)
      const waiting = await metricsOf(shop.server)
      assert.equal(sampleOf(waiting, 'sixpence_settlements_pending'), 1)
      const lag = sampleOf(waiting, 'sixpence_settlement_lag_seconds')
      assert.ok(lag >= 100 && lag < 200, String(lag))
      assert.equal(sampleOf(waiting, 'sixpence_node_up{network="polygon"}'), 1)
      const head = sampleOf(waiting, 'sixpence_chain_head{network="polygon"}')

      await shop.confirm(voucher.id)
      const settled = await metricsOf(shop.server)
      assert.equal(sampleOf(settled, 'sixpence_settlements_pending'), 0)
      assert.equal(sampleOf(settled, 'sixpence_settlement_lag_seconds'), 0)
      assert.ok(sampleOf(settled, 'sixpence_chain_head{network="polygon"}') > head)
    } finally {
      await shop.stop()
    }
  })

  it('count background work that fails', () =>
    withServer({}, async (server) => {
      assert.equal(sampleOf(await metricsOf(server), 'sixpence_background_failures_total{task="sweep"}'), 0)
      server.app.store.watched = () => Promise.reject(new Error('the disk is gone'))
      server.app.store.lapsedVouchers = () => Promise.reject(new Error('the disk is gone'))
      await eventually(
        async () => sampleOf(await metricsOf(server), 'sixpence_background_failures_total{task="sweep"}') > 0,
      )
    }))
})

describe('the metrics are read', () => {
  const statusFor = async (server: TestServer, remoteAddress: string, headers: Record<string, string> = {}) =>
    (await server.http.inject({ url: METRICS, remoteAddress, headers })).statusCode

  it('from the machine itself only, unless told otherwise', () =>
    withServer({}, async (server) => {
      assert.equal(await statusFor(server, '127.0.0.1'), 200)
      assert.equal(await statusFor(server, '10.0.0.7'), 404)
      for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via']) {
        assert.equal(await statusFor(server, '127.0.0.1', { [name]: '127.0.0.1' }), 404, `${name} by a local proxy`)
      }
    }))

  it('by no page of another site that has pointed its own name here', () =>
    withServer({ publicHosts: ['pay.example'] }, async (server) => {
      const { port } = new URL(server.url)
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, '192.0.2.7', 'pay.example']) {
        assert.equal(await statusFor(server, '127.0.0.1', { host }), 200, host)
      }
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        'localhost.evil.example',
        'pay.example@evil.example',
      ]) {
        assert.equal(await statusFor(server, '127.0.0.1', { host }), 403, host)
      }
    }))

  it('by everybody where that is wanted', () =>
    withServer({ operation: { metricsFor: 'on' } }, async (server) =>
      assert.equal(
        await statusFor(server, '10.0.0.7', { 'x-forwarded-for': '192.0.2.1', host: 'metrics.internal' }),
        200,
      ),
    ))

  it('by nobody where they are off', () =>
    withServer({ operation: { metricsFor: 'off' } }, async (server) => {
      assert.equal(await statusFor(server, '127.0.0.1'), 404)
      ok(await callerOf(server.url).get('/finance/networks'))
    }))
})
