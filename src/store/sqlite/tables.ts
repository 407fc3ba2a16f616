import type { SQLInputValue } from 'node:sqlite'
import type { Account, ApiKey } from '../../domain/account.ts'
import type { Context } from '../../domain/context.ts'
import type { Session } from '../../domain/session.ts'
import type { Voucher } from '../../domain/voucher.ts'
import { API_KEY_COLUMNS, CONTEXT_COLUMNS, type Columns, SESSION_COLUMNS, VOUCHER_COLUMNS } from '../columns.ts'
import { Conflict, type Versioned } from '../store.ts'
import { isUniqueViolation, type Statements } from './statements.ts'

/** How an entity lies in its table, beside `id`, `version` and `body`. */
export type Table<Entity> = {
  insertSql: string
  updateSql: string
  fixed: ((entity: Entity) => SQLInputValue)[]
  changing: ((entity: Entity) => SQLInputValue)[]
}

/** An update leaves the fixed columns, and so their indexes, alone. */
function table<Entity>(name: string, { fixed, changing }: Columns<Entity>): Table<Entity> {
  const inserted = ['id', 'version', 'body', ...Object.keys(fixed), ...Object.keys(changing)]
  const updated = ['version', 'body', ...Object.keys(changing)]
  return {
    insertSql: `INSERT INTO ${name} (${inserted.join(', ')}) VALUES (${inserted.map(() => '?').join(', ')}) ON CONFLICT (id) DO NOTHING`,
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
