import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { Event } from '../../src/domain/event.ts'
import { newDelivery } from '../../src/domain/webhook-delivery.ts'
import type { NewSecretView, WebhookDeliveryView, WebhookEndpointView } from '../../src/protocol/schemas.ts'
import { EventFanOut } from '../../src/use-cases/fan-out-events.ts'
import { assertInvalidFields, assertProblem, ok } from '../http/problems.ts'
import { eventLog } from '../support/event-log.ts'
import {
  asking,
  callerOf,
  eventually,
  newContext,
  newPayer,
  PAYEE_ADDRESS,
  receiptsOf,
  redeem,
  reserve,
  startTestServer,
  type TestCaller,
  type TestServer,
  UNVERIFIED_NETWORK,
  withToken,
} from '../support/server.ts'
import { type Received, type Receiver, startReceiver } from './receiver.ts'

const HOUR_MS = 60 * 60_000

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.stop())

async function receiverIn(t: TestContext): Promise<Receiver> {
  const receiver = await startReceiver()
  t.after(receiver.stop)
  return receiver
}

/** A user with an endpoint at a receiver. */
async function subscriber(t: TestContext, given: object = {}) {
  const { caller, accountId } = await newPayer(server.url)
  const receiver = await receiverIn(t)
  const endpoint = ok(await caller.post<NewSecretView>('/webhook-endpoints', { url: receiver.url, ...given }))
  return { caller, accountId, receiver, endpoint }
}

const deliveriesOf = async (caller: TestCaller, query = '') =>
  ok(await caller.get<WebhookDeliveryView[]>(`/webhook-deliveries${query}`))

const endpointOf = async (caller: TestCaller, id: string) =>
  ok(await caller.get<WebhookEndpointView>(`/webhook-endpoints/${id}`))

/** Waits until so many webhooks came in. */
const receivedBy = (receiver: Receiver, count: number) =>
  eventually(async () => receiver.received.length >= count && receiver.received)

/** Waits for the caller's newest delivery to be in a status. */
const newestIn = (caller: TestCaller, status: WebhookDeliveryView['status']) =>
  eventually(async () => {
    const [delivery] = await deliveriesOf(caller)
    return delivery?.status === status && delivery
  })

const typesOf = (received: Received[]) => received.map(({ event }) => event.type)

/** What a receiver checks, in the words of Standard Webhooks. */
function isSignedBy(secret: string, { headers, body }: Received): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const signature = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
  return String(headers['webhook-signature']).split(' ').includes(signature)
}

/** Terms that fill a body up: the calls of a CUSTOM voucher have no other bound. */
function largestTerms() {
  const input = { from: '{payer}', to: PAYEE_ADDRESS, value: '0', data: `0x${'ab'.repeat(16_000)}` }
  return {
    networks: [{ network: UNVERIFIED_NETWORK, type: 'evm', chainId: '31338' }],
    payments: [{ type: 'send_transaction', input }],
  }
}

function aVoucherEvent(payerId: string): Event {
  const type = 'voucher.signed' as const
  return { id: 'evt_1', type, createdAtMs: 1, subjectId: 'vch_1', version: 3, payerId, payeeId: null, data: {} }
}

describe('a webhook', () => {
  it('is due for all that happens once a new server takes calls', async (t) => {
    const own = await startTestServer()
    t.after(() => own.stop())
    assert.equal((await own.app.store.logPlace('webhooks'))?.version, 1)
  })

  it('brings each event of its account, signed, in the order of each voucher', async (t) => {
    const { caller, receiver, endpoint } = await subscriber(t)
    const scene = await newContext(server.url, caller)
    const vouchers = [await redeem(scene, asking('1')), await redeem(scene, asking('2'))]
    for (const voucher of vouchers) {
      ok(await caller.post(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher)))
    }
    const received = await receivedBy(receiver, 7)
    for (const { id } of vouchers) {
      const ofVoucher = received.filter(({ event }) => event.data.id === id)
      assert.deepEqual(typesOf(ofVoucher), ['voucher.reserved', 'voucher.redeemed', 'voucher.resolved'])
      assert.deepEqual(
        ofVoucher.map(({ event }) => event.data.version),
        [1, 2, 3],
      )
    }
    for (const each of received) {
      assert.ok(isSignedBy(endpoint.signingSecret, each))
      const platform = createHmac('sha256', endpoint.signingSecret).update(each.body).digest('hex')
      assert.equal(each.headers['x-platform-signature'], platform)
      assert.equal(each.headers['webhook-id'], each.event.id)
      assert.equal(each.headers['content-type'], 'application/json')
    }
    const log = new Map((await eventLog(server)).map((event) => [event.id, event]))
    for (const { event } of received) {
      const logged = log.get(event.id)
      assert.ok(logged)
      const createdAt = new Date(logged.createdAtMs).toISOString()
      assert.deepEqual(event, { id: logged.id, type: logged.type, createdAt, data: logged.data })
    }

    const deliveries = await eventually(async () => {
      const all = await deliveriesOf(caller)
      return all.length === 7 && all.every(({ status }) => status === 'DELIVERED') && all
    })
    const [last] = deliveries
    assert.ok(last)
    assert.deepEqual([last.attempts, last.responseCode, last.responseBody], [1, 200, 'thanks'])
    assert.equal(last.requestUrl, receiver.url)
    assert.ok(received.some(({ body }) => body === last.requestBody))
    assert.equal(last.nextAttemptAt, null)
    assert.equal(receiver.received.length, 7, 'nothing came twice')
    const query = `?endpointId=${endpoint.id}&eventType=voucher.resolved&status=DELIVERED`
    assert.equal((await deliveriesOf(caller, query)).length, 2)
    assert.deepEqual(await deliveriesOf(caller, '?status=FAILED'), [])
  })

  it('brings what it was asked for, from the payee side too, and nothing to others', async (t) => {
    const { caller: payee, receiver } = await subscriber(t, { events: ['voucher.reserved'] })
    const bystander = await subscriber(t)
    const { caller: payer } = await newPayer(server.url)
    const scene = await newContext(server.url, payer)
    await redeem({ ...scene, payee }, asking('1'))
    await reserve({ ...scene, payee })
    await reserve(scene)
    await newContext(server.url, payee)
    const last = await reserve({ ...scene, payee })
    await eventually(async () => receiver.received.some(({ event }) => event.data.id === last.id))
    assert.deepEqual(typesOf(receiver.received), ['voucher.reserved', 'voucher.reserved', 'voucher.reserved'])
    assert.deepEqual(bystander.receiver.received, [])
    assert.deepEqual(await deliveriesOf(bystander.caller), [])
  })

  it('comes again after a failure, in its turn, until it is delivered', async (t) => {
    const { caller, receiver } = await subscriber(t, { events: ['voucher.reserved', 'voucher.discarded'] })
    receiver.answer = 500
    const scene = await newContext(server.url, caller)
    const { id } = await reserve(scene)
    ok(await scene.payee.post(`/vouchers/${id}/discard-voucher`))
    await receivedBy(receiver, 1)
    const waiting = await eventually(async () => {
      const [second, first] = await deliveriesOf(caller)
      return first?.status === 'RETRYING' && { first, second }
    })
    assert.deepEqual([waiting.first.responseCode, waiting.first.attempts], [500, 1])
    assert.equal(waiting.second?.status, 'PENDING', 'the later one waits for the earlier one')
    receiver.answer = 200
    server.clock.advance(10_000)
    await newestIn(caller, 'DELIVERED')
    assert.deepEqual(typesOf(receiver.received), ['voucher.reserved', 'voucher.reserved', 'voucher.discarded'])
    const [first, again] = receiver.received
    assert.equal(first?.body, again?.body)
    assert.equal(first?.headers['webhook-id'], again?.headers['webhook-id'])
  })

  it('is counted, by how it went', async (t) => {
    const metric = async (name: string) => {
      const text = await (await fetch(`${server.url}/metrics`)).text()
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')[1] ?? 0,
      )
    }
    const delivered = 'sixpence_webhook_attempts_total{outcome="delivered"}'
    const [before, backlog] = [await metric(delivered), await metric('sixpence_webhook_backlog')]
    const { caller, receiver } = await subscriber(t, { events: ['context.opened'] })
    receiver.answer = 500
    await newContext(server.url, caller)
    await newestIn(caller, 'RETRYING')
    assert.equal(await metric('sixpence_webhook_backlog'), backlog + 1)
    receiver.answer = 200
    server.clock.advance(10_000)
    await newestIn(caller, 'DELIVERED')
    await eventually(async () => (await metric(delivered)) > before)
  })

  it('follows no redirect', async (t) => {
    const { caller, receiver } = await subscriber(t, { events: ['voucher.reserved'] })
    const elsewhere = await receiverIn(t)
    receiver.answer = (response) => response.writeHead(307, { location: elsewhere.url }).end()
    await reserve(await newContext(server.url, caller))
    const delivery = await newestIn(caller, 'RETRYING')
    assert.equal(delivery.responseCode, 307)
    assert.deepEqual(elsewhere.received, [])
  })
})

describe('an endpoint', () => {
  it('is disabled at once where the receiver is gone, and sends what waits when it is enabled', async (t) => {
    const { caller, receiver, endpoint } = await subscriber(t, { events: ['voucher.reserved'] })
    receiver.answer = 410
    const scene = await newContext(server.url, caller)
    await reserve(scene)
    assert.equal((await newestIn(caller, 'FAILED')).responseCode, 410)
    const disabled = await endpointOf(caller, endpoint.id)
    assert.equal(disabled.enabled, false)
    assert.match(disabled.disabledReason ?? '', /410/)
    await reserve(scene)
    receiver.answer = 200
    const enabled = ok(await caller.post<WebhookEndpointView>(`/webhook-endpoints/${endpoint.id}/enable`))
    assert.deepEqual([enabled.enabled, enabled.disabledReason], [true, undefined])
    const [failed] = await deliveriesOf(caller)
    ok(await caller.post(`/webhook-deliveries/${failed?.id}/retry`))
    const delivered = await newestIn(caller, 'DELIVERED')
    assert.equal(delivered.attempts, 2)
    assert.equal(delivered.requestUrl, receiver.url)
  })

  it('that hangs keeps nobody else waiting, and gets a few attempts at once', async (t) => {
    const hanging = await subscriber(t, { events: ['voucher.reserved'] })
    const held: (() => void)[] = []
    hanging.receiver.answer = (response) => held.push(() => response.writeHead(200).end())
    const scene = await newContext(server.url, hanging.caller)
    for (let nth = 0; nth < 8; nth++) await reserve(scene)
    await eventually(async () => held.length === 4)
    const quick = await subscriber(t, { events: ['context.opened'] })
    await newContext(server.url, quick.caller)
    await newestIn(quick.caller, 'DELIVERED')
    assert.equal(held.length, 4)
    hanging.receiver.answer = 200
    for (const release of held) release()
    await eventually(async () => (await deliveriesOf(hanging.caller, '?status=DELIVERED')).length === 8)
    assert.equal(hanging.receiver.received.length, 8)
  })

  it('rests after failures in a row, while its other deliveries wait', async (t) => {
    const { caller, receiver } = await subscriber(t, { events: ['voucher.reserved'] })
    receiver.answer = 500
    const scene = await newContext(server.url, caller)
    for (let nth = 0; nth < 20; nth++) await reserve(scene)
    await eventually(async () => (await deliveriesOf(caller, '?status=RETRYING')).length >= 3)
    const before = receiver.received.length
    const control = await subscriber(t, { events: ['context.opened'] })
    await newContext(server.url, control.caller)
    await newestIn(control.caller, 'DELIVERED')
    assert.equal(receiver.received.length, before, 'nothing is sent while it rests')
    assert.ok(before < 10, String(before))
    receiver.answer = 200
    const [waiting] = await deliveriesOf(caller, '?status=PENDING')
    ok(await caller.post(`/webhook-deliveries/${waiting?.id}/retry`))
    server.clock.advance(10_000)
    await eventually(async () => (await deliveriesOf(caller, '?status=DELIVERED')).length === 20)
  })

  it('signs with the old secret too for a day after a rotation', async (t) => {
    const { caller, accountId, receiver, endpoint } = await subscriber(t, { events: ['context.opened'] })
    const rotated = ok(await caller.post<NewSecretView>(`/webhook-endpoints/${endpoint.id}/rotate-endpoint-secret`))
    assert.notEqual(rotated.signingSecret, endpoint.signingSecret)
    await newContext(server.url, caller)
    const [first] = await receivedBy(receiver, 1)
    assert.ok(first)
    assert.ok(isSignedBy(endpoint.signingSecret, first))
    assert.ok(isSignedBy(rotated.signingSecret, first))
    server.clock.advance(24 * HOUR_MS)
    const later = withToken(server.url, await server.app.tokens.issue({ kind: 'user', accountId }))
    await newContext(server.url, later)
    const [, second] = await receivedBy(receiver, 2)
    assert.ok(second)
    assert.equal(isSignedBy(endpoint.signingSecret, second), false)
    assert.ok(isSignedBy(rotated.signingSecret, second))
  })

  it('keeps its secret sealed', async () => {
    const { caller } = await newPayer(server.url)
    const made = ok(await caller.post<NewSecretView>('/webhook-endpoints', { url: 'https://shop.example/hook' }))
    assert.match(made.signingSecret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    const row = JSON.stringify(await server.app.store.webhookEndpoint(made.id))
    assert.equal(row.includes(made.signingSecret.slice('whsec_'.length)), false)
    assert.equal('signingSecret' in (await endpointOf(caller, made.id)), false)
  })

  it('gets nothing once it is disabled or deleted', async (t) => {
    const { caller, receiver, endpoint } = await subscriber(t)
    const other = ok(await caller.post<NewSecretView>('/webhook-endpoints', { url: receiver.url }))
    ok(await caller.post(`/webhook-endpoints/${endpoint.id}/disable`))
    ok(await caller.delete(`/webhook-endpoints/${other.id}`))
    assertProblem(await caller.get(`/webhook-endpoints/${other.id}`), 'not_found')
    assertProblem(await caller.delete(`/webhook-endpoints/${other.id}`), 'not_found')
    const all = ok(await caller.get<WebhookEndpointView[]>('/webhook-endpoints'))
    assert.deepEqual(
      all.map(({ id }) => id),
      [endpoint.id],
    )
    const control = await subscriber(t, { events: ['context.opened'] })
    await newContext(server.url, caller)
    await newContext(server.url, control.caller)
    await newestIn(control.caller, 'DELIVERED')
    assert.deepEqual(receiver.received, [])
    assert.deepEqual(await deliveriesOf(caller), [])
  })

  it('must be where webhooks may go, and ask for what there is', async () => {
    const { caller } = await newPayer(server.url)
    const create = (body: object) => caller.post('/webhook-endpoints', { url: 'https://shop.example/hook', ...body })
    const urls = ['ftp://x.org', 'http://10.0.0.1/', 'https://u:p@shop.example/', 'https://10.0.0.1/', 'no url']
    for (const url of [...urls, 'https://[::ffff:169.254.169.254]/', `https://x.org/${'x'.repeat(2048)}`]) {
      assertInvalidFields(await create({ url }), ['/url'], url)
    }
    const unknown = await create({ events: ['voucher.resolved', 'voucher.lost'] })
    assertInvalidFields(unknown, ['/events/1'])
    assert.match(unknown.body.detail ?? '', /voucher\.settlement_failed/)
    const { id } = ok(await create({ events: ['*'] })) as NewSecretView
    assertInvalidFields(await caller.patch(`/webhook-endpoints/${id}`, { url: 'http://10.0.0.1/' }), ['/url'])
    const patched = ok(
      await caller.patch<WebhookEndpointView>(`/webhook-endpoints/${id}`, { events: ['voucher.signed'] }),
    )
    assert.deepEqual([patched.url, patched.events], ['https://shop.example/hook', ['voucher.signed']])
    assert.equal('signingSecret' in patched, false)
  })

  it('is one of twenty at most, however many are made at once', async () => {
    const { caller } = await newPayer(server.url)
    const create = () => caller.post<NewSecretView>('/webhook-endpoints', { url: 'https://shop.example/hook' })
    const answers = await Promise.all(Array.from({ length: 24 }, create))
    const made = answers.filter(({ status }) => status === 200)
    assert.equal(made.length, 20)
    for (const answer of answers) if (answer.status !== 200) assertProblem(answer, 'validation_failed')
    ok(await caller.delete(`/webhook-endpoints/${made[0]?.body.id}`))
    ok(await create())
  })

  it('of a user is hidden from its API keys, which never act as payer; their own are not hidden from it', async (t) => {
    const { caller, endpoint } = await subscriber(t, { widgetId: 'w 1' })
    const { key } = ok(await caller.post<{ key: string }>('/auth/api-keys', { name: 'till' }))
    const till = callerOf(server.url, { 'x-api-key': key })
    assertProblem(await till.get(`/webhook-endpoints/${endpoint.id}`), 'not_found')
    assertProblem(await till.patch(`/webhook-endpoints/${endpoint.id}`, { url: 'https://x.org/' }), 'not_found')
    const receiver = await receiverIn(t)
    const own = ok(await till.post<NewSecretView>('/webhook-endpoints', { url: receiver.url }))
    const shown = async (who: TestCaller, query = '') =>
      ok(await who.get<WebhookEndpointView[]>(`/widgets/webhook-endpoints${query}`)).map(({ id }) => id)
    assert.deepEqual(await shown(till), [own.id])
    assert.deepEqual(await shown(caller), [own.id, endpoint.id])
    assert.deepEqual(await shown(caller, '?widgetId=w%201'), [endpoint.id])
    const scene = await newContext(server.url, caller)
    const voucher = await reserve({ ...scene, payee: till })
    await eventually(async () => receiver.received.some(({ event }) => event.data.id === voucher.id))
    assert.deepEqual(typesOf(receiver.received), ['voucher.reserved'], "the context is the payer's own business")
    assert.deepEqual(
      (await deliveriesOf(till)).map(({ endpointId }) => endpointId),
      [own.id],
    )
    assert.ok((await deliveriesOf(caller)).length > 1)
  })
})

describe('the handing out', () => {
  it('makes many deliveries of the largest events in small commits, none with a copy of its event', async (t) => {
    const own = await startTestServer()
    t.after(() => own.stop())
    const { caller: payer } = await newPayer(own.url)
    const { caller: payee } = await newPayer(own.url)
    const { key } = ok(await payee.post<{ key: string }>('/auth/api-keys', { name: 'till' }))
    const till = callerOf(own.url, { 'x-api-key': key })
    const receiver = await receiverIn(t)
    for (const who of [payer, till]) {
      for (let nth = 0; nth < 20; nth++) {
        ok(await who.post('/webhook-endpoints', { url: receiver.url, events: ['voucher.redeemed'] }))
      }
    }
    const commits: number[] = []
    const { store } = own.app
    const commit = store.commit.bind(store)
    store.commit = (change) => {
      if (change.logPlaces) commits.push(JSON.stringify(change).length)
      return commit(change)
    }
    const pages: number[] = []
    const events = store.events.bind(store)
    store.events = async (...given) => {
      const page = await events(...given)
      pages.push(JSON.stringify(page).length)
      return page
    }
    const scene = { ...(await newContext(own.url, payer)), payee: till }
    const ids: string[] = []
    for (let nth = 0; nth < 40; nth++) ids.push((await reserve(scene)).id)
    receiver.answer = 503
    await Promise.all(ids.map((id) => till.post(`/vouchers/${id}/redeem-voucher`, largestTerms())))
    await eventually(async () => (await store.webhookBacklog()) === 40 * 40)
    const bodies = receiver.received.map(({ body }) => body)
    assert.ok(Math.max(...commits) < 1024 * 1024, `a commit of ${Math.max(...commits)}`)
    assert.ok(Math.max(...pages) < 2 * 1024 * 1024, `a page of ${Math.max(...pages)}`)
    assert.ok(bodies.every((body) => body.length > 32_000 && body.includes('"type":"voucher.redeemed"')))
    const shown = await deliveriesOf(till, '?limit=1000')
    assert.ok(shown.length > 10 && JSON.stringify(shown).length < 6 * 1024 * 1024, String(shown.length))
    assert.ok(shown.every(({ requestBody }) => requestBody.length > 32_000))
  })

  it('leaves what older versions have made as it is: with a body of its own', async (t) => {
    const { caller, accountId, receiver, endpoint } = await subscriber(t, { events: ['voucher.signed'] })
    const requestBody = '{"id":"evt_old","type":"voucher.signed","data":{}}'
    const event = { ...aVoucherEvent(accountId), id: 'evt_old' }
    const row = await server.app.store.webhookEndpoint(endpoint.id)
    assert.ok(row)
    const { eventPosition: _, ...old } = newDelivery({
      id: `dly_${endpoint.id}`,
      endpoint: row,
      event,
      eventPosition: '0',
      nowMs: server.clock.now(),
    })
    const lost = { ...old, id: `dly_lost_${endpoint.id}`, eventId: 'evt_lost', eventPosition: '999999999' }
    await server.app.store.commit({ webhookDeliveries: [{ ...old, requestBody }, lost] })
    await eventually(async () => receiver.received.length === 1)
    assert.equal(receiver.received[0]?.body, requestBody)
    const shown = await eventually(async () => {
      const all = await deliveriesOf(caller)
      return all.every(({ status }) => status !== 'PENDING') && all
    })
    assert.deepEqual(
      shown.map((delivery) => [delivery.status, delivery.requestBody, delivery.failure]),
      [
        ['RETRYING', '', 'The event is not in the log any more.'],
        ['DELIVERED', requestBody, undefined],
      ],
    )
  })

  it('makes each delivery once, also when it is done twice', async (t) => {
    const { caller } = await subscriber(t)
    await newContext(server.url, caller)
    await newestIn(caller, 'DELIVERED')
    const count = (await deliveriesOf(caller)).length
    const { store } = server.app
    const [first] = await store.events(null, 1)
    const position = first?.position ?? ''
    await eventually(async () => {
      const place = await store.logPlace('webhooks')
      const back = { id: 'webhooks', version: (place?.version ?? 0) + 1, position }
      return store.commit({ logPlaces: [back] }).then(
        () => true,
        () => false,
      )
    })
    await new EventFanOut(server.app).turn()
    assert.equal((await deliveriesOf(caller)).length, count)
  })

  it('costs nothing where nobody listens: no commit, no event read', async () => {
    const own = await startTestServer()
    try {
      await eventually(async () => (await own.app.store.logPlace('webhooks')) !== null)
      const { caller } = await newPayer(own.url)
      let reads = 0
      const { store } = own.app
      const events = store.events.bind(store)
      store.events = (...given) => {
        reads += 1
        return events(...given)
      }
      await reserve(await newContext(own.url, caller))
      const fanOut = new EventFanOut(own.app)
      assert.equal(await fanOut.turn(), 0)
      assert.equal(fanOut.isIdle, true)
      assert.equal(reads, 0)
      assert.equal((await store.logPlace('webhooks'))?.version, 1)
    } finally {
      await own.stop()
    }
  })

  it('goes on after a restart with what was not delivered', async (t) => {
    const receiver = await receiverIn(t)
    receiver.answer = 503
    let own = await startTestServer()
    try {
      const { caller, accountId } = await newPayer(own.url)
      ok(await caller.post('/webhook-endpoints', { url: receiver.url, events: ['voucher.reserved'] }))
      const { id } = await reserve(await newContext(own.url, caller))
      await receivedBy(receiver, 1)
      await newestIn(caller, 'RETRYING')
      own = await own.restart()
      receiver.answer = 200
      own.clock.advance(10_000)
      const again = withToken(own.url, await own.app.tokens.issue({ kind: 'user', accountId }))
      await newestIn(again, 'DELIVERED')
      assert.deepEqual(
        receiver.received.map(({ event }) => event.data.id),
        [id, id],
      )
    } finally {
      await own.stop()
    }
  })
})
