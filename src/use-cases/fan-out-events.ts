import { newDelivery, type WebhookDelivery } from '../domain/webhook-delivery.ts'
import { type WebhookEndpoint, wants } from '../domain/webhook-endpoint.ts'
import { newId } from '../protocol/ids.ts'
import { Conflict, type LoggedEvent, type LogPlace } from '../store/store.ts'
import type { App } from './app.ts'
import { commit } from './commit.ts'
import { whileHolding } from './while-holding.ts'

/** The lease of the node that hands out and sends, and the name of its place in the log. */
export const WEBHOOKS = 'webhooks'

/** What is read of the log at once: events, and bytes of them, of which the last event may have more. */
const PAGE_SIZE = 100
const PAGE_BYTES = 1024 * 1024

/** Deliveries that one commit makes; beyond it by those of one event, of which each account may have `MOST_ENDPOINTS`. */
const DELIVERIES_AT_ONCE = 500

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
  readonly #onMade: () => void
  /** Where nobody listened last, if the place has not been moved since. */
  #idle: { position: string; placeVersion: number; notedAtMs: number } | null = null

  /** @param onMade hears of each commit that made deliveries */
  constructor(app: App, onMade: () => void = () => undefined) {
    this.#app = app
    this.#onMade = onMade
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
      const page = await app.store.events(after, PAGE_SIZE, PAGE_BYTES)
      if (page.length === 0) return made
      for (const slice of slicesOf(await deliveriesOf(app, page))) {
        place = await movePlace(app, place, slice.upTo, slice.deliveries)
        made += slice.deliveries.length
        if (slice.deliveries.length > 0) this.#onMade()
      }
      after = place.position
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

/** The deliveries of a stretch of the log, and where that ends. */
type Slice = { deliveries: WebhookDelivery[]; upTo: string }

/** For each event of a page a delivery for each endpoint that wants it, in the order of the log. */
async function deliveriesOf(app: App, page: LoggedEvent[]): Promise<Slice[]> {
  const payerIds = new Set(page.map(({ event }) => event.payerId))
  const payeeIds = new Set(page.flatMap(({ event }) => event.payeeId ?? []))
  const endpoints = await app.store.listeningEndpoints([...payerIds], [...payeeIds])
  const nowMs = app.clock()
  return page.map((logged) => ({ deliveries: deliveriesOfEvent(endpoints, logged, nowMs), upTo: logged.position }))
}

function deliveriesOfEvent(endpoints: WebhookEndpoint[], { position, event }: LoggedEvent, nowMs: number) {
  const wanting = endpoints.filter((endpoint) => wants(endpoint, event))
  return wanting.map((endpoint) =>
    newDelivery({ id: newId('dly', nowMs), endpoint, event, eventPosition: position, nowMs }),
  )
}

/** What one commit takes, over and over; no event is cut, so that its place says that all of it is done. */
function* slicesOf(events: Slice[]): Generator<Slice> {
  let deliveries: WebhookDelivery[] = []
  for (const [index, event] of events.entries()) {
    deliveries.push(...event.deliveries)
    if (deliveries.length < DELIVERIES_AT_ONCE && index < events.length - 1) continue
    yield { deliveries, upTo: event.upTo }
    deliveries = []
  }
}
