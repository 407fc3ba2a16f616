import type { MinedSighting, Moved, Unproven } from '../chain.ts'

/** The part of a transaction that a log is, by its position in the transaction. */
export function logPart(position: number): string {
  return `log:${position}`
}

/** The part of a transaction that coins moved by a contract are, by their position in all that contracts moved. */
export function coinPart(position: number): string {
  return `coin:${position}`
}

export function everyPart({ logs }: MinedSighting): string[] {
  return ['call', 'value', 'internal', ...logs.map((_, position) => logPart(position))]
}

/** @param moved what reached the payee all the same, where something did */
export function unproven(reason: string, moved: Moved[] = []): Unproven {
  return { proven: false, reason, ...(moved.length > 0 && { moved }) }
}

export const COUNTED_ALREADY = 'was counted for another payment already'
