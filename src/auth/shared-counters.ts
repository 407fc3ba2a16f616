import { RateLimiterRes } from 'rate-limiter-flexible'

/** The points of a key in its window, and when that ends, by the keeper's clock (Unix milliseconds) and from now. */
export type Tally = { points: number; endsAtMs: number; msLeft: number }

/**
 * Points to add to a key. Where it has no window, or the last one is over, `durationMs` says how long the new one is.
 * @param endsAtMs the end of the window that the points belong to, as a tally said; null: of whatever window there is now
 */
export type Points = { key: string; points: number; durationMs: number; endsAtMs: number | null }

/** Counts for several servers, by a clock of its own. All of it throws when the keeper does not answer. */
export interface SharedCounters {
  /** Counts a wrong guess, durably. */
  countGuess(key: string, durationMs: number): Promise<Tally>
  /** The wrong guesses of keys whose window goes on; others are absent. */
  guesses(keys: string[]): Promise<Map<string, Tally>>
  /** Counts calls and tells what all servers have counted for these keys. Points of a window that is over are dropped, and their keys absent. */
  addCalls(added: Points[]): Promise<Map<string, Tally>>
}

/** What a limiter tells its caller. */
export function counted(limit: number, points: number, msLeft: number): RateLimiterRes {
  return new RateLimiterRes(Math.max(0, limit - points), Math.max(0, msLeft), points, false)
}
