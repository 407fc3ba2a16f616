import type { MinedSighting, Proof } from '../chain.ts'

/** The part of a transaction that a log is, by its position in the transaction. */
export function logPart(position: number): string {
  return `log:${position}`
}

export function everyPart({ logs }: MinedSighting): string[] {
  return ['call', 'value', ...logs.map((_, position) => logPart(position))]
}

export function unproven(reason: string): Proof {
  return { proven: false, reason }
}

export const COUNTED_ALREADY = 'was counted for another payment already'
