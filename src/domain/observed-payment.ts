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

/** More transactions than a payer sends for one voucher by mistake. */
const MAX_OBSERVED_PAYMENTS = 20

const MAX_DETAIL_LENGTH = 300

/**
 * The list with one more, the newest last. What is there already, and what goes beyond the bound, changes nothing.
 * @returns null where nothing changes
 */
export function withObserved(observed: readonly ObservedPayment[], payment: ObservedPayment): ObservedPayment[] | null {
  if (observed.length >= MAX_OBSERVED_PAYMENTS) return null
  const isThere = observed.some(
    ({ paymentId, transactionHash }) => paymentId === payment.paymentId && transactionHash === payment.transactionHash,
  )
  return isThere ? null : [...observed, { ...payment, detail: payment.detail.slice(0, MAX_DETAIL_LENGTH) }]
}
