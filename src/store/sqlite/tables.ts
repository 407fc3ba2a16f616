import type { SQLInputValue } from 'node:sqlite'
import type { Account, ApiKey } from '../../domain/account.ts'
import type { Context } from '../../domain/context.ts'
import type { Session } from '../../domain/session.ts'
import { hasTerms, lapsesAtMs, type Voucher } from '../../domain/voucher.ts'
import { Conflict, type Versioned } from '../store.ts'
import { isUniqueViolation, type Statements } from './statements.ts'

/** How an entity lies in its table, beside `id`, `version` and `body`. */
export type Table<Entity> = {
  insertSql: string
  updateSql: string
  fixed: ((entity: Entity) => SQLInputValue)[]
  changing: ((entity: Entity) => SQLInputValue)[]
}

type Columns<Entity> = Record<string, (entity: Entity) => SQLInputValue>

/**
 * @param fixed columns that never change: an update leaves them, and so their indexes, alone
 * @param changing columns that an update writes
 */
function table<Entity>(name: string, fixed: Columns<Entity>, changing: Columns<Entity>): Table<Entity> {
  const inserted = ['id', 'version', 'body', ...Object.keys(fixed), ...Object.keys(changing)]
  const updated = ['version', 'body', ...Object.keys(changing)]
  return {
    insertSql: `INSERT INTO ${name} (${inserted.join(', ')}) VALUES (${inserted.map(() => '?').join(', ')}) ON CONFLICT (id) DO NOTHING`,
    updateSql: `UPDATE ${name} SET ${updated.map((column) => `${column} = ?`).join(', ')} WHERE id = ? AND version = ?`,
    fixed: Object.values(fixed),
    changing: Object.values(changing),
  }
}

export const CONTEXTS = table<Context>(
  'contexts',
  {
    code: (context) => context.code,
    payer_id: (context) => context.payerId,
    created_at_ms: (context) => context.createdAtMs,
    code_expires_at_ms: (context) => context.codeExpiresAtMs,
  },
  { code_ended_at_ms: codeEndedAtMs },
)

export const SESSIONS = table<Session>(
  'sessions',
  {
    code: (session) => session.code,
    context_id: (session) => session.contextId,
    payer_id: (session) => session.payerId,
    payee_id: (session) => session.payeeId,
    created_at_ms: (session) => session.createdAtMs,
    closes_at_ms: (session) => session.closesAtMs,
  },
  { status: (session) => session.status },
)

export const VOUCHERS = table<Voucher>(
  'vouchers',
  {
    code: (voucher) => voucher.code,
    session_id: (voucher) => voucher.sessionId,
    payer_id: (voucher) => voucher.payerId,
    payee_id: (voucher) => voucher.payeeId,
    created_at_ms: (voucher) => voucher.createdAtMs,
  },
  {
    status: (voucher) => voucher.status,
    order_id: (voucher) => (hasTerms(voucher) ? voucher.redemption.orderId : null),
    lapses_at_ms: (voucher) => finiteOrNull(lapsesAtMs(voucher)),
    ended_at_ms: (voucher) => ('endedAtMs' in voucher ? voucher.endedAtMs : null),
    settling_since_ms: (voucher) =>
      hasTerms(voucher) && voucher.settlement?.status === 'PENDING' ? voucher.updatedAtMs : null,
  },
)

export const ACCOUNTS = table<Account>('accounts', {}, {})

export const API_KEYS = table<ApiKey>(
  'api_keys',
  {
    owner_id: (apiKey) => apiKey.ownerId,
    hash: (apiKey) => apiKey.hash,
    created_at_ms: (apiKey) => apiKey.createdAtMs,
  },
  {},
)

/** When the code went to rest: as the context closed, or as the code could no longer be looked up. */
function codeEndedAtMs(context: Context): number | null {
  if (context.codeHeld) return null
  return context.status === 'CLOSED' ? Math.min(context.updatedAtMs, context.codeExpiresAtMs) : context.codeExpiresAtMs
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/**
 * Writes one version of an entity: version 1 is inserted, version n replaces n − 1.
 * @throws Conflict `version`, or `code` where a living entity holds the same code
 */
export function put<Entity extends Versioned>(sql: Statements, into: Table<Entity>, entity: Entity): void {
  const written = writeNextVersion(sql, into, entity)
  if (written === 0) throw new Conflict('version', entity.id)
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
    throw error
  }
}
