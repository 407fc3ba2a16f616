import type { EventType } from '../protocol/events.ts'
import type { Event } from './event.ts'

/**
 * Where an account wants its events sent.
 *
 *                    disable, 410, five days of failure
 *   create → ENABLED ⇄ DISABLED → deleted
 *                    enable
 */
export type WebhookEndpoint = {
  id: string
  version: number
  /** The account that it belongs to. */
  ownerId: string
  /** Whose events it gets: as payer too where the user made it; null where an API key did, which never acts as payer. */
  payerId: string | null
  payeeId: string
  /** Which of its owner's places it takes, from 1 to `MOST_ENDPOINTS`; no two that are not deleted share one. */
  place: number
  url: string
  description: string
  /** What it wants to hear of; empty: everything. */
  events: EventType[]
  widgetId: string | null
  enabled: boolean
  /** Why the server disabled it; null while it is enabled, and where its owner did. */
  disabledReason: string | null
  /** The newest first: it signs until the next rotation, the others until they end. */
  secrets: SigningSecret[]
  health: Health
  createdAtMs: number
  updatedAtMs: number
  /** Since when it is to be forgotten, with its deliveries. */
  deletedAtMs: number | null
}

type SigningSecret = { sealed: string; endsAtMs: number | null }

/** How the receiver has been doing lately. */
type Health = {
  /** Since when nothing has succeeded; null: the last attempt succeeded, or there was none. */
  failingSinceMs: number | null
  /** Failures in a row; those of attempts that ran side by side count as one. */
  failures: number
  /** Nothing is sent until then. */
  pausedUntilMs: number | null
}

const HEALTHY: Health = { failingSinceMs: null, failures: 0, pausedUntilMs: null }

/** Endpoints that an account may have. */
export const MOST_ENDPOINTS = 20

const HOUR_MS = 60 * 60_000

/** By then nobody who read a deleted endpoint before still writes deliveries for it. */
export const DELETED_LIFE_MS = 60_000

/** How long a rotated secret goes on signing beside the new one. */
const ROTATION_MS = 24 * HOUR_MS

/** Secrets that sign at once: more would make headers that receivers refuse. */
const MOST_SECRETS = 5

/** How long an endpoint may do nothing but fail before it is disabled. */
const PATIENCE_MS = 5 * 24 * HOUR_MS

/** The longest that an endpoint rests, whatever it asks for: one that has recovered is to be found out. */
const LONGEST_PAUSE_MS = HOUR_MS

/** How long an endpoint rests after so many failures in a row. One or two may be the fault of what was sent. */
const PAUSES_MS = [0, 0, 5_000, 30_000, 2 * 60_000, 10 * 60_000, 30 * 60_000, LONGEST_PAUSE_MS]

/** @param input.sealedSecret the first signing secret, sealed */
export function createEndpoint(
  input: Pick<
    WebhookEndpoint,
    'id' | 'ownerId' | 'payerId' | 'payeeId' | 'place' | 'url' | 'description' | 'events' | 'widgetId'
  > & { sealedSecret: string; nowMs: number },
): WebhookEndpoint {
  const { sealedSecret, nowMs, ...given } = input
  return {
    ...given,
    version: 1,
    enabled: true,
    disabledReason: null,
    secrets: [{ sealed: sealedSecret, endsAtMs: null }],
    health: HEALTHY,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    deletedAtMs: null,
  }
}

/** The lowest place that none of the endpoints takes; null where all are taken. */
export function freePlace(endpoints: WebhookEndpoint[]): number | null {
  const taken = new Set(endpoints.map(({ place }) => place))
  for (let place = 1; place <= MOST_ENDPOINTS; place++) if (!taken.has(place)) return place
  return null
}

/** Another address is another receiver: what the old one did does not count against it. */
export function updateEndpoint(
  endpoint: WebhookEndpoint,
  changes: Partial<Pick<WebhookEndpoint, 'url' | 'description' | 'events'>>,
  nowMs: number,
): WebhookEndpoint {
  const isMoved = changes.url !== undefined && changes.url !== endpoint.url
  return changed({ ...endpoint, ...changes, health: isMoved ? HEALTHY : endpoint.health }, nowMs)
}

/** Signs with a new secret from now on, and for a day with the old ones too. */
export function rotateSecret(endpoint: WebhookEndpoint, sealedSecret: string, nowMs: number): WebhookEndpoint {
  const old = endpoint.secrets
    .filter((secret) => isLiving(secret, nowMs))
    .map(({ sealed, endsAtMs }) => ({ sealed, endsAtMs: endsAtMs ?? nowMs + ROTATION_MS }))
  const secrets = [{ sealed: sealedSecret, endsAtMs: null }, ...old].slice(0, MOST_SECRETS)
  return changed({ ...endpoint, secrets }, nowMs)
}

/** The sealed secrets that sign now, the newest first. */
export function signingSecrets({ secrets }: WebhookEndpoint, nowMs: number): string[] {
  return secrets.filter((secret) => isLiving(secret, nowMs)).map(({ sealed }) => sealed)
}

function isLiving({ endsAtMs }: SigningSecret, nowMs: number): boolean {
  return endsAtMs === null || endsAtMs > nowMs
}

/** Begins anew: what waits is sent at once, whatever happened before. */
export function enableEndpoint(endpoint: WebhookEndpoint, nowMs: number): WebhookEndpoint {
  return changed({ ...endpoint, enabled: true, disabledReason: null, health: HEALTHY }, nowMs)
}

/** What waits goes on waiting. @param reason null where the owner wants it */
export function disableEndpoint(endpoint: WebhookEndpoint, reason: string | null, nowMs: number): WebhookEndpoint {
  return changed({ ...endpoint, enabled: false, disabledReason: reason }, nowMs)
}

export function deleteEndpoint(endpoint: WebhookEndpoint, nowMs: number): WebhookEndpoint {
  return changed({ ...endpoint, enabled: false, deletedAtMs: nowMs }, nowMs)
}

/** Ends a pause, so that what is due is tried at once. */
export function endPause(endpoint: WebhookEndpoint): WebhookEndpoint {
  return nextVersion({ ...endpoint, health: { ...endpoint.health, pausedUntilMs: null } })
}

/** Whether the last attempts failed: then one attempt at a time finds out whether the receiver is back. */
export function isFailing({ health }: WebhookEndpoint): boolean {
  return health.failingSinceMs !== null
}

/** @returns null where the receiver was well before */
export function noteSuccess(endpoint: WebhookEndpoint): WebhookEndpoint | null {
  return isFailing(endpoint) ? nextVersion({ ...endpoint, health: HEALTHY }) : null
}

/**
 * What a failed attempt makes of an endpoint: it rests, the longer the more often it failed, and is disabled where the
 * receiver is gone for good (410), or has done nothing but fail for five days.
 * @param attempt.retryAfterMs how long the receiver asked to be left alone
 */
export function noteFailure(
  endpoint: WebhookEndpoint,
  attempt: { code: number | null; retryAfterMs: number | null },
  nowMs: number,
): WebhookEndpoint {
  const { health } = endpoint
  const failingSinceMs = health.failingSinceMs ?? nowMs
  if (attempt.code === 410) return disableEndpoint(endpoint, 'The receiver answered 410 Gone.', nowMs)
  if (nowMs - failingSinceMs >= PATIENCE_MS) {
    return disableEndpoint(endpoint, 'Nothing but failures for five days.', nowMs)
  }
  const isPaused = health.pausedUntilMs !== null && health.pausedUntilMs > nowMs
  const failures = isPaused ? health.failures : health.failures + 1
  const restMs = Math.max(PAUSES_MS[failures - 1] ?? LONGEST_PAUSE_MS, attempt.retryAfterMs ?? 0)
  const untilMs = nowMs + Math.min(restMs, LONGEST_PAUSE_MS)
  const pausedUntilMs = Math.max(untilMs, health.pausedUntilMs ?? 0)
  return nextVersion({ ...endpoint, health: { failingSinceMs, failures, pausedUntilMs } })
}

/** Whether an event is one that the endpoint wants and its owner may see. */
export function wants({ enabled, events, payerId, payeeId }: WebhookEndpoint, event: Event): boolean {
  const maySee = event.payerId === payerId || event.payeeId === payeeId
  return enabled && maySee && (events.length === 0 || events.includes(event.type))
}

function changed(endpoint: WebhookEndpoint, nowMs: number): WebhookEndpoint {
  return nextVersion({ ...endpoint, updatedAtMs: nowMs })
}

function nextVersion(endpoint: WebhookEndpoint): WebhookEndpoint {
  return { ...endpoint, version: endpoint.version + 1 }
}
