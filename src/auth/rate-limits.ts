import { type MakeLimiter, makeLimiters, makeMemoryLimiter, rateLimitRefusal, takePoint } from './limiter.ts'

/** Routes that share a limit: sign-up, sign-in and challenges; POSTs; GETs; the finance routes. */
export type RateGroup = 'auth' | 'write' | 'read' | 'public'

export const RATE_PRESETS = ['off', 'standard', 'documented'] as const
export type RatePreset = (typeof RATE_PRESETS)[number]

export type RateLimits = {
  /**
   * Counts one call.
   * @param keys who calls: an account whichever of its tokens it uses, or an address and its network where there is none
   * @throws Refusal `rate_limit` when the caller has used up the minute
   */
  consume(group: RateGroup, ...keys: string[]): Promise<void>
}

/**
 * Calls a minute for each caller. `standard` is for a shop that asks every 2 s (30 a minute) from each of 40 registers with one
 * key behind one address, and sells something at each of them 3 times a minute. `documented` is the public API's own table.
 */
export const CALLS_A_MINUTE: Record<Exclude<RatePreset, 'off'>, Record<RateGroup, number>> = {
  standard: { auth: 120, write: 600, read: 1200, public: 600 },
  documented: { auth: 10, write: 30, read: 60, public: 60 },
}

/** @param makeLimiter where the counters are kept */
export function createRateLimits(preset: RatePreset, makeLimiter: MakeLimiter = makeMemoryLimiter): RateLimits {
  if (preset === 'off') return { consume: async () => undefined }
  const limiterOf = (group: RateGroup) =>
    makeLimiters(makeLimiter, { keyPrefix: `rate:${group}`, points: CALLS_A_MINUTE[preset][group], duration: 60 })
  const limiters = {
    auth: limiterOf('auth'),
    write: limiterOf('write'),
    read: limiterOf('read'),
    public: limiterOf('public'),
  }

  return {
    async consume(group, ...keys) {
      const waits = await Promise.all(keys.map((key) => takePoint(limiters[group](key), key)))
      const longestMs = Math.max(...waits.map((waitMs) => waitMs ?? 0))
      if (longestMs > 0)
        throw rateLimitRefusal('There were too many calls. Slow down, and wait before the next.', longestMs)
    },
  }
}
