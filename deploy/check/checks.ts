import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { json } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { type EventReader, readEvents } from '../../test/support/event-reader.ts'
import { runProgram } from '../../test/support/program.ts'
import { callerOf, eventually, newParties, type Parties, reserve } from '../../test/support/server.ts'
import type { LoggedCall } from './nginx.ts'
import type { Site } from './site.ts'
import { Trickle } from './trickle.ts'

/** One thing that holds of the site; it says so in its name, and throws where it does not. */
type Check = { name: string; run: (site: Site) => Promise<void> }

/** In this order: the last one ends a node for good. */
export const CHECKS: Check[] = [
  { name: 'calls without TLS are sent to TLS', run: redirects },
  { name: '/healthz, /readyz and /metrics are not for the outside', run: hidesTheInside },
  { name: 'the pages for people are there, with their policy', run: showsThePages },
  { name: 'a body of more than 64 KiB is refused as the API refuses it', run: refusesLargeBodies },
  { name: 'the request id of the caller goes through, and another is made where there is none', run: keepsRequestIds },
  { name: 'a whole payment, up to CONFIRMED, with calls to both nodes', run: pays },
  { name: 'an event stream hears what happens on the other node', run: hearsTheOtherNode },
  { name: 'a forged X-Forwarded-For makes nobody somebody else', run: countsTrueAddresses },
  {
    name: 'a node stops and starts under a trickle of calls that may be repeated, and none of them fails',
    run: stopsGently,
  },
  {
    name: 'a node is killed under a trickle of calls that may be repeated, and none of them fails',
    run: survivesAKill,
  },
]

const HIDDEN = ['/healthz', '/readyz', '/metrics', '/nothing']
const PAGES = ['/', '/register', '/wallet', '/docs']
const LIMIT_BYTES = 64 * 1024

/** Wrong codes that an address has. */
const GUESSES = 10

/** Reservations that a stream is to hear of: enough for both nodes to get some. */
const RESERVATIONS = 12

const TRICKLE_MS = 1000

async function redirects({ nginx }: Site): Promise<void> {
  const { status, headers } = await fetch(`${nginx.plainUrl}/api/v1/finance/networks`, { redirect: 'manual' })
  assert.deepEqual([status, headers.get('location')], [301, 'https://127.0.0.1/api/v1/finance/networks'])
}

async function hidesTheInside({ nginx }: Site): Promise<void> {
  for (const path of HIDDEN) {
    const response = await fetch(`${nginx.url}${path}`)
    assert.deepEqual([response.status, await codeIn(response)], [404, 'not_found'], path)
  }
}

async function showsThePages({ nginx }: Site): Promise<void> {
  for (const path of PAGES) {
    const { status, headers } = await fetch(`${nginx.url}${path}`)
    assert.deepEqual([status, headers.get('content-type')], [200, 'text/html; charset=utf-8'], path)
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; /)
  }
  assert.equal((await fetch(`${nginx.url}/assets/nothing.js`)).status, 404)
}

async function refusesLargeBodies({ nginx }: Site): Promise<void> {
  const post = (bytes: number) =>
    fetch(`${nginx.url}/api/v1/auth/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'x', data: {} }).padEnd(bytes),
    })
  const tooLarge = await post(LIMIT_BYTES + 1)
  assert.deepEqual([tooLarge.status, await codeIn(tooLarge)], [413, 'payload_too_large'])
  const largest = await post(LIMIT_BYTES)
  assert.deepEqual([largest.status, await codeIn(largest)], [400, 'invalid_type'])
}

async function keepsRequestIds({ nginx }: Site): Promise<void> {
  const ask = async (headers: Record<string, string>) =>
    (await callerOf(nginx.url, headers).get('/finance/networks')).headers.get('x-request-id') ?? ''
  assert.equal(await ask({ 'x-request-id': 'checkout-20' }), 'checkout-20')
  const made = await ask({ 'x-request-id': 'short' })
  assert.match(made, /^[0-9a-f]{32}$/)
  const logged = await eventually(async () => (await nginx.calls()).find(({ requestId }) => requestId === made))
  assert.equal(logged.path, '/api/v1/finance/networks')
}

async function pays({ nginx, nodes, rpcUrl }: Site): Promise<void> {
  const before = (await nginx.calls()).length
  const trusting = { NODE_EXTRA_CA_CERTS: nginx.certificateFile }
  const { code, said } = await runProgram(['demo', '--url', nginx.url, '--rpc', rpcUrl], trusting)
  assert.equal(code, 0, said)
  assert.match(said, /CONFIRMED/)
  const writes = (await nginx.calls()).slice(before).filter(({ method }) => method === 'POST')
  for (const { address } of nodes) {
    assert.ok(
      writes.some((call) => call.nodes.includes(address)),
      `no call came to ${address}`,
    )
  }
}

async function hearsTheOtherNode({ nginx, nodes }: Site): Promise<void> {
  const parties = await newParties(nginx.url)
  const [, node] = nodes
  const reader = await streamFrom(node, nginx.url, parties)
  const reserved = await reserveSome(parties)
  assert.deepEqual(reservedIn(await reader.received(RESERVATIONS)), reserved)
  reader.close()
  const elsewhere = (await reservations(nginx.calls)).filter((call) => !call.nodes.includes(node.address))
  assert.ok(elsewhere.length > 0, 'all reservations came to the node that has the stream')
}

/** Wrong codes are counted exactly, by address, and by all nodes together. */
async function countsTrueAddresses({ nginx }: Site): Promise<void> {
  const guess = (from: string, claimed: string) =>
    codeFrom(from, `${nginx.url}/api/v1/auth/sign-in`, claimed, {
      type: 'resource',
      data: { resource: 'voucher::context::code::000000' },
    })
  for (let nth = 1; nth <= GUESSES; nth++) {
    assert.equal(await guess('127.0.0.20', `198.51.100.${nth}`), 'invalid_credentials')
  }
  assert.equal(await guess('127.0.0.20', '198.51.100.99'), 'rate_limit')
  assert.equal(await guess('127.0.0.21', '198.51.100.99'), 'invalid_credentials')
}

async function stopsGently({ nginx, nodes }: Site): Promise<void> {
  const [, node] = nodes
  const trickle = trickleOfRepeatable(await newParties(nginx.url))
  await delay(TRICKLE_MS)
  assert.equal(await node.end('SIGTERM'), 0)
  await delay(TRICKLE_MS)
  await node.start()
  await delay(TRICKLE_MS)
  assertUnharmed(await trickle.end())
}

async function survivesAKill({ nginx, nodes }: Site): Promise<void> {
  const [, node] = nodes
  const parties = await newParties(nginx.url)
  const first = await streamFrom(node, nginx.url, parties)
  const before = await reserveSome(parties)
  await first.received(RESERVATIONS / 2)
  const trickle = trickleOfRepeatable(await newParties(nginx.url))
  await delay(TRICKLE_MS)
  await node.end('SIGKILL')
  await first.ended()
  const after = await reserveSome(parties)
  await delay(TRICKLE_MS)
  assertUnharmed(await trickle.end())
  const second = await readEvents(nginx.url, parties.payee.headers, first.lastEventId)
  await second.received(before.length + after.length - first.events.length)
  second.close()
  assert.deepEqual(reservedIn([...first.events, ...second.events]), [...before, ...after])
}

/** GETs, and POSTs with an idempotency key. */
function trickleOfRepeatable(parties: Parties): Trickle {
  let calls = 0
  return new Trickle({
    reading: () => parties.payer.get('/vouchers/'),
    reserving: () => {
      calls += 1
      const headers = { 'idempotency-key': `reservation-${calls}` }
      return parties.payee.post('/vouchers/reserve-voucher', { code: parties.context.code }, headers)
    },
  })
}

function assertUnharmed({ calls, failures }: { calls: number; failures: string[] }): void {
  assert.deepEqual(failures, [], `of ${calls} calls`)
  assert.ok(calls > 50, `only ${calls} calls were made`)
}

/** A stream of the payee from that node: nginx sends each to another. */
function streamFrom(node: Site['nodes'][number], url: string, { payee }: Parties): Promise<EventReader> {
  return eventually(async () => {
    const reader = await readEvents(url, payee.headers)
    if ((await node.streams()) === 1) return reader
    reader.close()
    return null
  })
}

/** One after the other. @returns the vouchers, in this order */
async function reserveSome(parties: Parties): Promise<string[]> {
  const ids: string[] = []
  for (let nth = 1; nth <= RESERVATIONS; nth++) ids.push((await reserve(parties)).id)
  return ids
}

function reservedIn(events: EventReader['events']): string[] {
  return events.filter(({ type }) => type === 'voucher.reserved').map(({ data }) => data.data.id)
}

async function reservations(calls: () => Promise<LoggedCall[]>): Promise<LoggedCall[]> {
  const all = await calls()
  return all.filter(({ path }) => path === '/api/v1/vouchers/reserve-voucher').slice(-RESERVATIONS)
}

async function codeIn(response: Response): Promise<unknown> {
  return codeOf(await response.json())
}

/** Posts from one of this machine's own addresses. @returns the code of the problem that comes back */
async function codeFrom(localAddress: string, url: string, forwardedFor: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': forwardedFor }
  const call = request(url, { method: 'POST', localAddress, headers, agent: false })
  call.end(JSON.stringify(body))
  const [response]: IncomingMessage[] = await once(call, 'response')
  if (response === undefined) throw new Error('no answer')
  return codeOf(await json(response))
}

function codeOf(problem: unknown): unknown {
  return typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : null
}
