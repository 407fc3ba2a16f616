import { Conflict, type StoredAnswer } from '../store.ts'
import { fingerprint } from './fingerprint.ts'
import { RowHints } from './row-hints.ts'
import { numberOf, type Statements, textOf } from './statements.ts'

type Stored = StoredAnswer & { row: number }

/**
 * The stored answers of idempotency keys.
 *
 * Their scopes have no order, and every call adds one: an index on disk would be written all over, one page a call, which
 * was measured to double what a commit writes at a million answers. So the way from a scope to its row is kept in memory,
 * as hints that the row itself confirms. It takes 17 to 34 bytes for each answer that has not been forgotten.
 */
export class Answers {
  readonly #sql: Statements
  readonly #hints: RowHints

  constructor(sql: Statements) {
    this.#sql = sql
    this.#hints = new RowHints(numberOf(sql.get('SELECT count(*) AS stored FROM answers'), 'stored'), () =>
      numberOf(sql.get('SELECT coalesce(min(row), 1) AS oldest FROM answers'), 'oldest'),
    )
    for (const answer of sql.each('SELECT fingerprint, row FROM answers')) {
      this.#hints.add(numberOf(answer, 0), numberOf(answer, 1))
    }
  }

  /** The unexpired answer of a scope. */
  find(scope: string, nowMs: number): StoredAnswer | null {
    const stored = this.#stored(scope)
    if (stored === null || stored.expiresAtMs <= nowMs) return null
    const { row: _, ...answer } = stored
    return answer
  }

  /**
   * Stores an answer, in place of one that has expired.
   * @throws Conflict `answer` where there is one already, unless the new one says `ifAbsent`
   */
  store(answer: StoredAnswer, nowMs: number): void {
    const stored = this.#stored(answer.scope)
    if (stored !== null) {
      const isLiving = stored.expiresAtMs > nowMs
      if (isLiving && answer.ifAbsent === true) return
      if (isLiving) throw new Conflict('answer', answer.scope)
      this.#sql.run('DELETE FROM answers WHERE row = ?', stored.row)
    }
    this.#insert(answer)
  }

  /** A hint of a row that is rolled back later stays behind and does no harm. */
  #insert({ scope, requestHash, body, expiresAtMs }: StoredAnswer): void {
    const mark = fingerprint(scope)
    const row = this.#sql.insert(
      'INSERT INTO answers (fingerprint, scope, request_hash, body, expires_at_ms) VALUES (?, ?, ?, ?, ?)',
      mark,
      scope,
      requestHash,
      body,
      expiresAtMs,
    )
    this.#hints.add(mark, row)
  }

  #stored(scope: string): Stored | null {
    for (const row of this.#hints.rowsOf(fingerprint(scope))) {
      const found = this.#sql.get('SELECT scope, request_hash, body, expires_at_ms FROM answers WHERE row = ?', row)
      if (found === null || found.scope !== scope) continue
      return {
        row,
        scope,
        requestHash: textOf(found, 'request_hash'),
        body: textOf(found, 'body'),
        expiresAtMs: numberOf(found, 'expires_at_ms'),
      }
    }
    return null
  }
}
