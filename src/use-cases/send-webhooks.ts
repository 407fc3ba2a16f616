import { setTimeout as delay } from 'node:timers/promises'
import { unseal } from '../auth/seal.ts'
import { sendWebhook } from '../delivery/webhooks/send.ts'
import { webhookHeaders } from '../delivery/webhooks/sign.ts'
import {
  type AttemptOutcome,
  type DeliveryStatus,
  isSuccess,
  recordAttempt,
  type WebhookDelivery,
} from '../domain/webhook-delivery.ts'
import {
  isFailing,
  noteFailure,
  noteSuccess,
  signingSecrets,
  type WebhookEndpoint,
} from '../domain/webhook-endpoint.ts'
import type { App } from './app.ts'
import { decideAndCommit } from './commit.ts'
import { WEBHOOKS } from './fan-out-events.ts'
import { webhookBody } from './webhook-bodies.ts'
import { isLeaseLost, whileHolding } from './while-holding.ts'

/** Attempts under way at most: in all, to endpoints that fail, and to one endpoint. */
const AT_ONCE = 64
const PROBES_AT_ONCE = 16
const AT_ONCE_EACH = 4

/** Shorter than the lease lives on without being renewed. */
const STOPPING_MS = 5_000

type Attempt = { endpointId: string; isProbe: boolean; ended: Promise<void> }

export type WebhookSenderOptions = {
  /** Hears how each attempt went. */
  onAttempt: (status: DeliveryStatus) => void
  /** Hears that an attempt made room for another. */
  onRoom: () => void
  /** Hears of what went wrong within this server; the delivery stays due. */
  onError: (error: unknown) => void
}

/**
 * Sends what is due, at least once: what becomes of an attempt is written down after it. Deliveries of one subject go to
 * an endpoint one after the other; an endpoint that fails gets one attempt at a time, between rests. One node at a time
 * sends.
 */
export class WebhookSender {
  readonly #app: App
  readonly #options: WebhookSenderOptions
  /** By delivery. */
  readonly #underWay = new Map<string, Attempt>()
  readonly #callingOff = new AbortController()

  constructor(app: App, options: WebhookSenderOptions) {
    this.#app = app
    this.#options = options
  }

  /** Starts what there is room for, and waits for none of it. */
  turn(): Promise<void> {
    return whileHolding(this.#app, WEBHOOKS, async (app) => {
      await this.#start(app, { failing: false, room: AT_ONCE - this.#underWay.size })
      const probes = [...this.#underWay.values()].filter(({ isProbe }) => isProbe).length
      await this.#start(app, { failing: true, room: Math.min(PROBES_AT_ONCE - probes, AT_ONCE - this.#underWay.size) })
    })
  }

  /** Gives attempts under way some seconds to end, then calls them off; those stay due. */
  async stop(): Promise<void> {
    const ended = Promise.all([...this.#underWay.values()].map((attempt) => attempt.ended))
    const patience = new AbortController()
    await Promise.race([ended, delay(STOPPING_MS, null, { signal: patience.signal }).catch(() => null)])
    patience.abort()
    this.#callingOff.abort()
    await ended
  }

  async #start(app: App, { failing, room }: { failing: boolean; room: number }): Promise<void> {
    if (room <= 0) return
    const nowMs = app.clock()
    let left = room
    // Those whose room is taken by what is under way are among them.
    const endpoints = await app.store.callableEndpoints({ nowMs, failing, limit: room + this.#underWay.size })
    for (const endpoint of endpoints) {
      const underWay = [...this.#underWay.values()].filter(({ endpointId }) => endpointId === endpoint.id).length
      const slots = Math.min(left, (failing ? 1 : AT_ONCE_EACH) - underWay)
      if (slots <= 0) continue
      // An attempt that ends while this is read still shows as due.
      const attempted = new Set(this.#underWay.keys())
      const due = await app.store.dueDeliveries(endpoint.id, nowMs, slots + underWay)
      const fresh = due.filter(({ id }) => !attempted.has(id)).slice(0, slots)
      for (const delivery of fresh) this.#attempt(app, endpoint, delivery)
      left -= fresh.length
      if (left === 0) return
    }
  }

  #attempt(app: App, endpoint: WebhookEndpoint, delivery: WebhookDelivery): void {
    const run = async () => {
      try {
        const outcome = await this.#send(app, endpoint, delivery)
        if (outcome !== null) this.#options.onAttempt(await record(app, delivery.id, endpoint.url, outcome))
      } catch (error) {
        if (!isLeaseLost(error)) this.#options.onError(error)
        return
      } finally {
        this.#underWay.delete(delivery.id)
      }
      this.#options.onRoom()
    }
    const attempt = { endpointId: endpoint.id, isProbe: isFailing(endpoint), ended: Promise.resolve() }
    this.#underWay.set(delivery.id, attempt)
    attempt.ended = run()
  }

  /** @returns null where the attempt was called off */
  async #send(app: App, endpoint: WebhookEndpoint, delivery: WebhookDelivery): Promise<AttemptOutcome | null> {
    const nowMs = app.clock()
    const secrets = signingSecrets(endpoint, nowMs).map((sealed) => unseal(sealed, app.secrets.sealKey))
    const known = secrets.filter((secret) => secret !== null)
    if (known.length < secrets.length) return { status: 'failed', reason: 'The signing secret is lost. Rotate it.' }
    const { eventId: messageId } = delivery
    const body = await webhookBody(app, delivery)
    if (body === null) return { status: 'failed', reason: 'The event is not in the log any more.' }
    const timestampSeconds = Math.floor(nowMs / 1000)
    const headers = {
      'content-type': 'application/json',
      ...webhookHeaders({ messageId, timestampSeconds, body, secrets: known }),
    }
    const { signal } = this.#callingOff
    const outcome = await sendWebhook({ url: endpoint.url, headers, body }, { ...app.webhookPolicy, signal })
    return outcome.status === 'failed' && signal.aborted ? null : outcome
  }
}

/** Writes down how an attempt went, for the delivery and for its endpoint. @returns the delivery's status */
function record(app: App, deliveryId: string, url: string, outcome: AttemptOutcome): Promise<DeliveryStatus> {
  const random = Math.random()
  return decideAndCommit(app, null, async () => {
    const delivery = await app.store.webhookDelivery(deliveryId)
    if (delivery === null) return { change: null, answer: 'FAILED' }
    const nowMs = app.clock()
    const endpoint = await app.store.webhookEndpoint(delivery.endpointId)
    const noted = endpoint && note(endpoint, outcome, nowMs)
    const next = recordAttempt(delivery, { url, outcome, nowMs, random })
    const change = { webhookDeliveries: [next], ...(noted && { webhookEndpoints: [noted] }) }
    return { change, answer: next.status }
  })
}

/** @returns the endpoint as the attempt leaves it; null: as it was */
function note(endpoint: WebhookEndpoint, outcome: AttemptOutcome, nowMs: number): WebhookEndpoint | null {
  if (isSuccess(outcome)) return noteSuccess(endpoint)
  if (!endpoint.enabled) return null
  const { code, retryAfterMs } = outcome.status === 'answered' ? outcome : { code: null, retryAfterMs: null }
  return noteFailure(endpoint, { code, retryAfterMs }, nowMs)
}
