import type { SQLInputValue } from 'node:sqlite'
import type { VoucherStatus } from '../../domain/voucher.ts'
import type {
  CompetingFilter,
  Page,
  Party,
  SessionFilter,
  SettlingFilter,
  VoucherFilter,
  WebhookDeliveryFilter,
  WebhookEndpointFilter,
} from '../store.ts'

/** A query with the values of its placeholders. */
export type Query = { sql: string; values: SQLInputValue[] }

/** A part of a WHERE clause. */
type Condition = { sql: string; values: SQLInputValue[] }

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
  const conditions: Condition[] = []
  if (code !== null) conditions.push(isUnindexed('code', code))
  if (status !== null) conditions.push(statusAsOf(status, nowMs))
  if (sessionId !== null) {
    if (orderId !== null) conditions.push(isUnindexed('order_id', orderId))
    return page('vouchers', [[is('session_id', sessionId), anyOf(party), ...conditions]], filter)
  }
  if (orderId !== null) return page('vouchers', [[is('order_id', orderId), anyOf(party), ...conditions]], filter)
  const arms = eachOf(party).map((arm) => [...arm, ...conditions])
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

/** A page of an owner's webhook endpoints, newest first. */
export function webhookEndpointsQuery(filter: WebhookEndpointFilter): Query {
  const { ownerId, payeeOnly, enabled, widgetId } = filter
  const conditions: Condition[] = [is('owner_id', ownerId), { sql: 'deleted_at_ms IS NULL', values: [] }]
  if (payeeOnly) conditions.push({ sql: 'payer_id IS NULL', values: [] })
  if (enabled !== null) conditions.push({ sql: 'enabled = ?', values: [Number(enabled)] })
  if (widgetId !== null) conditions.push(is('widget_id', widgetId))
  return page('webhook_endpoints', [conditions], filter)
}

/** A page of an owner's deliveries, newest first. */
export function webhookDeliveriesQuery(filter: WebhookDeliveryFilter): Query {
  const { ownerId, payeeOnly, endpointId, status, eventType, widgetId } = filter
  const conditions =
    endpointId === null ? [is('owner_id', ownerId)] : [is('endpoint_id', endpointId), isUnindexed('owner_id', ownerId)]
  if (payeeOnly) conditions.push({ sql: 'payer_id IS NULL', values: [] })
  if (status !== null) conditions.push(is('status', status))
  if (eventType !== null) conditions.push(is('event_type', eventType))
  if (widgetId !== null) conditions.push(is('widget_id', widgetId))
  return page('webhook_deliveries', [conditions], filter)
}

/** The status as the clock has it: what has lapsed reads EXPIRED, whatever the row says. */
function statusAsOf(status: VoucherStatus, nowMs: number): Condition {
  switch (status) {
    case 'RESERVED':
    case 'REDEEMED':
      // What the clock or a party has ended is no longer in the indexes of the living, which stay short.
      return { sql: 'ended_at_ms IS NULL AND status = ? AND coalesce(lapses_at_ms > ?, TRUE)', values: [status, nowMs] }
    case 'EXPIRED':
      return { sql: '(status = ? OR coalesce(lapses_at_ms <= ?, FALSE))', values: [status, nowMs] }
    default:
      return { sql: 'status = ?', values: [status] }
  }
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

function is(column: string, value: string): Condition {
  return { sql: `${column} = ?`, values: [value] }
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

function between(sinceMs: number | null, untilMs: number | null): Condition[] {
  const times: Condition[] = []
  if (sinceMs !== null) times.push({ sql: 'created_at_ms >= ?', values: [sinceMs] })
  if (untilMs !== null) times.push({ sql: 'created_at_ms < ?', values: [untilMs] })
  return times
}

function and(conditions: Condition[]): Condition {
  return {
    sql: conditions.length === 0 ? 'TRUE' : conditions.map(({ sql }) => sql).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  }
}
