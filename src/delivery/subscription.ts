import type { LoggedEvent, Party, Store } from '../store/store.ts'
import { eventFrame, type Frame, HEARTBEAT, openingFrame } from './frame.ts'
import type { LogTail } from './log-tail.ts'

/** What may wait for a reader who does not take it; the reader comes back and reads the rest from the log. */
const MOST_WAITING_CHARACTERS = 1024 * 1024

const PAGE_SIZE = 100

export type SubscriptionOptions = {
  store: Pick<Store, 'eventsOf' | 'endOfLog'>
  tail: LogTail
  party: Party
  /** The position in the log after which it begins. */
  after: string
  heartbeatMs: number
  /** Asked at every heartbeat; with `false` the stream ends. Must not reject. */
  isStillAllowed: () => Promise<boolean>
  onEnd: (how: 'ended' | 'cut') => void
}

/**
 * One reader of the log: first what lies between its position and the end of the log, page by page and as fast as it
 * takes them, then each event as it comes. Between the two it takes its seat at the tail, and what the tail says waits
 * until the log has been read up to that seat: there is no gap, and no repeat.
 */
export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #ending = new AbortController()
  readonly #heartbeat: NodeJS.Timeout
  #waiting: Frame[] = []
  #waitingCharacters = 0
  #wake: () => void = () => undefined

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#heartbeat = setInterval(() => void this.#beat(), options.heartbeatMs).unref()
  }

  /** Aborted when nothing more is to come. */
  get ended(): AbortSignal {
    return this.#ending.signal
  }

  end(): void {
    this.#end('ended')
  }

  /**
   * What the reader gets, to be read once; some frames at a time.
   * @throws StoreUnavailable
   */
  async *frames(): AsyncGenerator<string> {
    const { store, tail, party, after } = this.#options
    try {
      yield openingFrame(after)
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
      const page: LoggedEvent[] = await this.#options.store.eventsOf(
        this.#options.party,
        { after: position, upTo },
        PAGE_SIZE,
      )
      if (page.length > 0) yield page.map(eventFrame).join('')
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_SIZE) return upTo
      position = last.position
    }
    return position
  }

  async *#live(): AsyncGenerator<string> {
    for (;;) {
      if (this.#waiting.length === 0) await this.#nextFrame()
      if (this.ended.aborted) return
      const frames = this.#waiting.join('')
      this.#waiting = []
      this.#waitingCharacters = 0
      yield frames
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
    if (this.#waitingCharacters > MOST_WAITING_CHARACTERS) this.#end('cut')
    else this.#wake()
  }

  async #beat(): Promise<void> {
    if (await this.#options.isStillAllowed()) this.#hear(HEARTBEAT)
    else this.end()
  }

  #end(how: 'ended' | 'cut'): void {
    if (this.ended.aborted) return
    clearInterval(this.#heartbeat)
    this.#ending.abort()
    this.#waiting = []
    this.#wake()
    this.#options.onEnd(how)
  }
}
