import type { DatabaseSync } from 'node:sqlite'

/** Bounds how long one group holds the event loop. */
const MAX_GROUP_SIZE = 256

type Waiting = { work: () => void; resolve: () => void; reject: (error: unknown) => void }

/**
 * Makes all work of one turn of the event loop durable with one sync of the disk.
 *
 * Each piece runs in a savepoint of its own, so one that loses leaves the others alone. The whole group runs within one
 * turn: nobody reads what is not committed. Nobody is answered before the commit has returned.
 */
export class GroupCommit {
  readonly #db: DatabaseSync
  #waiting: Waiting[] = []
  #commits = 0
  #groups = 0

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** @param work writes synchronously; a throw undoes what it wrote and rejects the promise */
  enqueue(work: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (this.#waiting.length === 0) setImmediate(() => this.#commitGroup())
    this.#waiting.push({ work, resolve, reject })
    return promise
  }

  /** Commits all that waits, at once. */
  drain(): void {
    while (this.#waiting.length > 0) this.#commitGroup()
  }

  /** Pieces of work made durable so far, and the transactions that it took. */
  stats(): { commits: number; groups: number } {
    return { commits: this.#commits, groups: this.#groups }
  }

  #commitGroup(): void {
    const group = this.#waiting.splice(0, MAX_GROUP_SIZE)
    if (this.#waiting.length > 0) setImmediate(() => this.#commitGroup())
    if (group.length === 0) return
    let failures: Map<Waiting, unknown>
    try {
      failures = this.#commit(group)
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    this.#groups += 1
    this.#commits += group.length - failures.size
    for (const piece of group) {
      if (failures.has(piece)) piece.reject(failures.get(piece))
      else piece.resolve()
    }
  }

  /**
   * @returns the pieces that failed by themselves, with their errors; the others are durable
   * @throws what the engine threw; then nothing of the group is in
   */
  #commit(group: Waiting[]): Map<Waiting, unknown> {
    const failures = new Map<Waiting, unknown>()
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const piece of group) {
        const failure = this.#attempt(piece.work)
        if (failure !== null) failures.set(piece, failure.error)
      }
      this.#db.exec('COMMIT')
      return failures
    } catch (error) {
      this.#rollback()
      throw error
    }
  }

  /** After a full disk or an I/O error SQLite may have rolled back by itself. */
  #rollback(): void {
    if (!this.#db.isTransaction) return
    try {
      this.#db.exec('ROLLBACK')
    } catch {
      // The transaction is over even so; the error that led here says more.
    }
  }

  /** @throws the engine's error where it has ended the whole transaction by itself */
  #attempt(work: () => void): { error: unknown } | null {
    this.#db.exec('SAVEPOINT piece')
    try {
      work()
      this.#db.exec('RELEASE piece')
      return null
    } catch (error) {
      if (!this.#db.isTransaction) throw error
      this.#db.exec('ROLLBACK TO piece; RELEASE piece')
      return { error }
    }
  }
}
