import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { assertInvalidFields, assertProblem, ok } from '../http/problems.ts'
import { anEvent } from '../store/rows.ts'
import { eventLog } from '../support/event-log.ts'
import { openEvents, readEvents } from '../support/event-reader.ts'
import {
  asking,
  callerOf,
  eventually,
  newContext,
  newParties,
  newPayer,
  openSession,
  receiptsOf,
  redeem,
  reserve,
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from '../support/server.ts'

const HOUR_MS = 60 * 60 * 1000

async function startIn(t: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startTestServer(options)
  t.after(() => server.stop())
  return server
}

const typesOf = (events: { type: string }[]) => events.map(({ type }) => type)
const idsOf = (events: { data: { id: string } }[]) => events.map(({ data }) => data.id)

describe('the event stream', () => {
  it('shows payer and payee each step as it is made, as the API shows it, with a version that grows', async (t) => {
    const server = await startIn(t)
    const parties = await newParties(server.url)
    const [payee, payer] = [
      await readEvents(server.url, parties.payee.headers),
      await readEvents(server.url, parties.payer.headers),
    ]
    const voucher = await redeem(parties, asking('100'))
    ok(await parties.payer.post(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher)))
    const shown = ok(await parties.payee.get(`/vouchers/${voucher.id}`))

    const events = await payee.received(3)
    assert.deepEqual(typesOf(events), ['voucher.reserved', 'voucher.redeemed', 'voucher.resolved'])
    assert.deepEqual(await payer.received(3), events)
    assert.deepEqual(
      events.map(({ data }) => [data.data.id, data.data.version]),
      [1, 2, 3].map((version) => [voucher.id, version]),
    )
    for (const { type, data } of events) assert.equal(data.type, type)
    assert.deepEqual(events.at(-1)?.data.data, shown)
  })

  it('says how it is to be read', async (t) => {
    const server = await startIn(t)
    const { payee } = await newParties(server.url)
    const { headers } = await openEvents(server.url, payee.headers)
    assert.equal(headers['content-type'], 'text/event-stream')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-accel-buffering'], 'no')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.ok(headers['x-request-id'])
  })

  it('shows nobody what is not theirs', async (t) => {
    const server = await startIn(t)
    const { caller: payer } = await newPayer(server.url)
    const scenes = [await newContext(server.url, payer), await newContext(server.url, payer)] as const
    const stranger = await newPayer(server.url)
    const { key } = ok(await stranger.caller.post<{ key: string }>('/auth/api-keys', { name: 'shop' }))
    const [first, second, both, other, ofKey] = await Promise.all(
      [
        scenes[0].payee.headers,
        scenes[1].payee.headers,
        payer.headers,
        stranger.caller.headers,
        { 'x-api-key': key },
      ].map((headers) => readEvents(server.url, headers)),
    )
    assert.ok(first && second && both && other && ofKey)

    const reserved = [await reserve(scenes[0]), await reserve(scenes[1])]
    const { code } = ok(
      await callerOf(server.url, payer.headers).get<{ code: string }>(`/vouchers/contexts/${scenes[0].context.id}`),
    )
    const byKey = ok(
      await callerOf(server.url, { 'x-api-key': key }).post<{ id: string }>('/vouchers/reserve-voucher', { code }),
    )
    await openSession(scenes[1])

    const seen = async (reader: typeof both, count: number) =>
      (await reader.received(count)).map(({ data }) => data.data.id)
    assert.deepEqual(await seen(both, 4).then((ids) => ids.slice(0, 3)), [reserved[0]?.id, reserved[1]?.id, byKey.id])
    assert.deepEqual(await seen(ofKey, 1), [byKey.id], 'what a key made')
    assert.deepEqual(await seen(other, 1), [byKey.id], 'its owner sees too')
    assert.deepEqual(await seen(first, 1), [reserved[0]?.id])
    assert.deepEqual(typesOf(await second.received(2)), ['voucher.reserved', 'session.opened'])
  })

  it('shows an event once to who is on both sides of it', async (t) => {
    const server = await startIn(t)
    const { caller } = await newPayer(server.url)
    const { context } = await newContext(server.url, caller)
    const reader = await readEvents(server.url, caller.headers)
    const mine = { payer: caller, payee: caller, payeeToken: '', context }
    const ids = [await reserve(mine), await reserve(mine)].map(({ id }) => id)
    await reader.received(2)
    const again = await readEvents(server.url, caller.headers, reader.events[0]?.id ?? null)
    await again.received(1)
    ids.push((await reserve(mine)).id)
    assert.deepEqual(
      (await reader.received(3)).map(({ data }) => data.data.id),
      ids,
    )
    assert.deepEqual(
      (await again.received(2)).map(({ data }) => data.data.id),
      ids.slice(1),
    )
  })

  it('begins with what comes after it was opened, and resumes from there', async (t) => {
    const server = await startIn(t)
    const parties = await newParties(server.url)
    await reserve(parties)
    const reader = await readEvents(server.url, parties.payee.headers)
    reader.close()
    const missed = await reserve(parties)
    const resumed = await readEvents(server.url, parties.payee.headers, reader.lastEventId)
    assert.deepEqual(
      (await resumed.received(1)).map(({ data }) => data.data.id),
      [missed.id],
    )
  })

  it('resumes from an id in the query, for readers that cannot send the header', async (t) => {
    const server = await startIn(t)
    const parties = await newParties(server.url)
    const reader = await readEvents(server.url, parties.payee.headers)
    const ids = [await reserve(parties), await reserve(parties)].map(({ id }) => id)
    const [first] = await reader.received(2)
    const { payee } = parties
    assert.ok(first)
    const response = await fetch(`${server.url}/api/v1/events?lastEventId=${first.id}`, { headers: payee.headers })
    const text = await textUntil(response, ids[1] ?? '')
    assert.ok(!text.includes(ids[0] ?? ''))
  })

  it('refuses an id that no stream gave', async (t) => {
    const server = await startIn(t)
    const { payee } = await newParties(server.url)
    for (const id of ['x', '-1', '1.2.3', 'evt_1', '1 OR 1=1', '9'.repeat(63)]) {
      const caller = callerOf(server.url, { ...payee.headers, 'last-event-id': id })
      assertInvalidFields(await caller.get('/events'), ['/lastEventId'], id)
      assertInvalidFields(await payee.get(`/events?lastEventId=${encodeURIComponent(id)}`), ['/lastEventId'], id)
    }
    assert.equal(server.app.streams.openCount, 0)
  })

  it('shows every event once, in order, to readers that come and go while vouchers are made', async (t) => {
    const server = await startIn(t)
    const parties = await newParties(server.url)
    const start = await server.app.store.endOfLog()
    let isBusy = true
    const readAsTheyComeAndGo = async () => {
      let lastEventId = start
      const ids: string[] = []
      const visit = async (enough: () => boolean | number) => {
        const reader = await readEvents(server.url, parties.payee.headers, lastEventId)
        await eventually(async () => reader.events.length >= 1 + Math.random() * 30 || enough())
        reader.close()
        ids.push(...idsOf(reader.events))
        lastEventId = reader.events.at(-1)?.id ?? lastEventId
      }
      while (isBusy) await visit(() => !isBusy)
      const last = await readEvents(server.url, parties.payee.headers, lastEventId)
      return async (count: number) => [...ids, ...idsOf(await last.received(count - ids.length))]
    }
    const readers = [readAsTheyComeAndGo(), readAsTheyComeAndGo(), readAsTheyComeAndGo()]
    const work = Array.from({ length: 8 }, async () => {
      for (let count = 0; count < 40; count += 1) await redeem(parties, asking('1'))
    })
    await Promise.all(work)
    isBusy = false
    const rest = await Promise.all(readers)

    const all = (await eventLog(server)).filter(({ payeeId }) => payeeId !== null).map(({ id }) => id)
    assert.equal(all.length, 8 * 40 * 2)
    for (const toEnd of rest) assert.deepEqual(await toEnd(all.length), all)
  })

  it('resumes over a restart of the server', async (t) => {
    const first = await startTestServer()
    const parties = await newParties(first.url)
    const reader = await readEvents(first.url, parties.payee.headers)
    const before = await reserve(parties)
    await reader.received(1)
    const second = await first.restart()
    t.after(() => second.stop())
    await reader.ended()
    const resumed = await readEvents(second.url, parties.payee.headers, reader.lastEventId)
    const payee = callerOf(second.url, parties.payee.headers)
    const after = ok(await payee.post<{ id: string }>('/vouchers/reserve-voucher', { code: parties.context.code }))
    const ids = [...reader.events, ...(await resumed.received(1))].map(({ data }) => data.data.id)
    assert.deepEqual(ids, [before.id, after.id])
  })
})

describe('an event stream ends', () => {
  it('at the first heartbeat after its token has expired', async (t) => {
    const server = await startIn(t, { operation: { heartbeatMs: 50 } })
    const parties = await newParties(server.url)
    const reader = await readEvents(server.url, parties.payee.headers)
    await eventually(async () => reader.heartbeats >= 2)
    assert.equal(reader.hasEnded, false)
    server.clock.advance(25 * HOUR_MS)
    await reader.ended()
    assert.equal(reader.response.complete, true, 'it ends as it should')
  })

  it('when its API key is revoked, busy or not', async (t) => {
    const server = await startIn(t, { operation: { heartbeatMs: 50 } })
    const { caller } = await newPayer(server.url)
    const { id, key } = ok(await caller.post<{ id: string; key: string }>('/auth/api-keys', { name: 'shop' }))
    const reader = await readEvents(server.url, { 'x-api-key': key })
    await eventually(async () => reader.heartbeats >= 2)
    ok(await caller.post(`/auth/api-keys/${id}/revoke`))
    await reader.ended()
  })

  it('when the server stops, which waits for no reader', async () => {
    const server = await startTestServer()
    const { payer, payee } = await newParties(server.url)
    const readers = await Promise.all([payer, payee, payee].map(({ headers }) => readEvents(server.url, headers)))
    const stalled = await openEvents(server.url, payee.headers)
    stalled.on('error', () => undefined)
    await stopsWithoutWaiting(server)
    for (const reader of readers) {
      await reader.ended()
      assert.equal(reader.response.complete, true)
    }
  })

  it('when its reader does not take what comes; it resumes where it broke off', async (t) => {
    const server = await startIn(t)
    const parties = await newParties(server.url)
    const { id: voucherId } = await reserve(parties)
    const { payeeId = '' } = ok(await parties.payee.get<{ payeeId?: string }>(`/vouchers/${voucherId}`))
    const start = await server.app.store.endOfLog()
    const stalled = await openEvents(server.url, parties.payee.headers)
    stalled.on('error', () => undefined)
    const quick = await readEvents(server.url, parties.payee.headers)
    await eventually(async () => server.app.streams.openCount === 2)

    const written: string[] = []
    await eventually(async () => {
      const event = anEvent({ payeeId, data: { text: 'x'.repeat(64 * 1024) } })
      await server.app.store.commit({ events: [event] })
      written.push(event.id)
      assert.ok(written.length < 1000, 'it is not cut')
      return server.app.streams.cutCount === 1
    })
    assert.deepEqual(idsOf(await quick.received(written.length)), written, 'nobody else is held up')
    const metrics = await fetch(`${server.url}/metrics`).then((response) => response.text())
    assert.match(metrics, /^sixpence_event_streams 1$/m)
    assert.match(metrics, /^sixpence_event_streams_cut_total 1$/m)
    stalled.resume()
    await eventually(async () => stalled.closed)
    const resumed = await readEvents(server.url, parties.payee.headers, start)
    assert.deepEqual(idsOf(await resumed.received(written.length)), written)
  })

  it('is one of twenty of an account, whichever of its keys and tokens open them', async (t) => {
    const server = await startIn(t)
    const { caller } = await newPayer(server.url)
    const made = await Promise.all(['a', 'b'].map((name) => caller.post<{ key: string }>('/auth/api-keys', { name })))
    const [a, b] = made.map((answer) => ({ 'x-api-key': ok(answer).key }))
    assert.ok(a && b)
    for (let nth = 0; nth < 10; nth++) {
      await readEvents(server.url, a)
      await readEvents(server.url, b)
    }
    for (const headers of [a, b, caller.headers]) {
      assertProblem(await callerOf(server.url, headers).get('/events'), 'rate_limit')
    }
  })

  it('is not counted any more once its reader has left', async (t) => {
    const server = await startIn(t)
    const { payee } = await newParties(server.url)
    const readers = await Promise.all(Array.from({ length: 20 }, () => readEvents(server.url, payee.headers)))
    assertProblem(await payee.get('/events'), 'rate_limit')
    const { payee: other } = await newParties(server.url)
    ok(await other.get('/events'), 'the bound is for each caller')
    readers[0]?.close()
    await eventually(async () => server.app.streams.openCount === 19)
    ok(await payee.get('/events'))
  })
})

/** Well before a stopping server breaks off whoever is still there. */
async function stopsWithoutWaiting(server: TestServer): Promise<void> {
  const stopping = server.stop().then(() => true)
  assert.ok(await Promise.race([stopping, delay(5_000, false, { ref: false })]), 'it waits for readers')
}

async function textUntil(response: Response, wanted: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes(wanted)) break
  }
  return text
}
