import type { Hex } from './hex.ts'
import type { BlockRef } from './settlement.ts'

/**
 * Money that moved, or may have moved, from a payer to the payee of a voucher without resolving it. It is written down so
 * that both see it: it can be completed or given back, and is never out of sight.
 */
export type ObservedPayment = {
  paymentId: string
  transactionHash: Hex
  /** The address of the payer that paid, checksummed. */
  from: Hex
  reason: ObservedReason
  /** Smallest units that reached the payee, as a decimal string; null where they are not known. */
  units: string | null
  /** Why it does not count, in plain words. */
  detail: string
  block: BlockRef
  observedAtMs: number
  /** What resolves with it is claimed under these keys; absent where the parts that moved are not known. */
  partKeys?: string[]
}

/**
 * UNDERPAID: less than was asked. OVERPAID: more than was asked. DUPLICATE: the voucher was paid by another transaction.
 * UNPROVEN: it seems to have paid, but the node cannot show it.
 */
type ObservedReason = 'UNDERPAID' | 'OVERPAID' | 'DUPLICATE' | 'UNPROVEN'

/** More movements than a payer makes for one voucher by mistake. */
const MAX_OBSERVED_PAYMENTS = 20

const MAX_DETAIL_LENGTH = 300

/**
 * The list with more, the newest last. What is there already, and what goes beyond the bound, changes nothing. What was only
 * guessed of a transaction gives way to what it is known to have moved.
 * @returns null where nothing changes
 */
export function withObserved(
  observed: readonly ObservedPayment[],
  payments: readonly ObservedPayment[],
): ObservedPayment[] | null {
  const list = [...observed]
  let isNew = false
  for (const payment of payments) {
    if (isObserved(list, payment)) continue
    const guess = list.findIndex((one) => one.reason === 'UNPROVEN' && isOfSameTransaction(one, payment))
    if (guess >= 0) list.splice(guess, 1)
    if (list.length >= MAX_OBSERVED_PAYMENTS) break
    list.push({ ...payment, detail: payment.detail.slice(0, MAX_DETAIL_LENGTH) })
    isNew = true
  }
  return isNew ? list : null
}

/** What tells one movement from another. */
export type Movement = Pick<ObservedPayment, 'paymentId' | 'transactionHash' | 'reason' | 'partKeys'>

/** Whether a list has a movement already; whatever it has of a transaction of which nothing more is known. */
export function isObserved(observed: readonly Movement[], payment: Movement): boolean {
  return observed.some((one) => {
    if (!isOfSameTransaction(one, payment)) return false
    if (one.reason === 'UNPROVEN' && payment.reason !== 'UNPROVEN') return false
    return mayBeSameParts(one.partKeys, payment.partKeys)
  })
}

function isOfSameTransaction(one: Movement, other: Movement): boolean {
  return one.paymentId === other.paymentId && one.transactionHash === other.transactionHash
}

/** Whether two may be the same parts of one transaction: of older ones it is not known which they are. */
export function mayBeSameParts(keys: readonly string[] = [], others: readonly string[] = []): boolean {
  return keys.length === 0 || others.length === 0 || keys.some((key) => others.includes(key))
}
