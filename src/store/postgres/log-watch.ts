import { setTimeout as delay } from 'node:timers/promises'
import { Listeners } from '../listeners.ts'

/** How often the end of the log is looked at while anybody listens: half of it is what an event of another node waits. */
const LOOK_EVERY_MS = 25

/**
 * Tells whoever listens that there may be more in the log. PostgreSQL says nothing by itself of what other nodes wrote,
 * nor of when an event of our own comes to show that a commit still under way held back: so the end of the log is looked
 * at again and again, as long as anybody listens.
 */
export class LogWatch {
  readonly #endOfLog: () => Promise<string>
  readonly #listeners = new Listeners()
  #isLooking = false
  #hasEnded = false

  constructor(endOfLog: () => Promise<string>) {
    this.#endOfLog = endOfLog
  }

  add(listener: () => void): () => void {
    const remove = this.#listeners.add(listener)
    if (!this.#isLooking) void this.#look()
    return remove
  }

  /** For what this process wrote: nobody need wait for a look. */
  tell(): void {
    this.#listeners.tell()
  }

  /** Looks no more. */
  end(): void {
    this.#hasEnded = true
  }

  /** The first look tells too: what came before it may be news to whoever has just begun to listen. A look that fails is made again. */
  async #look(): Promise<void> {
    this.#isLooking = true
    let seen: string | null = null
    while (this.#listeners.count > 0 && !this.#hasEnded) {
      const end: string | null = await this.#endOfLog().catch(() => seen)
      if (end !== seen) this.#listeners.tell()
      seen = end
      await delay(LOOK_EVERY_MS, undefined, { ref: false })
    }
    this.#isLooking = false
  }
}
