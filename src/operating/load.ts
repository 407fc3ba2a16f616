import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Refusal } from '../domain/refusal.ts'

/**
 * What goes when the server has too much to do: `first` what can wait (reading, lists, signing up), then what begins a
 * payment, and `last` what ends one. What is shed `never` costs next to nothing.
 */
export type Shed = 'first' | 'second' | 'last' | 'never'

/** From where on each kind of call is refused: either bound will do. */
type Bounds = Record<Exclude<Shed, 'never'>, { delayMs: number; underWay: number; retryAfterSeconds: number }>

/** Far above what a busy server shows, and below what its callers put up with. */
const BOUNDS: Bounds = {
  first: { delayMs: 500, underWay: 1000, retryAfterSeconds: 5 },
  second: { delayMs: 1000, underWay: 2000, retryAfterSeconds: 2 },
  last: { delayMs: 2000, underWay: 4000, retryAfterSeconds: 1 },
}

/** Counts the calls under way and says which new ones are too many. */
export class LoadGate {
  readonly #delayMs: () => number
  readonly #bounds: Bounds
  #underWay = 0

  /** @param delayMs how late the event loop is just now (milliseconds) */
  constructor(delayMs: () => number, bounds: Bounds = BOUNDS) {
    this.#delayMs = delayMs
    this.#bounds = bounds
  }

  get underWay(): number {
    return this.#underWay
  }

  enter(): void {
    this.#underWay += 1
  }

  leave(): void {
    this.#underWay -= 1
  }

  /** @throws Refusal `overloaded` where a call of this kind has to wait for better times */
  assertRoom(shed: Shed): void {
    if (shed === 'never') return
    const { delayMs, underWay, retryAfterSeconds } = this.#bounds[shed]
    if (this.#underWay <= underWay && this.#delayMs() <= delayMs) return
    throw new Refusal('overloaded', 'The server has too much to do just now. Try again shortly.', { retryAfterSeconds })
  }
}

export type DelayMonitor = { delayMs: () => number; stop: () => void }

const RESOLUTION_MS = 20
const SAMPLED_MS = 1000

/**
 * Measures how late the event loop is: the average of a second, and of the better one of the last two, so that one long
 * pause is no overload.
 */
export function monitorDelay(): DelayMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let lateMs = 0
  let lateBeforeMs = 0
  const sampling = setInterval(() => {
    lateBeforeMs = lateMs
    if (histogram.count > 0) lateMs = Math.max(0, histogram.mean / 1e6 - RESOLUTION_MS)
    histogram.reset()
  }, SAMPLED_MS).unref()
  return {
    delayMs: () => Math.min(lateMs, lateBeforeMs),
    stop: () => {
      clearInterval(sampling)
      histogram.disable()
    },
  }
}
