import type { SQLInputValue } from 'node:sqlite'
import { DELIVERY_STATUSES } from '../../domain/webhook-delivery.ts'
import { and, armsOfStatus, type Condition, is, isAsOf } from '../conditions.ts'
import type {
  CompetingFilter,
  Page,
  Party,
  SessionFilter,
  SettlingFilter,
  VoucherFilter,
  WatchPlace,
  WebhookDeliveryFilter,
  WebhookEndpointFilter,
} from '../store.ts'

/** A query with the values of its placeholders. */
export type Query = { sql: string; values: SQLInputValue[] }

/** A page of the API keys of an owner, or of all (null), newest first. */
export function apiKeysQuery(ownerId: string | null, filter: Page): Query {
  return page('api_keys', [ownerId === null ? [] : [is('owner_id', ownerId)]], filter)
}

/** A page of a payer's contexts, newest first. */
export function contextsQuery(filter: Page & { payerId: string }): Query {
  return page('contexts', [[is('payer_id', filter.payerId)]], filter)
}

/** A page of a party's sessions, newest first. */
export function sessionsQuery(filter: SessionFilter): Query {
  const { party, contextId } = filter
  return contextId === null
    ? page('sessions', eachOf(party), filter)
    : page('sessions', [[is('context_id', contextId), anyOf(party)]], filter)
}

/** A page of a party's vouchers, newest first. */
export function vouchersQuery(filter: VoucherFilter): Query {
  const { party, sessionId, orderId, code, status, nowMs } = filter
  // Of a session, of a code and of an order there are few: there the status is looked up in the rows.
  const rowStatus = status === null ? [] : [isAsOf('+status', status, nowMs)]
  if (sessionId !== null || code !== null) {
    const found = sessionId === null ? [] : [is('session_id', sessionId)]
    if (code !== null) found.push(sessionId === null ? is('code', code) : isUnindexed('code', code))
    if (orderId !== null) found.push(isUnindexed('order_id', orderId))
    return page('vouchers', [[...found, anyOf(party), ...rowStatus]], filter)
  }
  if (orderId !== null) {
    const arms = eachOf(party).map((arm) => [...arm, is('order_id', orderId), ...rowStatus])
    return page('vouchers', arms, filter)
  }
  const statuses = status === null ? [[]] : armsOfStatus(status, nowMs)
  const arms = eachOf(party).flatMap((arm) => statuses.map((one) => [...arm, ...one]))
  return page('vouchers', arms, filter)
}

/** A slice of the vouchers of those who have shown to hold an address, oldest first. */
export function competingQuery({ wallets, accountIds, asks, sinceMs, after, limit }: CompetingFilter): Query {
  const found = (column: 'signed_by' | 'payer_id') =>
    `SELECT row FROM vouchers WHERE ${column} IN (SELECT value FROM json_each(?))
      AND asks IN (SELECT value FROM json_each(?)) AND +created_at_ms >= ? AND row > ?`
  const within = [JSON.stringify(asks), sinceMs, after ?? 0]
  return {
    sql: `SELECT row, body FROM vouchers WHERE row IN
      (${found('signed_by')} UNION ${found('payer_id')} ORDER BY row LIMIT ?) ORDER BY row`,
    values: [JSON.stringify(wallets), ...within, JSON.stringify(accountIds), ...within, limit],
  }
}

/** A slice of the vouchers of others that wait for a transaction, oldest first. */
export function settlingWithQuery({ hash, asks, exceptPayerId, after, limit }: SettlingFilter): Query {
  return {
    sql: `SELECT row, body FROM vouchers WHERE settling_hash = ? AND +asks IN (SELECT value FROM json_each(?))
      AND +payer_id <> ? AND row > ? ORDER BY row LIMIT ?`,
    values: [hash, JSON.stringify(asks), exceptPayerId, after ?? 0, limit],
  }
}

/** Notes of what is watched, oldest change first: from an index alone, where they are there. */
export function watchedQuery(limit: number, after: WatchPlace | null): Query {
  return {
    sql: `SELECT id, settling_since_ms, watch, CASE WHEN watch IS NULL THEN body END AS body FROM vouchers
      WHERE settling_since_ms IS NOT NULL AND (settling_since_ms, id) > (?, ?) ORDER BY settling_since_ms, id LIMIT ?`,
    values: [after?.changedAtMs ?? 0, after?.id ?? '', limit],
  }
}

/** A page of an owner's webhook endpoints, newest first. */
export function webhookEndpointsQuery(filter: WebhookEndpointFilter): Query {
  const { ownerId, payeeOnly, enabled, widgetId } = filter
  const conditions: Condition[] = [is('owner_id', ownerId), { sql: 'deleted_at_ms IS NULL', values: [] }]
  if (payeeOnly) conditions.push({ sql: 'payer_id IS NULL', values: [] })
  if (enabled !== null) conditions.push({ sql: 'enabled = ?', values: [Number(enabled)] })
  if (widgetId !== null) conditions.push(is('widget_id', widgetId))
  return page('webhook_endpoints', [conditions], filter)
}

/**
 * A page of an owner's deliveries, newest first: by the index of the filter that leaves least, as a rule. The indexes of all
 * that an owner or an endpoint has are by status, too, and so read once for each.
 */
export function webhookDeliveriesQuery(filter: WebhookDeliveryFilter): Query {
  const { ownerId, payeeOnly, endpointId, status, eventType, widgetId } = filter
  const indexed = widgetId !== null ? 'widget_id' : eventType !== null ? 'event_type' : 'status'
  const byEndpoint = indexed === 'status' && endpointId !== null
  const isOf = (column: string, value: string) =>
    column === indexed || column === (byEndpoint ? 'endpoint_id' : 'owner_id')
      ? is(column, value)
      : isUnindexed(column, value)
  const conditions = [isOf('owner_id', ownerId)]
  if (endpointId !== null) conditions.push(isOf('endpoint_id', endpointId))
  if (eventType !== null) conditions.push(isOf('event_type', eventType))
  if (widgetId !== null) conditions.push(isOf('widget_id', widgetId))
  if (payeeOnly) conditions.push({ sql: 'payer_id IS NULL', values: [] })
  const statuses = status !== null ? [status] : indexed === 'status' ? DELIVERY_STATUSES : []
  const arms = statuses.map((one) => [...conditions, isOf('status', one)])
  return page('webhook_deliveries', arms.length === 0 ? [conditions] : arms, filter)
}

/** One index scan for each side that the party is on. A party of nobody has no rows. */
function eachOf({ payerId, payeeId }: Party): Condition[][] {
  const arms: Condition[][] = []
  if (payerId !== null) arms.push([is('payer_id', payerId)])
  if (payeeId !== null) arms.push([is('payee_id', payeeId)])
  return arms
}

/** The party as a filter of rows that something narrower has found. Comparing with NULL matches nothing. */
function anyOf({ payerId, payeeId }: Party): Condition {
  return { sql: '(+payer_id = ? OR +payee_id = ?)', values: [payerId, payeeId] }
}

/** The plus keeps the planner from this column's index, where a better one is at hand. */
function isUnindexed(column: string, value: string): Condition {
  return is(`+${column}`, value)
}

/**
 * A page of the rows that satisfy all conditions of at least one arm. Each arm walks an index from its newest row, SQLite
 * merges them, and only the rows of the page are loaded.
 */
function page(table: string, arms: Condition[][], { limit, offset, sinceMs, untilMs }: Page): Query {
  const times = between(sinceMs, untilMs)
  const scans = arms.map((arm) => and([...arm, ...times]))
  if (scans.length === 0) return { sql: `SELECT body FROM ${table} WHERE FALSE`, values: [] }
  const found = scans.map(({ sql }) => `SELECT created_at_ms, row FROM ${table} WHERE ${sql}`).join(' UNION ')
  return {
    sql: `SELECT body FROM (${found} ORDER BY created_at_ms DESC, row DESC LIMIT ? OFFSET ?) AS found
      JOIN ${table} USING (row) ORDER BY found.created_at_ms DESC, found.row DESC`,
    values: [...scans.flatMap(({ values }) => values), limit, offset],
  }
}

/** Said to be likely, lest the planner prefer an index of times alone to one that also tells what else is asked. */
function between(sinceMs: number | null, untilMs: number | null): Condition[] {
  const times: Condition[] = []
  if (sinceMs !== null) times.push({ sql: 'likely(created_at_ms >= ?)', values: [sinceMs] })
  if (untilMs !== null) times.push({ sql: 'likely(created_at_ms < ?)', values: [untilMs] })
  return times
}
