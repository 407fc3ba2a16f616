import type { DatabaseSync } from 'node:sqlite'

/** Bound how long one group holds the event loop: pieces, and the time after which none is begun. Pieces differ in size. */
const MAX_GROUP_SIZE = 256
const MAX_GROUP_MS = 50

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
    const first = this.#waiting.splice(0, MAX_GROUP_SIZE)
    if (first.length === 0) return
    try {
      const { group, failures } = this.#commit(first)
      this.#waiting.unshift(...first.slice(group.length))
      this.#answer(group, failures)
    } catch (error) {
      for (const { reject } of first) reject(error)
    }
    if (this.#waiting.length > 0) setImmediate(() => this.#commitGroup())
  }

  #answer(group: Waiting[], failures: Map<Waiting, unknown>): void {
    this.#groups += 1
    this.#commits += group.length - failures.size
    for (const piece of group) {
      if (failures.has(piece)) piece.reject(failures.get(piece))
      else piece.resolve()
    }
  }

  /**
   * Commits the first pieces, as many as there is time for.
   * @returns those, and which of them failed by themselves, with their errors; the others are durable
   * @throws what the engine threw; then nothing is in
   */
  #commit(pieces: Waiting[]): { group: Waiting[]; failures: Map<Waiting, unknown> } {
    const group: Waiting[] = []
    const failures = new Map<Waiting, unknown>()
    const endsAtMs = performance.now() + MAX_GROUP_MS
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const piece of pieces) {
        const failure = this.#attempt(piece.work)
        if (failure !== null) failures.set(piece, failure.error)
        group.push(piece)
        if (performance.now() > endsAtMs) break
      }
      this.#db.exec('COMMIT')
      return { group, failures }
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
