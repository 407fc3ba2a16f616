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
 * Takes one point of a key.
 * @returns null, or for how long (milliseconds) the key has none left
 * @throws whatever the limiter's store throws
 */
export async function takePoint(limiter: Limiter, key: string): Promise<number | null> {
  try {
    await limiter.consume(key)
    return null
  } catch (thrown) {
    if (thrown instanceof RateLimiterRes) return thrown.msBeforeNext
    throw thrown
  }
}

/** A Refusal `rate_limit` that says when to come back, in whole seconds. */
export function rateLimitRefusal(detail: string, waitMs: number): Refusal {
  return new Refusal('rate_limit', detail, { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) })
}
