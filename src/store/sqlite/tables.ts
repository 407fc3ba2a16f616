import type { SQLInputValue } from 'node:sqlite'
import type { Account, ApiKey } from '../../domain/account.ts'
import type { Context } from '../../domain/context.ts'
import type { RelayQueue } from '../../domain/relay-queue.ts'
import type { Session } from '../../domain/session.ts'
import type { Voucher } from '../../domain/voucher.ts'
import type { WebhookDelivery } from '../../domain/webhook-delivery.ts'
import type { WebhookEndpoint } from '../../domain/webhook-endpoint.ts'
import {
  API_KEY_COLUMNS,
  CONTEXT_COLUMNS,
  type Columns,
  SESSION_COLUMNS,
  VOUCHER_COLUMNS,
  WEBHOOK_DELIVERY_COLUMNS,
  WEBHOOK_ENDPOINT_COLUMNS,
} from '../columns.ts'
import { Conflict, type LogPlace, type Versioned } from '../store.ts'
import { isUniqueViolation, type Statements } from './statements.ts'

/** How an entity lies in its table, beside `id`, `version` and `body`. */
export type Table<Entity> = {
  insertSql: string
  updateSql: string
  fixed: ((entity: Entity) => SQLInputValue)[]
  changing: ((entity: Entity) => SQLInputValue)[]
}

/**
 * An update leaves the fixed columns, and so their indexes, alone.
 * @param unique the columns that say that a row is there already
 */
function table<Entity>(name: string, { fixed, changing }: Columns<Entity>, unique = 'id'): Table<Entity> {
  const inserted = ['id', 'version', 'body', ...Object.keys(fixed), ...Object.keys(changing)]
  const updated = ['version', 'body', ...Object.keys(changing)]
  return {
    insertSql: `INSERT INTO ${name} (${inserted.join(', ')}) VALUES (${inserted.map(() => '?').join(', ')}) ON CONFLICT (${unique}) DO NOTHING`,
    updateSql: `UPDATE ${name} SET ${updated.map((column) => `${column} = ?`).join(', ')} WHERE id = ? AND version = ?`,
    fixed: Object.values(fixed),
    changing: Object.values(changing),
  }
}

export const CONTEXTS = table<Context>('contexts', CONTEXT_COLUMNS)
export const SESSIONS = table<Session>('sessions', SESSION_COLUMNS)
export const VOUCHERS = table<Voucher>('vouchers', VOUCHER_COLUMNS)
export const ACCOUNTS = table<Account>('accounts', { fixed: {}, changing: {} })
export const API_KEYS = table<ApiKey>('api_keys', API_KEY_COLUMNS)
export const WEBHOOK_ENDPOINTS = table<WebhookEndpoint>('webhook_endpoints', WEBHOOK_ENDPOINT_COLUMNS)
export const LOG_PLACES = table<LogPlace>('log_places', { fixed: {}, changing: {} })
export const RELAY_QUEUES = table<RelayQueue>('relay_queues', { fixed: {}, changing: {} })
const WEBHOOK_DELIVERIES = table<WebhookDelivery>(
  'webhook_deliveries',
  WEBHOOK_DELIVERY_COLUMNS,
  'endpoint_id, event_id',
)

/**
 * Writes one version of an entity: version 1 is inserted, version n replaces n − 1.
 * @throws Conflict `version`, also where another endpoint has the place, or `code` where a living entity holds the same
 *   code
 */
export function put<Entity extends Versioned>(sql: Statements, into: Table<Entity>, entity: Entity): void {
  const written = writeNextVersion(sql, into, entity)
  if (written === 0) throw new Conflict('version', entity.id)
}

/**
 * Writes a delivery, unless it is a new one of an event that its endpoint has already.
 * @throws Conflict `version`
 */
export function putDelivery(sql: Statements, delivery: WebhookDelivery): void {
  const written = writeNextVersion(sql, WEBHOOK_DELIVERIES, delivery)
  if (written === 0 && delivery.version > 1) throw new Conflict('version', delivery.id)
}

function writeNextVersion<Entity extends Versioned>(sql: Statements, into: Table<Entity>, entity: Entity): number {
  const { id, version } = entity
  const body = JSON.stringify(entity)
  const changing = into.changing.map((column) => column(entity))
  try {
    if (version > 1) return sql.run(into.updateSql, version, body, ...changing, id, version - 1)
    return sql.run(into.insertSql, id, version, body, ...into.fixed.map((column) => column(entity)), ...changing)
  } catch (error) {
    if (isUniqueViolation(error) && 'code' in entity) throw new Conflict('code', String(entity.code))
    if (isUniqueViolation(error) && 'place' in entity) throw new Conflict('version', id)
    throw error
  }
}
