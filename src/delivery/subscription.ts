import type { LoggedEvent, Party, Store } from '../store/store.ts'
import { eventFrame, type Frame, HEARTBEAT, openingFrame } from './frame.ts'
import type { LogTail } from './log-tail.ts'

/** What may wait for a reader who does not take it; the reader comes back and reads the rest from the log. */
const MOST_WAITING_CHARACTERS = 1024 * 1024

/** What is read of the log at once for a reader: events, and bytes of them, of which the last event may have more. */
const PAGE_SIZE = 100
const PAGE_BYTES = 64 * 1024

export type SubscriptionOptions = {
  store: Pick<Store, 'eventsOf' | 'endOfLog'>
  tail: LogTail
  party: Party
  /** The position in the log after which it begins. */
  after: string
  heartbeatMs: number
  /** Asked at every heartbeat; with `false` the stream ends. Must not reject. */
  isStillAllowed: () => Promise<boolean>
  /** Hears by how many characters more, or fewer, are held for the reader now. */
  onHeld: (change: number) => void
  onEnd: (how: 'ended' | 'cut') => void
}

/**
 * One reader of the log: first what lies between its position and the end of the log, page by page and as fast as it
 * takes them, then each event as it comes. Nothing is read for a reader that has not taken what was read before. Between the two it takes its seat at the tail, and what the tail says waits
 * until the log has been read up to that seat: there is no gap, and no repeat.
 */
export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #ending = new AbortController()
  readonly #heartbeat: NodeJS.Timeout
  #waiting: Frame[] = []
  #waitingCharacters = 0
  /** What was given out last, until the reader has taken it. */
  #givenCharacters = 0
  #tookAtMs = performance.now()
  #wake: () => void = () => undefined

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#heartbeat = setInterval(() => void this.#beat(), options.heartbeatMs).unref()
  }

  /** Aborted when nothing more is to come. */
  get ended(): AbortSignal {
    return this.#ending.signal
  }

  /** Characters that are held for the reader. */
  get heldCharacters(): number {
    return this.#waitingCharacters + this.#givenCharacters
  }

  /** When the reader last took what it was given, in milliseconds from any beginning. */
  get tookAtMs(): number {
    return this.#tookAtMs
  }

  end(): void {
    this.#end('ended')
  }

  /** Ends it because what is held for its reader is needed. */
  cut(): void {
    this.#end('cut')
  }

  /**
   * What the reader gets, to be read once; some frames at a time. Asking for more says that all before was taken.
   * @throws StoreUnavailable
   */
  async *frames(): AsyncGenerator<string> {
    const { store, tail, party, after } = this.#options
    try {
      yield* this.#give(openingFrame(after))
      const caughtUp = yield* this.#backfill(after, await store.endOfLog())
      const seat = await tail.join(party, (frame) => this.#hear(frame))
      try {
        yield* this.#backfill(caughtUp, seat.from)
        yield* this.#live()
      } finally {
        seat.leave()
      }
    } finally {
      this.end()
    }
  }

  /** @returns the position that it came to */
  async *#backfill(after: string, upTo: string): AsyncGenerator<string, string> {
    let position = after
    while (!this.ended.aborted) {
      const { store, party } = this.#options
      const page: LoggedEvent[] = await store.eventsOf(party, { after: position, upTo }, PAGE_SIZE, PAGE_BYTES)
      const last = page.at(-1)
      if (last === undefined) return upTo
      position = last.position
      yield* this.#give(page.map(eventFrame).join(''))
    }
    return position
  }

  async *#give(frames: string): AsyncGenerator<string> {
    if (this.ended.aborted) return
    this.#givenCharacters = frames.length
    this.#options.onHeld(frames.length)
    yield frames
    this.#tookAtMs = performance.now()
    this.#options.onHeld(-this.#givenCharacters)
    this.#givenCharacters = 0
  }

  async *#live(): AsyncGenerator<string> {
    for (;;) {
      if (this.#waiting.length === 0) await this.#nextFrame()
      if (this.ended.aborted) return
      const frames = this.#waiting.join('')
      this.#dropWaiting()
      yield* this.#give(frames)
    }
  }

  /** Resolves when a frame has come, or the stream has ended. */
  #nextFrame(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.ended.aborted) resolve()
    })
  }

  #hear(frame: Frame): void {
    if (this.ended.aborted) return
    this.#waiting.push(frame)
    this.#waitingCharacters += frame.length
    this.#options.onHeld(frame.length)
    if (this.#waitingCharacters > MOST_WAITING_CHARACTERS) this.#end('cut')
    else this.#wake()
  }

  #dropWaiting(): void {
    this.#waiting = []
    this.#options.onHeld(-this.#waitingCharacters)
    this.#waitingCharacters = 0
  }

  async #beat(): Promise<void> {
    if (await this.#options.isStillAllowed()) this.#hear(HEARTBEAT)
    else this.end()
  }

  #end(how: 'ended' | 'cut'): void {
    if (this.ended.aborted) return
    clearInterval(this.#heartbeat)
    this.#ending.abort()
    this.#dropWaiting()
    this.#options.onHeld(-this.#givenCharacters)
    this.#givenCharacters = 0
    this.#wake()
    this.#options.onEnd(how)
  }
}
