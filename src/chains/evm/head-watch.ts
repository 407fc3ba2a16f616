import type { BlockRef } from '../../domain/settlement.ts'
import type { Head } from './blocks.ts'

export type HeadWatchOptions = {
  network: string
  readHead: () => Promise<Head>
  pollIntervalMs: number
  /** Unix milliseconds. */
  clock: () => number
  log: (line: string) => void
}

/** What is known is good for so many polls. */
const GOOD_FOR_POLLS = 2

/** Polls for the newest block and tells of each new one. */
export class HeadWatch {
  readonly #options: HeadWatchOptions
  readonly #listeners = new Set<(head: BlockRef) => void>()
  #known: { head: BlockRef; readAtMs: number } | null = null
  #reading: Promise<BlockRef> | null = null
  #timer: NodeJS.Timeout | undefined
  #running = false
  /** What has been said of this outage, apart from its numbers: each reason is logged once, and its end, not every poll. */
  readonly #told = new Set<string>()
  /** Why the last poll failed; null: it did not. */
  #why: string | null = null

  constructor(options: HeadWatchOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    void this.#poll()
  }

  stop(): void {
    this.#running = false
    clearTimeout(this.#timer)
  }

  /** The newest block: the known one while it is young, otherwise the node's. Callers at one time share one request. */
  async head(): Promise<BlockRef> {
    const { clock, pollIntervalMs } = this.#options
    const known = this.#known
    if (known !== null && clock() - known.readAtMs <= GOOD_FOR_POLLS * pollIntervalMs) return known.head
    return this.#read()
  }

  /** Whether the last poll was answered, what was wrong where it was not, and the newest block seen. */
  lastSeen(): { up: boolean; head: number | null; why?: string } {
    const head = this.#known?.head.number ?? null
    return this.#why === null ? { up: this.#known !== null, head } : { up: false, head, why: this.#why }
  }

  /** @returns ends the listening */
  onHead(listener: (head: BlockRef) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #poll(): Promise<void> {
    try {
      await this.#read()
      this.#noteAnswer()
    } catch (error) {
      this.#noteFailure(error instanceof Error ? error.message : String(error))
    }
    if (!this.#running) return
    this.#timer = setTimeout(() => void this.#poll(), this.#options.pollIntervalMs).unref()
  }

  #read(): Promise<BlockRef> {
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #readNow(): Promise<BlockRef> {
    const readAtMs = this.#options.clock()
    const { number, hash } = await this.#options.readHead()
    const isNew = this.#known?.head.hash !== hash
    const head = { number, hash }
    this.#known = { head, readAtMs }
    if (isNew && this.#running) this.#tell(head)
    return head
  }

  /** One listener's failure is not the other listeners', nor the poller's. */
  #tell(head: BlockRef): void {
    for (const listener of this.#listeners) {
      try {
        listener(head)
      } catch (error) {
        this.#options.log(`${this.#options.network}: a listener failed at block ${head.number}: ${String(error)}`)
      }
    }
  }

  #noteAnswer(): void {
    if (this.#why !== null && this.#running) this.#options.log(`${this.#options.network}: the node answers again`)
    this.#why = null
    this.#told.clear()
  }

  /** A node that was away may come back with another trouble, such as another chain. */
  #noteFailure(why: string): void {
    const kind = why.replace(/\d+/g, '')
    if (!this.#told.has(kind) && this.#running) this.#options.log(why)
    this.#told.add(kind)
    this.#why = why
  }
}
