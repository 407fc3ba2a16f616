import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DELIVERY_LIFE_MS, recordAttempt } from '../../src/domain/webhook-delivery.ts'
import {
  deleteEndpoint,
  disableEndpoint,
  noteFailure,
  type WebhookEndpoint,
} from '../../src/domain/webhook-endpoint.ts'
import { newId } from '../../src/protocol/ids.ts'
import type { Store, WebhookDeliveryFilter, WebhookEndpointFilter } from '../../src/store/store.ts'
import { type Engine, rejectsWith } from './engine.ts'
import { aDelivery, anEndpoint, MINUTE_MS, randomPayeeId, T0, WHOLE_LIST } from './rows.ts'

const OK = { status: 'answered', code: 200, body: '', retryAfterMs: null } as const
const BROKEN = { status: 'answered', code: 500, body: 'sorry', retryAfterMs: null } as const

/** What every engine must do with webhook endpoints, deliveries and places in the log. */
export function webhooks(engine: Engine): void {
  const ids = (rows: { id: string }[]) => rows.map(({ id }) => id)

  test('endpoints, deliveries and places come back as they were written, version by version', async () => {
    const endpoint = anEndpoint({ description: 'Café Zoë', events: ['voucher.resolved'], widgetId: 'w 1' })
    const delivery = aDelivery(endpoint)
    const place = { id: newId('wh', T0), version: 1, position: '41.7' }
    await engine.store.commit({ webhookEndpoints: [endpoint], webhookDeliveries: [delivery], logPlaces: [place] })
    assert.deepEqual(await engine.store.webhookEndpoint(endpoint.id), endpoint)
    assert.deepEqual(await engine.store.webhookDelivery(delivery.id), delivery)
    assert.deepEqual(await engine.store.logPlace(place.id), place)

    const disabled = disableEndpoint(endpoint, 'gone', T0 + 1)
    const answered = { ...OK, body: 'nul \0 and half a pair \ud800' }
    const delivered = recordAttempt(delivery, { url: endpoint.url, outcome: answered, nowMs: T0 + 1, random: 0.5 })
    const moved = { ...place, version: 2, position: '42.0' }
    await engine.store.commit({ webhookEndpoints: [disabled], webhookDeliveries: [delivered], logPlaces: [moved] })
    assert.deepEqual(await engine.store.webhookEndpoint(endpoint.id), disabled)
    assert.deepEqual(await engine.store.webhookDelivery(delivery.id), delivered)
    assert.deepEqual(await engine.store.logPlace(place.id), moved)

    await rejectsWith(engine.store.commit({ webhookEndpoints: [disabled] }), 'version', endpoint.id)
    await rejectsWith(engine.store.commit({ webhookDeliveries: [delivered] }), 'version', delivery.id)
    await rejectsWith(engine.store.commit({ logPlaces: [moved] }), 'version', place.id)
    await rejectsWith(engine.store.commit({ logPlaces: [place] }), 'version', place.id)
    for (const read of ['webhookEndpoint', 'webhookDelivery', 'logPlace'] as const) {
      assert.equal(await engine.store[read]('nothing'), null)
    }
  })

  test('a place of an owner is taken once, until its endpoint is deleted', async () => {
    const first = anEndpoint()
    const second = { ...anEndpoint({ ownerId: first.ownerId }), description: 'the second' }
    await engine.store.commit({ webhookEndpoints: [first] })
    await rejectsWith(engine.store.commit({ webhookEndpoints: [second] }), 'version', second.id)
    await engine.store.commit({ webhookEndpoints: [{ ...second, place: 2 }, anEndpoint()] })
    const third = anEndpoint({ ownerId: first.ownerId })
    await engine.store.commit({ webhookEndpoints: [deleteEndpoint(first, T0 + 1)] })
    await engine.store.commit({ webhookEndpoints: [third] })
  })

  test('an event is on its way to an endpoint once, however often it is handed out', async () => {
    const [here, there] = [anEndpoint(), anEndpoint()]
    const first = aDelivery(here)
    const place = { id: newId('wh', T0), version: 1, position: '1' }
    await engine.store.commit({ webhookEndpoints: [here, there], webhookDeliveries: [first] })
    const again = aDelivery(here, { eventId: first.eventId })
    const elsewhere = aDelivery(there, { eventId: first.eventId })
    await engine.store.commit({ webhookDeliveries: [again, elsewhere], logPlaces: [place] })
    assert.equal(await engine.store.webhookDelivery(again.id), null)
    assert.deepEqual(await engine.store.webhookDelivery(first.id), first)
    assert.deepEqual(await engine.store.webhookDelivery(elsewhere.id), elsewhere)
    assert.deepEqual(await engine.store.logPlace(place.id), place, 'the rest of the change happened')
  })

  test('an owner lists its endpoints, newest first, by what they are', async () => {
    const ownerId = newId('usr', T0)
    const at = (minute: number, given: Partial<WebhookEndpoint>) =>
      anEndpoint({ ownerId, place: minute + 1, createdAtMs: T0 + minute * MINUTE_MS, ...given })
    const rows = [at(0, { payerId: ownerId }), at(1, { enabled: false }), at(2, { widgetId: 'w' }), at(3, {})]
    await engine.store.commit({ webhookEndpoints: [...rows, anEndpoint()] })
    await engine.store.commit({ webhookEndpoints: rows.slice(3).map((last) => deleteEndpoint(last, T0)) })
    const [plain = '', off = '', ofWidget = ''] = ids(rows)
    const of = async (given: Partial<WebhookEndpointFilter>) =>
      ids(
        await engine.store.webhookEndpoints({
          ...WHOLE_LIST,
          ownerId,
          payeeOnly: false,
          enabled: null,
          widgetId: null,
          ...given,
        }),
      )
    assert.deepEqual(await of({}), [ofWidget, off, plain])
    assert.deepEqual(await of({ enabled: true }), [ofWidget, plain])
    assert.deepEqual(await of({ enabled: false }), [off])
    assert.deepEqual(await of({ widgetId: 'w' }), [ofWidget])
    assert.deepEqual(await of({ payeeOnly: true }), [ofWidget, off])
    assert.deepEqual(await of({ limit: 1, offset: 1 }), [off])
    assert.deepEqual(await of({ sinceMs: T0 + 1, untilMs: T0 + 2 * MINUTE_MS }), [off])
  })

  test('an owner lists its deliveries, newest first, by what they are', async () => {
    const endpoint = anEndpoint({ widgetId: 'w' })
    const other = anEndpoint({ ownerId: endpoint.ownerId, place: 2 })
    const old = aDelivery(endpoint, { payerId: endpoint.ownerId })
    const failed = aDelivery(endpoint, { status: 'FAILED', dueAtMs: null, createdAtMs: T0 + 1 })
    const last = aDelivery(other, { eventType: 'voucher.resolved', createdAtMs: T0 + 2 })
    const strange = aDelivery(anEndpoint(), { endpointId: endpoint.id })
    await engine.store.commit({ webhookDeliveries: [old, failed, last, strange] })
    const all = {
      ...WHOLE_LIST,
      ownerId: endpoint.ownerId,
      payeeOnly: false,
      endpointId: null,
      status: null,
      eventType: null,
      widgetId: null,
    }
    const of = async (given: Partial<WebhookDeliveryFilter>) =>
      ids(await engine.store.webhookDeliveries({ ...all, ...given }))
    assert.deepEqual(await of({}), ids([last, failed, old]))
    assert.deepEqual(await of({ endpointId: endpoint.id }), ids([failed, old]))
    assert.deepEqual(await of({ endpointId: endpoint.id, status: 'PENDING' }), ids([old]))
    assert.deepEqual(await of({ status: 'FAILED' }), ids([failed]))
    assert.deepEqual(await of({ eventType: 'voucher.resolved' }), ids([last]))
    assert.deepEqual(await of({ widgetId: 'w' }), ids([failed, old]))
    assert.deepEqual(await of({ payeeOnly: true }), ids([last, failed]))
    assert.deepEqual(await of({ limit: 1, offset: 1 }), ids([failed]))
    assert.deepEqual(await of({ sinceMs: T0 + 1, untilMs: T0 + 2 }), ids([failed]))
  })

  test('the enabled endpoints of the parties of events are found, each once', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    assert.equal(await store.hasListeningEndpoints(), false)
    const [ofPayer, ofPayee, ofBoth, off, gone] = [1, 2, 3, 4, 5].map(() => anEndpoint({ payerId: newId('usr', T0) }))
    assert.ok(ofPayer && ofPayee && ofBoth && off && gone)
    await store.commit({ webhookEndpoints: [{ ...off, enabled: false }, gone] })
    await store.commit({ webhookEndpoints: [deleteEndpoint(gone, T0)] })
    assert.equal(await store.hasListeningEndpoints(), false)
    await store.commit({ webhookEndpoints: [ofPayer, ofPayee, ofBoth, anEndpoint()] })
    assert.equal(await store.hasListeningEndpoints(), true)
    const payers = [ofPayer, ofBoth, off, gone].map(({ payerId }) => payerId ?? '')
    const payees = [ofPayee, ofBoth].map(({ payeeId }) => payeeId)
    assert.deepEqual(await store.listeningEndpoints(payers, [...payees, randomPayeeId()]), [ofPayer, ofPayee, ofBoth])
    assert.deepEqual(await store.listeningEndpoints([], []), [])
  })

  test('endpoints are called while they are enabled, do not rest, and have something due', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const callable = async (nowMs: number, limit = 10, failing = false) =>
      ids(await store.callableEndpoints({ nowMs, failing, limit }))
    assert.deepEqual(await callable(T0), [])
    const [late, early, idle, off, failing] = [1, 2, 3, 4, 5].map(() => anEndpoint())
    assert.ok(late && early && idle && off && failing)
    const resting = [1, 2, 3].reduce(
      (endpoint) => noteFailure(endpoint, { code: 500, retryAfterMs: null }, T0),
      failing,
    )
    const pausedUntilMs = resting.health.pausedUntilMs ?? 0
    assert.ok(pausedUntilMs > T0)
    await store.commit({
      webhookEndpoints: [late, early, idle, { ...off, enabled: false }, { ...resting, version: 1 }],
      webhookDeliveries: [
        aDelivery(late, { dueAtMs: T0 + 1 }),
        aDelivery(early, { dueAtMs: T0 + 9 }),
        aDelivery(early),
        aDelivery(idle, { status: 'DELIVERED', dueAtMs: null }),
        aDelivery(off),
        aDelivery(failing),
        aDelivery(anEndpoint()),
      ],
    })
    assert.deepEqual(await callable(T0 - 1), [])
    assert.deepEqual(await callable(T0), [early.id])
    assert.deepEqual(await callable(T0 + 1), [early.id, late.id])
    assert.deepEqual(await callable(T0 + 1, 1), [early.id])
    assert.deepEqual(await callable(pausedUntilMs), [early.id, late.id])
    assert.deepEqual(await callable(pausedUntilMs - 1, 10, true), [])
    assert.deepEqual(await callable(pausedUntilMs, 10, true), [failing.id])
    assert.equal(await store.webhookBacklog(), 6)
  })

  test('of each subject the earliest delivery is due, until nothing more is sent of it', async () => {
    const endpoint = anEndpoint()
    const subjectId = newId('vch', T0)
    const first = aDelivery(endpoint, { subjectId, dueAtMs: T0 + 5 })
    const second = aDelivery(endpoint, { subjectId })
    const alone = aDelivery(endpoint, { dueAtMs: T0 + 1 })
    const elsewhere = aDelivery(anEndpoint(), { subjectId })
    await engine.store.commit({ webhookDeliveries: [first, second, alone, elsewhere] })
    const due = async (nowMs: number, limit = 10) => ids(await engine.store.dueDeliveries(endpoint.id, nowMs, limit))
    assert.deepEqual(await due(T0), [])
    assert.deepEqual(await due(T0 + 4), [alone.id], 'the second waits for the first')
    assert.deepEqual(await due(T0 + 5), [alone.id, first.id])
    assert.deepEqual(await due(T0 + 5, 1), [alone.id])
    const attempt = { url: endpoint.url, nowMs: T0 + 5, random: 0.5 }
    const again = recordAttempt(first, { ...attempt, outcome: BROKEN })
    await engine.store.commit({ webhookDeliveries: [again] })
    assert.deepEqual(await due(T0 + 5), [alone.id])
    await engine.store.commit({ webhookDeliveries: [recordAttempt(again, { ...attempt, outcome: OK })] })
    assert.deepEqual(await due(T0 + 5), [second.id, alone.id])
  })

  test('deliveries are forgotten after 30 days; those of deleted endpoints at once, and then the endpoints', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const [living, gone] = [anEndpoint(), anEndpoint()]
    const old = aDelivery(living)
    const young = aDelivery(living, { createdAtMs: T0 + 1 })
    const orphans = Array.from({ length: 1100 }, () => aDelivery(gone, { createdAtMs: T0 + DELIVERY_LIFE_MS }))
    await store.commit({ webhookEndpoints: [living, gone], webhookDeliveries: [old, young, ...orphans] })
    const isKept = async (id: string) => (await store.webhookDelivery(id)) !== null
    await store.forget(T0 + DELIVERY_LIFE_MS - 1)
    assert.ok(await isKept(old.id))
    await store.forget(T0 + DELIVERY_LIFE_MS)
    assert.deepEqual([await isKept(old.id), await isKept(young.id)], [false, true])
    assert.ok(await isKept(orphans[0]?.id ?? ''))

    await store.commit({ webhookEndpoints: [deleteEndpoint(gone, T0 + DELIVERY_LIFE_MS)] })
    await store.forget(T0 + DELIVERY_LIFE_MS)
    assert.equal(await countOf(store, gone), 0)
    assert.ok(await store.webhookEndpoint(gone.id), 'who read it before may still write')
    await store.forget(T0 + DELIVERY_LIFE_MS + MINUTE_MS)
    assert.equal(await store.webhookEndpoint(gone.id), null)
    assert.deepEqual(await store.webhookEndpoint(living.id), living)
  })
}

async function countOf(store: Store, { id, ownerId }: WebhookEndpoint): Promise<number> {
  const filter = {
    ...WHOLE_LIST,
    limit: 2000,
    ownerId,
    payeeOnly: false,
    endpointId: id,
    status: null,
    eventType: null,
    widgetId: null,
  }
  return (await store.webhookDeliveries(filter)).length
}
