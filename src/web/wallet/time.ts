import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'

/**
 * The server's clock, which says when codes, prices and requests end: this computer's may be wrong. It is what the last answer
 * told, carried on by a clock that nobody sets.
 */
const startedAtMs = signal(Date.now() - performance.now())

/** The server tells whole seconds: on average it is half a second later. */
const HALF_SECOND_MS = 500

/** What answers take on their way, and the seconds' rounding; nothing to move the clock for. */
const NEGLIGIBLE_MS = 1500

/** Takes what an answer told: Unix milliseconds. */
export function hearServerTime(serverTimeMs: number): void {
  const startMs = serverTimeMs + HALF_SECOND_MS - performance.now()
  if (Math.abs(startMs - startedAtMs.value) > NEGLIGIBLE_MS) startedAtMs.value = startMs
}

/** Unix milliseconds by the server's clock. */
export function serverNowMs(): number {
  return startedAtMs.value + performance.now()
}

/** The longest that a timer of a browser can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Whether a time has come, by the server's clock; renders again when it comes, and when the clock is put right. */
export function useIsPast(timeMs: number): boolean {
  const startMs = startedAtMs.value
  const [, renderAgain] = useState(0)
  useEffect(() => {
    const leftMs = timeMs - serverNowMs()
    if (leftMs <= 0 || leftMs > LONGEST_TIMER_MS) return undefined
    const timer = setTimeout(() => renderAgain((times) => times + 1), leftMs + 1)
    return () => clearTimeout(timer)
  }, [timeMs, startMs])
  return serverNowMs() >= timeMs
}
