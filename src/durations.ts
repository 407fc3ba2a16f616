import ms from 'ms'

const DURATION = /^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$/

/** What `parseDuration` reads, for whoever wrote something else. */
export const DURATION_EXPECTED = 'a duration such as 500ms, 90s or 10m, at most 30d'

const LONGEST_MS = ms('30d')

/**
 * Reads a duration with its unit: a bare number would leave open which.
 * @returns whole milliseconds, at least 1 and at most 30 days; undefined where `text` is none
 */
export function parseDuration(text: string): number | undefined {
  if (!isDuration(text)) return undefined
  const durationMs = ms(text)
  return Number.isInteger(durationMs) && durationMs > 0 && durationMs <= LONGEST_MS ? durationMs : undefined
}

const isDuration = (text: string): text is ms.StringValue => DURATION.test(text)
