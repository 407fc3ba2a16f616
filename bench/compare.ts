import type { Part } from './part.ts'
import type { LoadPart, LoadResult } from './parts/load.ts'
import type { Caller } from './requests.ts'
import { median, rounded } from './statistics.ts'

/** A server to load, and as whom. */
export type Target = { url: string; caller: Caller }

export type Workload = 'reserve' | 'redeem' | 'flow'

/** The subject's figures beside the floor's. */
export type Comparison = { perSecond: number; floorPerSecond: number; ratio: number; p50Ms: number; p99Ms: number }

/** So many requests are under way at a time. */
export const CONCURRENCY = 64

const WORKLOADS: readonly Workload[] = ['reserve', 'redeem', 'flow']

/**
 * Loads both servers in turn, round by round, so that whatever else the machine does hits both; figures are medians.
 * @param size.counts how many units of each workload a round has
 */
export async function compare(
  load: Part<LoadPart>,
  { subject, floor }: { subject: Target; floor: Target },
  size: { rounds: number; counts: Record<Workload, number> },
): Promise<Record<Workload, Comparison>> {
  const results = new Map<string, LoadResult[]>()
  for (let round = 0; round < size.rounds; round++) {
    // Who goes first alternates: the second finds a warmer machine.
    const order = round % 2 === 0 ? (['subject', 'floor'] as const) : (['floor', 'subject'] as const)
    for (const workload of WORKLOADS) {
      for (const side of order) {
        const target = side === 'subject' ? subject : floor
        const count = size.counts[workload]
        const result = await load.ask('run', { ...target, workload, count, concurrency: CONCURRENCY })
        const key = `${side} ${workload}`
        results.set(key, [...(results.get(key) ?? []), result])
      }
    }
  }
  const resultsOf = (side: string, workload: Workload) => results.get(`${side} ${workload}`) ?? []
  return {
    reserve: comparison(resultsOf('subject', 'reserve'), resultsOf('floor', 'reserve')),
    redeem: comparison(resultsOf('subject', 'redeem'), resultsOf('floor', 'redeem')),
    flow: comparison(resultsOf('subject', 'flow'), resultsOf('floor', 'flow')),
  }
}

function comparison(subject: LoadResult[], floor: LoadResult[]): Comparison {
  const perSecond = median(subject.map((result) => result.perSecond))
  const floorPerSecond = median(floor.map((result) => result.perSecond))
  return {
    perSecond: Math.round(perSecond),
    floorPerSecond: Math.round(floorPerSecond),
    ratio: rounded(perSecond / floorPerSecond),
    p50Ms: rounded(median(subject.map(({ p50Ms }) => p50Ms))),
    p99Ms: rounded(median(subject.map(({ p99Ms }) => p99Ms))),
  }
}
