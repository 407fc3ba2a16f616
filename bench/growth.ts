import { CONCURRENCY, type Target } from './compare.ts'
import type { Part } from './part.ts'
import type { LoadPart } from './parts/load.ts'
import { median, rounded } from './statistics.ts'

/** Microseconds a reservation takes with so many vouchers stored, and how much longer with many than with few. */
export type Growth = { rows1k: number; rows1m: number; ratio: number }

/** Reserves at two servers in turn, one on a small store and one on a large. */
export async function measureGrowth(
  load: Part<LoadPart>,
  { small, large }: { small: Target; large: Target },
  size: { rounds: number; count: number },
): Promise<Growth> {
  const smallUs: number[] = []
  const largeUs: number[] = []
  const timeOf = async (target: Target) => {
    const work = { ...target, workload: 'reserve', count: size.count, concurrency: CONCURRENCY } as const
    return 1_000_000 / (await load.ask('run', work)).perSecond
  }
  for (let round = 0; round < size.rounds; round++) {
    if (round % 2 === 0) smallUs.push(await timeOf(small))
    largeUs.push(await timeOf(large))
    if (round % 2 === 1) smallUs.push(await timeOf(small))
  }
  const [rows1k, rows1m] = [median(smallUs), median(largeUs)]
  return { rows1k: rounded(rows1k), rows1m: rounded(rows1m), ratio: rounded(rows1m / rows1k) }
}
