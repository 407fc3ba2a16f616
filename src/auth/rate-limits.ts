import {
  type Limiter,
  type MakeLimiter,
  makeLimiters,
  makeMemoryLimiter,
  pointTaken,
  rateLimitRefusal,
} from './limiter.ts'

/** Routes that share a limit: sign-up, sign-in and challenges; POSTs; GETs; the finance routes. */
export type RateGroup = 'auth' | 'write' | 'read' | 'public'

export const RATE_PRESETS = ['off', 'standard', 'documented'] as const
export type RatePreset = (typeof RATE_PRESETS)[number]

export type RateLimits = {
  /**
   * Counts one call.
   * @param keys who calls: an account whichever of its tokens it uses, or an address and its network where there is none
   * @param origin where the call of an account comes from (`originKeys`): all accounts there together have a limit, too
   * @throws Refusal `rate_limit` when the caller has used up the minute
   */
  consume(group: RateGroup, keys: readonly string[], origin?: readonly string[]): Promise<void>
  /**
   * Counts one new account.
   * @param origin where the call that makes it comes from (`originKeys`)
   * @throws Refusal `rate_limit` when too many were made there within the hour
   */
  consumeNewAccount(origin: readonly string[]): Promise<void>
}

/**
 * Calls a minute for each caller. `standard` is for a shop that asks every 2 s (30 a minute) from each of 40 registers with one
 * key behind one address, and sells something at each of them 3 times a minute. `documented` is the public API's own table.
 */
export const CALLS_A_MINUTE: Record<Exclude<RatePreset, 'off'>, Record<RateGroup, number>> = {
  standard: { auth: 120, write: 600, read: 1200, public: 600 },
  documented: { auth: 10, write: 30, read: 60, public: 60 },
}

/** New accounts an hour that an address may make. */
export const NEW_ACCOUNTS_AN_HOUR: Record<Exclude<RatePreset, 'off'>, number> = { standard: 300, documented: 60 }

/** How many times the calls of one account all accounts of an address have together. */
const ACCOUNTS_AT_ADDRESS = 5
/** How many times what an address has its network has (a /48), of which one customer may have all. */
const ADDRESSES_IN_NETWORK = 5
/** The part of its own calls within which an account is not cut off by what others at its address have used up. */
const QUIET_SHARE = 1 / 20

const CALL_FACTORS = {
  network: ADDRESSES_IN_NETWORK,
  'accounts at address': ACCOUNTS_AT_ADDRESS,
  'accounts at network': ACCOUNTS_AT_ADDRESS * ADDRESSES_IN_NETWORK,
  // As much again is kept for accounts that call seldom.
  'quiet accounts at address': ACCOUNTS_AT_ADDRESS,
  'quiet accounts at network': ACCOUNTS_AT_ADDRESS * ADDRESSES_IN_NETWORK,
} as const

/** @param makeLimiter where the counters are kept */
export function createRateLimits(preset: RatePreset, makeLimiter: MakeLimiter = makeMemoryLimiter): RateLimits {
  if (preset === 'off') return { consume: async () => undefined, consumeNewAccount: async () => undefined }
  const limiterOf = (group: RateGroup) =>
    makeLimiters(
      makeLimiter,
      { keyPrefix: `rate:${group}`, points: CALLS_A_MINUTE[preset][group], duration: 60 },
      CALL_FACTORS,
    )
  const limiters = {
    auth: limiterOf('auth'),
    write: limiterOf('write'),
    read: limiterOf('read'),
    public: limiterOf('public'),
  }
  const newAccounts = makeLimiters(
    makeLimiter,
    { keyPrefix: 'rate:new-accounts', points: NEW_ACCOUNTS_AN_HOUR[preset], duration: 60 * 60 },
    { network: ADDRESSES_IN_NETWORK },
  )

  return {
    async consume(group, keys, origin = []) {
      const own = await takeAll(limiters[group], keys)
      if (own.waitMs > 0) throw rateLimitRefusal(CALLER_IS_TOO_FAST, own.waitMs)
      if (origin.length === 0) return
      // What is refused to one account takes nothing of what others at its address have.
      const together = await takeAll(
        limiters[group],
        origin.map((key) => `accounts at ${key}`),
      )
      if (together.waitMs === 0) return
      if (own.consumedPoints <= CALLS_A_MINUTE[preset][group] * QUIET_SHARE) {
        const quiet = await takeAll(
          limiters[group],
          origin.map((key) => `quiet accounts at ${key}`),
        )
        if (quiet.waitMs === 0) return
      }
      throw rateLimitRefusal(ADDRESS_IS_TOO_FAST, together.waitMs)
    },
    async consumeNewAccount(origin) {
      const { waitMs } = await takeAll(newAccounts, origin)
      if (waitMs > 0) throw rateLimitRefusal(TOO_MANY_NEW_ACCOUNTS, waitMs)
    },
  }
}

const CALLER_IS_TOO_FAST = 'There were too many calls. Slow down, and wait before the next.'
const ADDRESS_IS_TOO_FAST =
  'There were too many calls by the accounts of your address together. Slow down, and wait before the next.'
const TOO_MANY_NEW_ACCOUNTS = 'Too many accounts were made from your address. Wait, or sign in to one that you have.'

/** @returns the longest wait (milliseconds) of the keys that have no point left, 0 where all had one; and the most that was counted */
async function takeAll(
  limiterOf: (key: string) => Limiter,
  keys: readonly string[],
): Promise<{ waitMs: number; consumedPoints: number }> {
  const taken = await Promise.all(keys.map((key) => pointTaken(limiterOf(key), key)))
  const waits = taken.map(({ isRefused, counted }) => (isRefused ? Math.max(1, counted.msBeforeNext) : 0))
  return {
    waitMs: Math.max(0, ...waits),
    consumedPoints: Math.max(0, ...taken.map(({ counted }) => counted.consumedPoints)),
  }
}
