import { uptime } from 'node:os'

/** A difference this small is taken over at once: what keeps clocks in step makes no larger ones. */
const TOLERANCE_MS = 2_000

/** How long a clock that has jumped must stand before its new time counts. */
export const STANDING_MS = 5 * 60_000

/** What came of a comparison; null: nothing new. */
export type ClockNews =
  /** The clock that is compared with has jumped; what it says does not count yet. */
  | 'jumped'
  /** It has jumped back: there was nothing in it. */
  | 'returned'
  /** It has stood for long enough: its time counts now. */
  | 'believed'
  /** The machine was asleep for as long as the clock has gone ahead: its time counts. */
  | 'slept'
  | null

/** What time passes by. A test brings its own. */
export type Passing = {
  /** Milliseconds from any beginning, which only grow, and which no setting of a clock touches. */
  awakeMs: () => number
  /** The same, with the time in which the machine was asleep. */
  elapsedMs: () => number
}

const REAL: Passing = { awakeMs: () => performance.now(), elapsedMs: () => uptime() * 1000 }

/**
 * The time that counts for a server. It passes by the monotonic clock, and is compared with a clock that tells the time of
 * day: the database's, or the machine's own. Where that jumps it is not believed before it has stood for a while, so that a
 * wrong step ends nothing.
 */
export class SteadyClock {
  readonly #passing: Passing
  #offsetMs: number
  /** Milliseconds of sleep, counted from any beginning, when the clocks were last in step. */
  #sleptMs: number
  #doubt: { differenceMs: number; sinceMs: number } | null = null

  /** @param startMs the time now (Unix milliseconds) */
  constructor(startMs: number, passing: Passing = REAL) {
    this.#passing = passing
    this.#offsetMs = startMs - passing.awakeMs()
    this.#sleptMs = this.#sleepMs()
  }

  /** Unix milliseconds. */
  readonly now = (): number => Math.round(this.#offsetMs + this.#passing.awakeMs())

  /** How far the other clock is ahead of this one while it is not believed; else 0. */
  get doubtedMs(): number {
    return this.#doubt?.differenceMs ?? 0
  }

  /** Takes over a time that needs no comparison: the one to start with. */
  set(nowMs: number): void {
    this.#shift(nowMs - this.now())
  }

  /**
   * Compares this clock with one that tells the time of day.
   * @param otherMs what that says now (Unix milliseconds)
   * @param doubtMs how far off that may be, for want of knowing when it was read
   */
  compare(otherMs: number, doubtMs = 0): ClockNews {
    const differenceMs = Math.round(otherMs - this.now())
    const isNear = (ms: number) => Math.abs(differenceMs - ms) <= TOLERANCE_MS + doubtMs
    if (isNear(0)) {
      const news = this.#doubt === null ? null : 'returned'
      this.#shift(Math.abs(differenceMs) > doubtMs ? differenceMs : 0)
      return news
    }
    if (isNear(this.#sleepMs() - this.#sleptMs)) return this.#believe(differenceMs, 'slept')
    const nowMs = this.#passing.awakeMs()
    if (this.#doubt === null || !isNear(this.#doubt.differenceMs)) {
      this.#doubt = { differenceMs, sinceMs: nowMs }
      return 'jumped'
    }
    return nowMs - this.#doubt.sinceMs < STANDING_MS ? null : this.#believe(differenceMs, 'believed')
  }

  #believe(differenceMs: number, news: ClockNews): ClockNews {
    this.#shift(differenceMs)
    return news
  }

  #shift(byMs: number): void {
    this.#offsetMs += byMs
    this.#sleptMs = this.#sleepMs()
    this.#doubt = null
  }

  #sleepMs(): number {
    return this.#passing.elapsedMs() - this.#passing.awakeMs()
  }
}
