import { type Claim, Conflict } from '../store.ts'
import { fingerprint } from './fingerprint.ts'
import { type Statements, textOf } from './statements.ts'

/** Whoever took the key; null where nobody has. */
export function claimOwner(sql: Statements, key: string): string | null {
  const row = sql.get('SELECT owner_id FROM claims WHERE fingerprint = ? AND key = ?', fingerprint(key), key)
  return row === null ? null : textOf(row, 'owner_id')
}

/**
 * Takes a key for its owner. Taken again by the same owner, it is kept for the longer of both times.
 * @throws Conflict `claim` where somebody else has it
 */
export function take(sql: Statements, claim: Claim): void {
  const ownerId = claimOwner(sql, claim.key)
  if (ownerId === null) insert(sql, claim)
  else if (ownerId === claim.ownerId) keepLonger(sql, claim)
  else throw new Conflict('claim', claim.key)
}

function insert(sql: Statements, { key, ownerId, forgetAtMs }: Claim): void {
  sql.run(
    'INSERT INTO claims (fingerprint, key, owner_id, forget_at_ms) VALUES (?, ?, ?, ?)',
    fingerprint(key),
    key,
    ownerId,
    forgetAtMs,
  )
}

/** In SQLite the larger of NULL and anything is NULL: a claim for ever stays one. */
function keepLonger(sql: Statements, { key, forgetAtMs }: Claim): void {
  sql.run(
    'UPDATE claims SET forget_at_ms = max(forget_at_ms, ?) WHERE fingerprint = ? AND key = ?',
    forgetAtMs,
    fingerprint(key),
    key,
  )
}
