import { percentile } from './statistics.ts'

export type LoadResult = { perSecond: number; p50Ms: number; p99Ms: number }

/**
 * Does units of work, so many side by side.
 * @param workers what does one unit, for each of those that are under way at a time
 */
export async function doSideBySide<Unit>(
  units: readonly Unit[],
  workers: readonly ((unit: Unit) => Promise<void>)[],
): Promise<LoadResult> {
  const latenciesMs = new Float64Array(units.length)
  const waiting = units.entries()
  const doUnits = async (work: (unit: Unit) => Promise<void>) => {
    for (const [index, unit] of waiting) {
      const startedAt = performance.now()
      await work(unit)
      latenciesMs[index] = performance.now() - startedAt
    }
  }
  const startedAt = performance.now()
  await Promise.all(workers.map(doUnits))
  const seconds = (performance.now() - startedAt) / 1000
  latenciesMs.sort()
  return { perSecond: units.length / seconds, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) }
}
