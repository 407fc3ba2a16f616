import { browsers, features } from 'web-features'
import baseline from '../src/web/baseline.json' with { type: 'json' }

/** What browsers had when, from the web-features data, by the keys of browser-compat-data: `api.URL.canParse_static`. */

type Status = { baseline_high_date?: string }
type BrowserData = { releases: readonly { date?: string; version: string }[] }

/** Something that is newer than the pages may use, and where. */
export type Find = { key: string; where: string }

/** A feature is widely available when all browsers have had it for 30 months. */
const WIDELY_AVAILABLE_MONTHS = 30

const wideSince = new Map<string, string | null>()
for (const feature of Object.values(features)) {
  if (feature.kind !== 'feature') continue
  for (const [key, status] of Object.entries<Status>(feature.status.by_compat_key ?? {})) {
    // Dates of old have a ≤ before them.
    wideSince.set(key, status.baseline_high_date?.replace('≤', '') ?? null)
  }
}

/** Whether it was not widely available on the day. What the data does not name is as old as the web. */
export function isTooNew(key: string): boolean {
  const since = wideSince.get(key)
  return since !== undefined && (since === null || since > baseline.asOf)
}

/** The last names of all that is too new under a prefix, with the whole key. */
export function namesTooNew(prefix: string): Map<string, string> {
  return namesOf((key) => key.startsWith(prefix) && isTooNew(key))
}

/** The last names of all that may be used. */
export function namesOfOld(): ReadonlySet<string> {
  return new Set(namesOf((key) => /^(api|javascript)/.test(key) && !isTooNew(key)).keys())
}

function namesOf(isMeant: (key: string) => boolean): Map<string, string> {
  return new Map([...wideSince.keys()].filter(isMeant).map((key) => [lastName(key), key]))
}

function lastName(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1).replace(/_static$/, '')
}

/** The browsers that the pages are built for must be those of the day: the newest of 30 months before. */
export function wrongTargets(): string[] {
  const day = new Date(baseline.asOf)
  day.setUTCMonth(day.getUTCMonth() - WIDELY_AVAILABLE_MONTHS)
  const newestOf = ({ releases }: BrowserData) =>
    releases
      .filter(({ date }) => date !== undefined && date <= day.toISOString().slice(0, 10))
      .sort((one, other) => (`${one.date}` < `${other.date}` ? 1 : -1))[0]?.version
  const right = [
    ...(['chrome', 'edge', 'firefox'] as const).map((name) => name + newestOf(browsers[name])),
    `ios${newestOf(browsers.safari_ios)}`,
    `safari${newestOf(browsers.safari)}`,
  ]
  return right.filter((target) => !baseline.browsers.includes(target))
}
