import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Refusal } from '../domain/refusal.ts'

/** Counts points per key in windows of `duration` seconds that begin with a key's first point. */
export type Limiter = {
  /** Points of a key in each window. */
  points: number
  /** What the key has consumed, or null. */
  get(key: string): Promise<RateLimiterRes | null>
  /** Takes a point. Rejects with a RateLimiterRes where the key has none left. */
  consume(key: string): Promise<RateLimiterRes>
}

/** Makes a limiter. The memory of one process will do for one node; several nodes need one in a store that they share. */
export type MakeLimiter = (options: { keyPrefix: string; points: number; duration: number }) => Limiter

export const makeMemoryLimiter: MakeLimiter = (options) => new RateLimiterMemory(options)

/**
 * Keys that stand for many callers have so many times the points of one caller: `network:…` for a /48, and `account:…` for
 * an account at which callers of all addresses guess.
 */
const GUESS_FACTORS = { network: 5, account: 10 } as const

/** One limiter for the keys of single callers, and one for each wider kind of key, which its prefix names. */
export function makeLimiters(
  makeLimiter: MakeLimiter,
  options: Parameters<MakeLimiter>[0],
  factors: Readonly<Record<string, number>> = GUESS_FACTORS,
): (key: string) => Limiter {
  const one = makeLimiter(options)
  const wider = new Map(
    Object.entries(factors).map(([kind, factor]) => [
      kind,
      makeLimiter({ ...options, keyPrefix: `${options.keyPrefix}:${kind}`, points: options.points * factor }),
    ]),
  )
  return (key) => wider.get(key.slice(0, Math.max(0, key.indexOf(':')))) ?? one
}

/**
 * Takes one point of a key, if it has one left.
 * @returns what has been counted, and whether there was none left
 * @throws whatever the limiter's store throws
 */
export async function pointTaken(
  limiter: Limiter,
  key: string,
): Promise<{ isRefused: boolean; counted: RateLimiterRes }> {
  try {
    return { isRefused: false, counted: await limiter.consume(key) }
  } catch (thrown) {
    if (thrown instanceof RateLimiterRes) return { isRefused: true, counted: thrown }
    throw thrown
  }
}

/**
 * Takes one point of a key.
 * @returns null, or for how long (milliseconds) the key has none left
 * @throws whatever the limiter's store throws
 */
export async function takePoint(limiter: Limiter, key: string): Promise<number | null> {
  const { isRefused, counted } = await pointTaken(limiter, key)
  return isRefused ? counted.msBeforeNext : null
}

/** A Refusal `rate_limit` that says when to come back, in whole seconds. */
export function rateLimitRefusal(detail: string, waitMs: number): Refusal {
  return new Refusal('rate_limit', detail, { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) })
}
