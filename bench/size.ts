import type { Workload } from './compare.ts'

/** How much a run of the bench does. */
export type Size = {
  rounds: number
  counts: Record<Workload, number>
  growth: { rounds: number; count: number }
  /** Vouchers in the large store, and in the small one. */
  rows: { large: number; small: number }
  /** Streams that are open, and events that are timed. */
  events: { subscribers: number; count: number }
  /** Vouchers that are negotiated, and resolved, in a round. */
  paid: { rounds: number; count: number }
}

const FULL: Size = {
  rounds: 7,
  counts: { reserve: 20_000, redeem: 20_000, flow: 8_000 },
  growth: { rounds: 9, count: 15_000 },
  rows: { large: 1_000_000, small: 1_000 },
  events: { subscribers: 1_000, count: 2_000 },
  paid: { rounds: 5, count: 800 },
}

export const SIZES = {
  full: FULL,
  quick: {
    ...FULL,
    rounds: 3,
    counts: { reserve: 5_000, redeem: 5_000, flow: 2_000 },
    growth: { rounds: 3, count: 5_000 },
    events: { subscribers: 1_000, count: 500 },
    paid: { rounds: 3, count: 400 },
  },
  /** For the test of the bench itself: its figures mean nothing. */
  tiny: {
    rounds: 1,
    counts: { reserve: 64, redeem: 64, flow: 64 },
    growth: { rounds: 1, count: 64 },
    rows: { large: 400, small: 100 },
    events: { subscribers: 10, count: 20 },
    paid: { rounds: 1, count: 16 },
  },
} satisfies Record<string, Size>
