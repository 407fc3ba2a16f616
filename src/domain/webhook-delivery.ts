import type { Event } from './event.ts'
import type { WebhookEndpoint } from './webhook-endpoint.ts'

/**
 * One event on its way to one endpoint.
 *
 *   PENDING → DELIVERED
 *      ↓        ↑
 *   RETRYING ───┴→ FAILED       and back to RETRYING by hand
 */
export type WebhookDelivery = {
  id: string
  version: number
  endpointId: string
  ownerId: string
  /** As the endpoint has it. */
  payerId: string | null
  widgetId: string | null
  eventId: string
  eventType: Event['type']
  /** What the event is about, and its version then: deliveries of one subject are sent in order. */
  subjectId: string
  subjectVersion: number
  status: DeliveryStatus
  attempts: number
  /** Where it was sent last, or is to be sent first. */
  requestUrl: string
  /**
   * Where its event lies in the log. What is sent is made from there: a copy in each delivery would multiply the largest
   * event by the endpoints of all who hear of it.
   */
  eventPosition?: string
  /** The body itself, as older versions kept it. */
  requestBody?: string
  /** What the receiver answered to the last attempt; null: it did not. */
  responseCode: number | null
  responseBody: string | null
  /** Why the last attempt got no answer. */
  failure: string | null
  lastAttemptAtMs: number | null
  /** When it is to be sent; null: no more. */
  dueAtMs: number | null
  createdAtMs: number
}

export const DELIVERY_STATUSES = ['PENDING', 'DELIVERED', 'RETRYING', 'FAILED'] as const
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number]

/** How an attempt went. */
export type AttemptOutcome =
  | { status: 'answered'; code: number; body: string; retryAfterMs: number | null }
  | { status: 'failed'; reason: string }

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** After so long nobody asks for a delivery any more. */
export const DELIVERY_LIFE_MS = 30 * 24 * HOUR_MS

/** How long to wait after each failed attempt; four days in all, and after the last of them it is FAILED. */
const WAITS_MS = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  24 * HOUR_MS,
  24 * HOUR_MS,
  24 * HOUR_MS,
]

/** Waits vary by so much, so that what failed together does not come back together. */
const JITTER = 0.2

/** The longest that a receiver may put an attempt off. */
const LONGEST_RETRY_AFTER_MS = HOUR_MS

export function newDelivery(input: {
  id: string
  endpoint: WebhookEndpoint
  event: Event
  eventPosition: string
  nowMs: number
}): WebhookDelivery {
  const { id, endpoint, event, eventPosition, nowMs } = input
  return {
    id,
    version: 1,
    endpointId: endpoint.id,
    ownerId: endpoint.ownerId,
    payerId: endpoint.payerId,
    widgetId: endpoint.widgetId,
    eventId: event.id,
    eventType: event.type,
    subjectId: event.subjectId,
    subjectVersion: event.version,
    status: 'PENDING',
    attempts: 0,
    requestUrl: endpoint.url,
    eventPosition,
    responseCode: null,
    responseBody: null,
    failure: null,
    lastAttemptAtMs: null,
    dueAtMs: nowMs,
    createdAtMs: nowMs,
  }
}

/** Any 2xx is a success. A redirect is none: nothing is followed. */
export function isSuccess(outcome: AttemptOutcome): boolean {
  return outcome.status === 'answered' && outcome.code >= 200 && outcome.code < 300
}

/**
 * The delivery after an attempt.
 * @param attempt.random from 0 to 1: spreads what is tried again
 */
export function recordAttempt(
  delivery: WebhookDelivery,
  attempt: { url: string; outcome: AttemptOutcome; nowMs: number; random: number },
): WebhookDelivery {
  const { url, outcome, nowMs } = attempt
  const isAnswered = outcome.status === 'answered'
  return {
    ...delivery,
    version: delivery.version + 1,
    attempts: delivery.attempts + 1,
    requestUrl: url,
    responseCode: isAnswered ? outcome.code : null,
    responseBody: isAnswered ? outcome.body : null,
    failure: isAnswered ? null : outcome.reason,
    lastAttemptAtMs: nowMs,
    ...(isSuccess(outcome)
      ? { status: 'DELIVERED', dueAtMs: null }
      : afterFailure(delivery.attempts + 1, outcome, attempt)),
  }
}

function afterFailure(
  attempts: number,
  outcome: AttemptOutcome,
  { nowMs, random }: { nowMs: number; random: number },
): Pick<WebhookDelivery, 'status' | 'dueAtMs'> {
  const waitMs = WAITS_MS[attempts - 1]
  const isGone = outcome.status === 'answered' && outcome.code === 410
  if (waitMs === undefined || isGone) return { status: 'FAILED', dueAtMs: null }
  const spreadMs = Math.round(waitMs * (1 - JITTER + 2 * JITTER * random))
  const askedMs = outcome.status === 'answered' ? (outcome.retryAfterMs ?? 0) : 0
  return { status: 'RETRYING', dueAtMs: nowMs + Math.max(spreadMs, Math.min(askedMs, LONGEST_RETRY_AFTER_MS)) }
}

/** Sends it once more as soon as may be, whatever became of it; what has not been sent yet stays as it is. */
export function retryDelivery(delivery: WebhookDelivery, nowMs: number): WebhookDelivery {
  if (delivery.status === 'PENDING') return delivery
  return { ...delivery, version: delivery.version + 1, status: 'RETRYING', dueAtMs: nowMs }
}
