import {
  type Limiter,
  type MakeLimiter,
  makeLimiters,
  makeMemoryLimiter,
  rateLimitRefusal,
  takePoint,
} from './limiter.ts'

/** What callers could try to find by guessing. */
type GuessKind = 'code' | 'password'

/** Wrong guesses that each key has in each window; wider kinds of keys have more (`makeLimiters`). */
export const GUESSES = 10
const WINDOW_SECONDS = 15 * 60

/**
 * Counts wrong codes and wrong passwords. A caller's guess goes: look up; if right, `check`; if wrong, `miss`. Whoever has
 * used up a key gets the same Refusal from both, so no answer after the tenth wrong one says whether it was right.
 *
 * In memory, both count in the turn of the event loop in which they are called, so of guesses made in parallel, too, ten at
 * most learn anything. A limiter that counts later must keep that order per key, as that of several nodes does
 * (`makeSharedGuessLimiter`).
 */
export type GuessLimits = {
  /**
   * Lets a right guess through.
   * @param keys who guesses, such as the caller and the address (`addressKey`)
   * @throws Refusal `rate_limit` when any of the keys is used up
   */
  check(kind: GuessKind, keys: string[]): Promise<void>
  /**
   * Counts a wrong guess for each of the keys.
   * @throws Refusal `rate_limit` when any of the keys was used up before
   */
  miss(kind: GuessKind, keys: string[]): Promise<void>
}

/** @param makeLimiter where the counters are kept */
export function createGuessLimits(makeLimiter: MakeLimiter = makeMemoryLimiter): GuessLimits {
  const limitersOf = (kind: GuessKind) =>
    makeLimiters(makeLimiter, { keyPrefix: `guess:${kind}`, points: GUESSES, duration: WINDOW_SECONDS })
  const limiters = { code: limitersOf('code'), password: limitersOf('password') }

  return {
    async check(kind, keys) {
      refuseIfUsedUp(await Promise.all(keys.map((key) => waitOf(limiters[kind](key), key))))
    },
    async miss(kind, keys) {
      refuseIfUsedUp(await Promise.all(keys.map((key) => takePoint(limiters[kind](key), key))))
    },
  }
}

/** For how long (milliseconds) a key has no guess left; null while it has one. */
async function waitOf(limiter: Limiter, key: string): Promise<number | null> {
  const counted = await limiter.get(key)
  const isUsedUp = counted !== null && counted.consumedPoints >= limiter.points && counted.msBeforeNext > 0
  return isUsedUp ? counted.msBeforeNext : null
}

function refuseIfUsedUp(waitsMs: (number | null)[]): void {
  const waits = waitsMs.filter((waitMs) => waitMs !== null)
  if (waits.length > 0) {
    throw rateLimitRefusal(
      'There were too many wrong codes or passwords. Wait before the next try.',
      Math.max(...waits),
    )
  }
}
