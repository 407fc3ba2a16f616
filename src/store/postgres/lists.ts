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
import type { Query } from './connections.ts'

type Value = string | number | null

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
  const rowStatus = status === null ? [] : [isAsOf('status', status, nowMs)]
  if (sessionId !== null || code !== null) {
    const conditions = [anyOf(party), ...rowStatus]
    if (orderId !== null) conditions.push(is('order_id', orderId))
    if (code !== null) conditions.push(is('code', code))
    const found = sessionId === null ? LIVING_AND_ENDED : [is('session_id', sessionId)]
    const arms = found.map((one) => [one, ...conditions])
    return page('vouchers', arms, filter)
  }
  if (orderId !== null) {
    const arms = eachOf(party).map((arm) => [...arm, is('order_id', orderId), ...rowStatus])
    return page('vouchers', arms, filter)
  }
  const statuses = status === null ? [[]] : armsOfStatus(status, nowMs)
  const arms = eachOf(party).flatMap((arm) => statuses.map((one) => [...arm, ...one]))
  return page('vouchers', arms, filter)
}

/** The codes of both are indexed apart. */
const LIVING_AND_ENDED: Condition[] = [
  { sql: 'ended_at_ms IS NULL', values: [] },
  { sql: 'ended_at_ms IS NOT NULL', values: [] },
]

/** A slice of the vouchers of those who have shown to hold an address, oldest first. */
export function competingQuery({ wallets, accountIds, asks, sinceMs, after, limit }: CompetingFilter): Query {
  const within = 'asks = ANY($3::text[]) AND created_at_ms >= $4 AND row > $5 ORDER BY row LIMIT $6'
  return {
    name: 'competingVouchers',
    text: `SELECT row, body FROM (
      (SELECT row, body FROM vouchers WHERE signed_by = ANY($1::text[]) AND ${within}) UNION ALL
      (SELECT row, body FROM vouchers WHERE payer_id = ANY($2::text[])
        AND (signed_by = ANY($1::text[])) IS NOT TRUE AND ${within})
    ) AS found ORDER BY row LIMIT $6`,
    values: [wallets, accountIds, asks, sinceMs, after ?? 0, limit],
  }
}

/** A slice of the vouchers of others that wait for a transaction, oldest first. */
export function settlingWithQuery({ hash, asks, exceptPayerId, after, limit }: SettlingFilter): Query {
  return {
    name: 'settlingWith',
    text: `SELECT row, body FROM vouchers WHERE settling_hash = $1 AND asks = ANY($2::text[]) AND payer_id <> $3
      AND row > $4 ORDER BY row LIMIT $5`,
    values: [hash, asks, exceptPayerId, after ?? 0, limit],
  }
}

/** Notes of what is watched, oldest change first. */
export function watchedQuery(limit: number, after: WatchPlace | null): Query {
  return {
    name: 'watched',
    text: `SELECT id, settling_since_ms, watch, CASE WHEN watch IS NULL THEN body END AS body FROM vouchers
      WHERE settling_since_ms IS NOT NULL AND (settling_since_ms, id) > ($1, $2) ORDER BY settling_since_ms, id LIMIT $3`,
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
 * A page of an owner's deliveries, newest first. The indexes of all that an owner or an endpoint has are by status, too, and
 * so read once for each.
 */
export function webhookDeliveriesQuery(filter: WebhookDeliveryFilter): Query {
  const { ownerId, payeeOnly, endpointId, status, eventType, widgetId } = filter
  const conditions = [is('owner_id', ownerId)]
  if (endpointId !== null) conditions.push(is('endpoint_id', endpointId))
  if (payeeOnly) conditions.push({ sql: 'payer_id IS NULL', values: [] })
  if (eventType !== null) conditions.push(is('event_type', eventType))
  if (widgetId !== null) conditions.push(is('widget_id', widgetId))
  if (status === null && (eventType !== null || widgetId !== null)) {
    return page('webhook_deliveries', [conditions], filter)
  }
  const statuses = status === null ? DELIVERY_STATUSES : [status]
  const arms = statuses.map((one) => [...conditions, is('status', one)])
  return page('webhook_deliveries', arms, filter)
}

/** One index scan for each side that the party is on; no row comes from both. A party of nobody has no rows. */
function eachOf({ payerId, payeeId }: Party): Condition[][] {
  const arms: Condition[][] = []
  if (payerId !== null) arms.push([is('payer_id', payerId)])
  if (payeeId !== null) arms.push([is('payee_id', payeeId), ...(payerId === null ? [] : [isNot('payer_id', payerId)])])
  return arms
}

/** The party as a filter of rows that something narrower has found. Comparing with NULL matches nothing. */
function anyOf({ payerId, payeeId }: Party): Condition {
  return { sql: '(payer_id = ? OR payee_id = ?)', values: [payerId, payeeId] }
}

function isNot(column: string, value: string): Condition {
  return { sql: `${column} <> ?`, values: [value] }
}

/**
 * A page of the rows that satisfy all conditions of one of the arms. Each arm walks an index from its newest row, no
 * farther than the page reaches, and PostgreSQL merges them.
 */
function page(table: string, arms: Condition[][], { limit, offset, sinceMs, untilMs }: Page): Query {
  if (arms.length === 0) return { text: `SELECT body FROM ${table} WHERE FALSE` }
  const newestFirst = 'ORDER BY created_at_ms DESC, row DESC'
  const times = between(sinceMs, untilMs)
  const scans = arms.map((arm) => and([...arm, ...times]))
  const found = scans.map(
    ({ sql }) => `(SELECT created_at_ms, row, body FROM ${table} WHERE ${sql} ${newestFirst} LIMIT ?)`,
  )
  return numbered(`SELECT body FROM (${found.join(' UNION ALL ')}) AS found ${newestFirst} LIMIT ? OFFSET ?`, [
    ...scans.flatMap(({ values }) => [...values, limit + offset]),
    limit,
    offset,
  ])
}

function between(sinceMs: number | null, untilMs: number | null): Condition[] {
  const times: Condition[] = []
  if (sinceMs !== null) times.push({ sql: 'created_at_ms >= ?', values: [sinceMs] })
  if (untilMs !== null) times.push({ sql: 'created_at_ms < ?', values: [untilMs] })
  return times
}

/** Question marks become `$1`, `$2` and so on. */
function numbered(sql: string, values: Value[]): Query {
  let nth = 0
  const text = sql.replaceAll('?', () => {
    nth += 1
    return `$${nth}`
  })
  return { text, values }
}
