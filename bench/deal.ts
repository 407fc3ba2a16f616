import { CodePool } from '../src/domain/code-pool.ts'
import { median, rounded } from './statistics.ts'

/** Nanoseconds a deal takes from an empty pool and from one with 999 000 of 1 000 000 codes in use. */
export type Deal = { empty: number; nearlyFull: number; ratio: number }

const IN_USE = 999_000
const DEALS = 20_000
const ROUNDS = 15

/** Deals and puts back, so that the pool stays as full as it was. */
export function measureDeal(): Deal {
  const empty = new CodePool()
  const nearlyFull = new CodePool()
  for (let dealt = 0; dealt < IN_USE; dealt++) nearlyFull.deal(0)
  const emptyNs: number[] = []
  const nearlyFullNs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    emptyNs.push(nsPerDeal(empty))
    nearlyFullNs.push(nsPerDeal(nearlyFull))
  }
  const [emptyMedian, nearlyFullMedian] = [median(emptyNs), median(nearlyFullNs)]
  return {
    empty: rounded(emptyMedian),
    nearlyFull: rounded(nearlyFullMedian),
    ratio: rounded(nearlyFullMedian / emptyMedian),
  }
}

function nsPerDeal(pool: CodePool): number {
  const startedAt = process.hrtime.bigint()
  for (let deal = 0; deal < DEALS; deal++) pool.putBack(pool.deal(0) ?? '')
  return Number(process.hrtime.bigint() - startedAt) / DEALS
}
