import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { callerOf, newParties, startTestServer, type TestServer } from '../support/server.ts'

describe('a page of another origin', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer()
  })
  after(() => server.stop())

  it('is told before it calls what it may send', async () => {
    const { status, headers } = await fetch(`${server.url}/api/v1/vouchers/reserve-voucher`, {
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', 'access-control-request-method': 'POST' },
    })
    assert.equal(status, 204)
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.match(headers.get('access-control-allow-methods') ?? '', /POST/)
    for (const header of ['authorization', 'x-api-key', 'content-type', 'idempotency-key', 'last-event-id']) {
      assert.match(headers.get('access-control-allow-headers') ?? '', new RegExp(`\\b${header}\\b`))
    }
    assert.equal(headers.get('access-control-allow-credentials'), null)
  })

  it('may read answers, problems and events', async () => {
    const { payer } = await newParties(server.url)
    const paths = ['/finance/networks', '/vouchers/vch_nobody']
    const answers = await Promise.all(paths.map((path) => callerOf(server.url).get(path)))
    for (const { headers } of [...answers, await payer.get('/events')]) {
      assert.equal(headers.get('access-control-allow-origin'), '*')
      assert.match(headers.get('access-control-expose-headers') ?? '', /\bdate, link, retry-after\b/)
    }
  })

  it('may not read pages, and asks for nothing else without a route', async () => {
    const page = await fetch(`${server.url}/healthz`)
    assert.equal(page.headers.get('access-control-allow-origin'), null)
    const { status } = await fetch(`${server.url}/api/v1/finance/networks`, { method: 'OPTIONS' })
    assert.equal(status, 404)
  })
})
