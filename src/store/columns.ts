import type { ApiKey } from '../domain/account.ts'
import { askedBy } from '../domain/completion.ts'
import type { Context } from '../domain/context.ts'
import type { Session } from '../domain/session.ts'
import { hasTerms, isWatched, lapsesAtMs, settlingHash, type Voucher } from '../domain/voucher.ts'
import { type WatchNote, watchNoteOf } from '../domain/watch.ts'
import type { WebhookDelivery } from '../domain/webhook-delivery.ts'
import { isFailing, type WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import type { WatchedVoucher } from './store.ts'

/** What each table keeps of an entity beside `id`, `version` and `body`, in every engine. */
export type Columns<Entity> = {
  /** Columns that never change. */
  fixed: Record<string, Column<Entity>>
  /** Columns that an update writes. */
  changing: Record<string, Column<Entity>>
}

type Column<Entity> = (entity: Entity) => string | number | null

export const CONTEXT_COLUMNS: Columns<Context> = {
  fixed: {
    code: (context) => context.code,
    payer_id: (context) => context.payerId,
    created_at_ms: (context) => context.createdAtMs,
    code_expires_at_ms: (context) => context.codeExpiresAtMs,
  },
  changing: { code_ended_at_ms: codeEndedAtMs },
}

export const SESSION_COLUMNS: Columns<Session> = {
  fixed: {
    code: (session) => session.code,
    context_id: (session) => session.contextId,
    payer_id: (session) => session.payerId,
    payee_id: (session) => session.payeeId,
    created_at_ms: (session) => session.createdAtMs,
    closes_at_ms: (session) => session.closesAtMs,
  },
  changing: { status: (session) => session.status },
}

export const VOUCHER_COLUMNS: Columns<Voucher> = {
  fixed: {
    code: (voucher) => voucher.code,
    session_id: (voucher) => voucher.sessionId,
    payer_id: (voucher) => voucher.payerId,
    payee_id: (voucher) => voucher.payeeId,
    created_at_ms: (voucher) => voucher.createdAtMs,
  },
  changing: {
    status: (voucher) => voucher.status,
    order_id: (voucher) => (hasTerms(voucher) ? voucher.redemption.orderId : null),
    signed_by: (voucher) => (hasTerms(voucher) ? (voucher.signedBy ?? null) : null),
    lapses_at_ms: (voucher) => finiteOrNull(lapsesAtMs(voucher)),
    ended_at_ms: (voucher) => ('endedAtMs' in voucher ? voucher.endedAtMs : null),
    settling_since_ms: (voucher) => (isWatched(voucher) ? voucher.updatedAtMs : null),
    watch: noteOf,
    settling_hash: settlingHash,
    asks: askedBy,
  },
}

export const API_KEY_COLUMNS: Columns<ApiKey> = {
  fixed: {
    owner_id: (apiKey) => apiKey.ownerId,
    hash: (apiKey) => apiKey.hash,
    created_at_ms: (apiKey) => apiKey.createdAtMs,
  },
  changing: {},
}

export const WEBHOOK_ENDPOINT_COLUMNS: Columns<WebhookEndpoint> = {
  fixed: {
    owner_id: (endpoint) => endpoint.ownerId,
    payer_id: (endpoint) => endpoint.payerId,
    payee_id: (endpoint) => endpoint.payeeId,
    place: (endpoint) => endpoint.place,
    widget_id: (endpoint) => endpoint.widgetId,
    created_at_ms: (endpoint) => endpoint.createdAtMs,
  },
  changing: {
    enabled: (endpoint) => Number(endpoint.enabled),
    failing: (endpoint) => Number(isFailing(endpoint)),
    paused_until_ms: (endpoint) => endpoint.health.pausedUntilMs,
    deleted_at_ms: (endpoint) => endpoint.deletedAtMs,
  },
}

export const WEBHOOK_DELIVERY_COLUMNS: Columns<WebhookDelivery> = {
  fixed: {
    owner_id: (delivery) => delivery.ownerId,
    payer_id: (delivery) => delivery.payerId,
    endpoint_id: (delivery) => delivery.endpointId,
    event_id: (delivery) => delivery.eventId,
    event_type: (delivery) => delivery.eventType,
    subject_id: (delivery) => delivery.subjectId,
    widget_id: (delivery) => delivery.widgetId,
    created_at_ms: (delivery) => delivery.createdAtMs,
  },
  changing: {
    status: (delivery) => delivery.status,
    due_at_ms: (delivery) => delivery.dueAtMs,
  },
}

/** JSON of a WatchNote; null where nothing is watched, and in rows that were watched before there were notes. */
function noteOf(voucher: Voucher): string | null {
  const note = watchNoteOf(voucher)
  return note && JSON.stringify(note)
}

/**
 * Reads a note as `watched` finds it.
 * @param row.body of the voucher, where there is no note
 */
export function watchedVoucher(row: {
  id: string
  changedAtMs: number
  watch: string | null
  body: string | null
}): WatchedVoucher[] {
  const { id, changedAtMs, watch, body } = row
  const note: WatchNote | null = watch === null ? watchNoteOf(JSON.parse(body ?? '{}')) : JSON.parse(watch)
  return note === null ? [] : [{ ...note, id, changedAtMs }]
}

/** When the code went to rest: as the context closed, or as the code could no longer be looked up. */
function codeEndedAtMs(context: Context): number | null {
  if (context.codeHeld) return null
  return context.status === 'CLOSED' ? Math.min(context.updatedAtMs, context.codeExpiresAtMs) : context.codeExpiresAtMs
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
