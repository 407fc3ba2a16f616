import type { Event } from '../domain/event.ts'
import { newDelivery, type WebhookDelivery } from '../domain/webhook-delivery.ts'
import { type WebhookEndpoint, wants } from '../domain/webhook-endpoint.ts'
import { newId } from '../protocol/ids.ts'
import { Conflict, type LogPlace } from '../store/store.ts'
import type { App } from './app.ts'
import { commit } from './commit.ts'
import { eventView } from './views.ts'
import { whileHolding } from './while-holding.ts'

/** The lease of the node that hands out and sends, and the name of its place in the log. */
export const WEBHOOKS = 'webhooks'

const PAGE_SIZE = 500

/** While nobody listens, the place is written down no more often than this. */
const IDLE_NOTE_MS = 60_000

/**
 * Notes where the log ends, where no server has done so yet. To be called before callers come: events that are older
 * than this place go to nobody.
 */
export async function markBeginning(app: App): Promise<void> {
  if ((await app.store.logPlace(WEBHOOKS)) !== null) return
  try {
    await movePlace(app, null, await app.store.endOfLog())
  } catch (error) {
    // Another node was faster.
    if (!(error instanceof Conflict)) throw error
  }
}

/**
 * Hands each event of the log to the webhook endpoints that want it: a delivery for each, in one commit with the place
 * in the log up to which that is done. One node at a time does it.
 */
export class EventFanOut {
  readonly #app: App
  /** Where nobody listened last, if the place has not been moved since. */
  #idle: { position: string; placeVersion: number; notedAtMs: number } | null = null

  constructor(app: App) {
    this.#app = app
  }

  /** Whether anybody listened when it last looked. */
  get isIdle(): boolean {
    return this.#idle !== null
  }

  /** @returns how many deliveries it made */
  async turn(): Promise<number> {
    let made = 0
    await whileHolding(this.#app, WEBHOOKS, async (app) => {
      made = await this.#handOutAll(app)
    })
    return made
  }

  async #handOutAll(app: App): Promise<number> {
    // Read first: what lies before it is older than any endpoint that comes later.
    const end = await app.store.endOfLog()
    let place = await app.store.logPlace(WEBHOOKS)
    if (place === null) throw new Error('a server that runs has marked where the log began')
    if (!(await app.store.hasListeningEndpoints())) return this.#passBy(app, place, end)
    let after = this.#idle?.placeVersion === place.version ? this.#idle.position : place.position
    this.#idle = null
    for (let made = 0; ; ) {
      const page = await app.store.events(after, PAGE_SIZE)
      const last = page.at(-1)
      if (last === undefined) return made
      const deliveries = await deliveriesOf(
        app,
        page.map(({ event }) => event),
      )
      place = await movePlace(app, place, last.position, deliveries)
      after = place.position
      made += deliveries.length
      if (page.length < PAGE_SIZE) return made
    }
  }

  /** Nobody listens: no event is read, and nothing is written but, now and then, the place. */
  async #passBy(app: App, place: LogPlace, end: string): Promise<number> {
    const nowMs = app.clock()
    const notedAtMs = this.#idle?.notedAtMs ?? nowMs
    const isDue = nowMs - notedAtMs >= IDLE_NOTE_MS
    const noted = isDue && place.position !== end ? await movePlace(app, place, end) : place
    this.#idle = { position: end, placeVersion: noted.version, notedAtMs: isDue ? nowMs : notedAtMs }
    return 0
  }
}

/** @throws Conflict where somebody else has moved it meanwhile */
async function movePlace(
  app: App,
  place: LogPlace | null,
  position: string,
  webhookDeliveries: WebhookDelivery[] = [],
): Promise<LogPlace> {
  const moved = { id: WEBHOOKS, version: (place?.version ?? 0) + 1, position }
  await commit(app, { webhookDeliveries, logPlaces: [moved] })
  return moved
}

/** A delivery for each event and each endpoint that wants it, in the order of the log. */
async function deliveriesOf(app: App, events: Event[]): Promise<WebhookDelivery[]> {
  const payerIds = new Set(events.map(({ payerId }) => payerId))
  const payeeIds = new Set(events.flatMap(({ payeeId }) => payeeId ?? []))
  const endpoints = await app.store.listeningEndpoints([...payerIds], [...payeeIds])
  if (endpoints.length === 0) return []
  const nowMs = app.clock()
  return events.flatMap((event) => {
    const wanting = endpoints.filter((endpoint) => wants(endpoint, event))
    return wanting.map((endpoint) => deliveryOf(endpoint, event, nowMs))
  })
}

function deliveryOf(endpoint: WebhookEndpoint, event: Event, nowMs: number): WebhookDelivery {
  const requestBody = JSON.stringify(eventView(event))
  return newDelivery({ id: newId('dly', nowMs), endpoint, event, requestBody, nowMs })
}
