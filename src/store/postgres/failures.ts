import { DatabaseError } from 'pg'
import { Conflict, type ConflictKind, StoreUnavailable } from '../store.ts'

/** SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CONFLICT = 'SX001' // raised by `raise_conflict`
const LOCK_NOT_AVAILABLE = '55P03'
const READ_ONLY_TRANSACTION = '25006'
const TOO_MUCH_AT_ONCE = new Set(['40001' /* serialization failure */, '40P01' /* deadlock detected */])
/** Insufficient resources, operator intervention (such as the statement time-out), and trouble of the system. */
const TROUBLE_CLASSES = new Set(['53', '57', '58'])

/** The connection broke, or said nothing in time, after it was asked something. */
export class ConnectionLost extends StoreUnavailable {
  constructor(cause: unknown) {
    super(`The connection to PostgreSQL was lost: ${messageOf(cause)}.`, { cause })
  }
}

/** PostgreSQL undid the transaction because of others at the same time. It may be tried again as it was. */
export class Collision extends Error {
  override readonly name = 'Collision'
}

/** True where PostgreSQL refused a statement, undid its transaction, and is ready for the next one. */
export function isRefusal(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.severity === 'ERROR' && error.code !== READ_ONLY_TRANSACTION
}

/** What a failure on an open connection means to whoever asked. */
export function meaningOf(error: unknown): unknown {
  if (!(error instanceof DatabaseError) || error.severity !== 'ERROR') return new ConnectionLost(error)
  const { code = '', message, detail = '' } = error
  if (code === CONFLICT) return isConflictKind(message) ? new Conflict(message, detail) : error
  if (code === LOCK_NOT_AVAILABLE) return new Conflict('version', 'a row that somebody else kept locked')
  if (TOO_MUCH_AT_ONCE.has(code)) return new Collision(message, { cause: error })
  if (TROUBLE_CLASSES.has(code.slice(0, 2)) || code === READ_ONLY_TRANSACTION) {
    return new StoreUnavailable(`PostgreSQL cannot do it now: ${message}.`, { cause: error })
  }
  return error
}

/** What went wrong in words. A refused connection to a name with several addresses says it once for each. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

const CONFLICT_KINDS: Record<ConflictKind, true> = {
  version: true,
  code: true,
  claim: true,
  answer: true,
  credential: true,
  fence: true,
}

function isConflictKind(word: string): word is ConflictKind {
  return Object.hasOwn(CONFLICT_KINDS, word)
}
