import { startLoop } from '../loop.ts'
import type { MakeLimiter } from './limiter.ts'
import { CallExchange } from './shared-calls.ts'
import type { SharedCounters } from './shared-counters.ts'
import { makeSharedGuessLimiter } from './shared-guesses.ts'

const EXCHANGE_PAUSE_MS = 250

/** Makes the limiters of a server that is one of several. */
export type SharedLimits = {
  /** For `createRateLimits`. */
  makeRateLimiter: MakeLimiter
  /** For `createGuessLimits`. */
  makeGuessLimiter: MakeLimiter
  /** Sends what was counted last. */
  stop(): Promise<void>
}

/**
 * Counts calls and wrong guesses together with other servers, until it is stopped.
 * @param input.onError hears when calls can no longer be counted together; not again until they could
 */
export function createSharedLimits(input: {
  counters: SharedCounters
  onError: (error: unknown) => void
}): SharedLimits {
  const calls = new CallExchange(input.counters)
  let isFailing = false
  const turn = async () => {
    try {
      await calls.exchange()
      isFailing = false
    } catch (error) {
      if (!isFailing) input.onError(error)
      isFailing = true
    }
  }
  const exchanging = startLoop(turn, EXCHANGE_PAUSE_MS, input.onError)

  return {
    makeRateLimiter: (options) => calls.makeLimiter(options),
    makeGuessLimiter: makeSharedGuessLimiter(input.counters),
    async stop() {
      await exchanging.stop()
      await turn()
    },
  }
}
