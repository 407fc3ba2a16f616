import type { Limiter } from './limiter.ts'
import { counted, type Points, type SharedCounters, type Tally } from './shared-counters.ts'

type LimiterOptions = { keyPrefix: string; points: number; duration: number }

/** Keys that one exchange sends at once. */
const BATCH = 1000

/**
 * Limiters of calls that several servers share. A call waits for nobody: it is counted in memory, on top of what all
 * servers together had counted when they were last heard of. `exchange` sends what was counted since and hears the sums,
 * so what one server lets through too much is what the others count between two exchanges. While the counters are out of
 * reach, each server limits by itself.
 */
export class CallExchange {
  readonly #counters: Pick<SharedCounters, 'addCalls'>
  readonly #clock: () => number
  readonly #windowsOfLimiters: Map<string, CallWindow>[] = []
  readonly #unsent = new Set<CallWindow>()

  /** @param clock milliseconds from any beginning; never goes back */
  constructor(counters: Pick<SharedCounters, 'addCalls'>, clock: () => number = () => performance.now()) {
    this.#counters = counters
    this.#clock = clock
  }

  makeLimiter({ keyPrefix, points, duration }: LimiterOptions): Limiter {
    const windows = new Map<string, CallWindow>()
    this.#windowsOfLimiters.push(windows)

    const openWindow = (key: string): CallWindow | undefined => {
      const window = windows.get(key)
      return window?.isOver(this.#clock()) ? undefined : window
    }
    const begin = (key: string): CallWindow => {
      const window = new CallWindow(`${keyPrefix}:${key}`, duration * 1000, this.#clock())
      // Deleted first, so that windows lie in the order in which they began.
      windows.delete(key)
      windows.set(key, window)
      return window
    }
    const result = (window: CallWindow) => counted(points, window.points, window.msLeft(this.#clock()))

    return {
      points,
      get: async (key) => {
        const window = openWindow(key)
        return window === undefined ? null : result(window)
      },
      consume: async (key) => {
        const window = openWindow(key) ?? begin(key)
        if (window.points >= points) throw result(window)
        window.count()
        this.#unsent.add(window)
        return result(window)
      },
    }
  }

  /**
   * Sends what was counted and hears what all servers counted. Exchanges must not overlap.
   * @throws whatever the counters throw; then the next exchange sends it
   */
  async exchange(): Promise<void> {
    this.#forgetEnded()
    const due = [...this.#unsent]
    this.#unsent.clear()
    try {
      for (let first = 0; first < due.length; first += BATCH) await this.#send(due.slice(first, first + BATCH))
    } finally {
      for (const window of due) if (window.hasUnsent && !window.isOver(this.#clock())) this.#unsent.add(window)
    }
  }

  async #send(windows: CallWindow[]): Promise<void> {
    const open = windows.filter((window) => !window.isOver(this.#clock()))
    if (open.length === 0) return
    try {
      const tallies = await this.#counters.addCalls(open.map((window) => window.send()))
      for (const window of open) window.hear(tallies.get(window.key), this.#clock())
    } catch (error) {
      for (const window of open) window.takeBack()
      throw error
    }
  }

  #forgetEnded(): void {
    const nowMs = this.#clock()
    for (const windows of this.#windowsOfLimiters) {
      for (const [key, window] of windows) {
        if (!window.isOver(nowMs)) break
        windows.delete(key)
        this.#unsent.delete(window)
      }
    }
  }
}

/** The points of one key until the key's window ends. */
class CallWindow {
  readonly key: string
  readonly #durationMs: number
  #endsAtMs: number
  /** When the window ends by the counters' clock; null until they were heard. */
  #sharedEndsAtMs: number | null = null
  /** What all servers together have counted, as last heard. */
  #heard = 0
  #sending = 0
  #unsent = 0

  constructor(key: string, durationMs: number, nowMs: number) {
    this.key = key
    this.#durationMs = durationMs
    this.#endsAtMs = nowMs + durationMs
  }

  get points(): number {
    return this.#heard + this.#sending + this.#unsent
  }

  get hasUnsent(): boolean {
    return this.#unsent > 0
  }

  isOver(nowMs: number): boolean {
    return this.#endsAtMs <= nowMs
  }

  msLeft(nowMs: number): number {
    return this.#endsAtMs - nowMs
  }

  count(): void {
    this.#unsent += 1
  }

  send(): Points {
    this.#sending = this.#unsent
    this.#unsent = 0
    return { key: this.key, points: this.#sending, durationMs: this.#durationMs, endsAtMs: this.#sharedEndsAtMs }
  }

  /** @param tally undefined: the window is over by the counters' clock */
  hear(tally: Tally | undefined, nowMs: number): void {
    this.#sending = 0
    this.#heard = tally?.points ?? 0
    this.#sharedEndsAtMs = tally?.endsAtMs ?? null
    this.#endsAtMs = nowMs + (tally?.msLeft ?? 0)
  }

  takeBack(): void {
    this.#unsent += this.#sending
    this.#sending = 0
  }
}
