import type { Part } from './part.ts'
import type { LoadPart } from './parts/load.ts'
import type { Caller } from './requests.ts'
import type { LoadResult } from './side-by-side.ts'
import { median, rounded } from './statistics.ts'

/** A server to load, or nodes that share a store, and as whom. */
export type Target = { urls: string[]; caller: Caller }

export type Workload = 'reserve' | 'redeem' | 'flow'

/** The subject's figures beside the floor's. */
export type Comparison = { perSecond: number; floorPerSecond: number; ratio: number; p50Ms: number; p99Ms: number }

/** So many requests are under way at a time. */
export const CONCURRENCY = 64

export const WORKLOADS: readonly Workload[] = ['reserve', 'redeem', 'flow']

/**
 * Loads both servers in turn, round by round, so that whatever else the machine does hits both; figures are medians.
 * @param size.counts how many units of each workload a round has
 * @param workloads what to measure; a redemption needs the reservations before it
 */
export async function compare<W extends Workload>(
  load: Part<LoadPart>,
  { subject, floor }: { subject: Target; floor: Target },
  size: { rounds: number; counts: Record<W, number> },
  workloads: readonly W[],
): Promise<Record<W, Comparison>> {
  const results = new Map<string, LoadResult[]>()
  for (let round = 0; round < size.rounds; round++) {
    // Who goes first alternates: the second finds a warmer machine.
    const order = round % 2 === 0 ? (['subject', 'floor'] as const) : (['floor', 'subject'] as const)
    for (const workload of workloads) {
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
  const compared = workloads.map((workload) => [
    workload,
    comparison(resultsOf('subject', workload), resultsOf('floor', workload)),
  ])
  return Object.fromEntries(compared)
}

/** All get the same, so that none is measured while its code is still being compiled. */
export async function warmUp(
  load: Part<LoadPart>,
  targets: Record<string, Target>,
  { counts }: { counts: Record<Workload, number> },
  workloads: readonly Workload[],
): Promise<void> {
  for (const target of Object.values(targets)) {
    for (const workload of workloads) {
      await load.ask('run', { ...target, workload, count: counts[workload] / 2, concurrency: CONCURRENCY })
    }
  }
}

/** The figures of both sides, as medians of their rounds. */
export function comparison(subject: LoadResult[], floor: LoadResult[]): Comparison {
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
