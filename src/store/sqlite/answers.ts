import { Conflict, type StoredAnswer } from '../store.ts'
import { fingerprint } from './fingerprint.ts'
import { numberOf, type Statements, textOf } from './statements.ts'

/** The answer of an idempotency key, expired or not. */
export function findAnswer(sql: Statements, scope: string): StoredAnswer | null {
  const row = sql.get(
    'SELECT request_hash, body, expires_at_ms FROM answers WHERE fingerprint = ? AND scope = ?',
    fingerprint(scope),
    scope,
  )
  if (row === null) return null
  return {
    scope,
    requestHash: textOf(row, 'request_hash'),
    body: textOf(row, 'body'),
    expiresAtMs: numberOf(row, 'expires_at_ms'),
  }
}

/**
 * Stores an answer, in place of one that has expired.
 * @throws Conflict `answer` where there is one already, unless the new one says `ifAbsent`
 */
export function storeAnswer(sql: Statements, answer: StoredAnswer, nowMs: number): void {
  const stored = findAnswer(sql, answer.scope)
  if (stored === null) insert(sql, answer)
  else if (stored.expiresAtMs <= nowMs) replace(sql, answer)
  else if (answer.ifAbsent !== true) throw new Conflict('answer', answer.scope)
}

function insert(sql: Statements, { scope, requestHash, body, expiresAtMs }: StoredAnswer): void {
  sql.run(
    'INSERT INTO answers (fingerprint, scope, request_hash, body, expires_at_ms) VALUES (?, ?, ?, ?, ?)',
    fingerprint(scope),
    scope,
    requestHash,
    body,
    expiresAtMs,
  )
}

function replace(sql: Statements, { scope, requestHash, body, expiresAtMs }: StoredAnswer): void {
  sql.run(
    'UPDATE answers SET request_hash = ?, body = ?, expires_at_ms = ? WHERE fingerprint = ? AND scope = ?',
    requestHash,
    body,
    expiresAtMs,
    fingerprint(scope),
    scope,
  )
}
