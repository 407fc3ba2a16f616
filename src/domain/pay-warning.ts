import { hashesOf } from './attempt.ts'
import type { Hex } from './hex.ts'
import type { ObservedPayment } from './observed-payment.ts'
import { canBePaid, heldBy, type TermedVoucher } from './voucher.ts'

/** What a payer is to know before it pays, again: a wallet shows `message` before it asks for a signature. */
export type PayWarning =
  | { code: 'PAYMENT_OBSERVED' | 'MAY_STILL_BE_MINED'; transactionHash: string; message: string }
  | { code: 'WALLET_UNPROVABLE'; message: string }

/** What a payer is to know before it pays a voucher; empty where nothing speaks against it, or nothing is to be paid. */
export function payWarningsOf(voucher: TermedVoucher): PayWarning[] {
  if (!canBePaid(voucher)) return []
  const { observedPayments = [], remainder } = voucher
  const first = observedPayments.find(({ reason }) => reason === 'UNDERPAID')
  const observed = observedPayments.map(
    (payment): PayWarning => ({
      code: 'PAYMENT_OBSERVED',
      transactionHash: payment.transactionHash,
      // Only parts from one address count together.
      message: wordsFor(payment, payment.from === first?.from ? remainder?.summary : undefined),
    }),
  )
  const open = mayStillBeMined(voucher).map(
    (transactionHash): PayWarning => ({
      code: 'MAY_STILL_BE_MINED',
      transactionHash,
      message: `Transaction ${transactionHash} was sent for this voucher and may still be mined. If you pay again, you may pay twice: use its nonce for the new transaction, or wait until it has been replaced.`,
    }),
  )
  return [...observed, ...open]
}

/** The transactions that were handed in, hold the voucher no more, and may still be mined. */
export function mayStillBeMined(voucher: TermedVoucher): Hex[] {
  const { attempts = [], observedPayments = [] } = voucher
  const mined = new Set([
    ...observedPayments.map(({ transactionHash }) => transactionHash),
    ...heldBy(voucher).map(({ hash }) => hash),
  ])
  return hashesOf(attempts).filter((hash) => !mined.has(hash))
}

function wordsFor({ transactionHash, from, reason, detail }: ObservedPayment, remaining: string | undefined): string {
  if (reason === 'UNDERPAID' && remaining !== undefined) {
    return `Transaction ${transactionHash} has paid a part: ${detail}. Pay only what is missing, and from the same address (${from}): ${remaining}`
  }
  const moved = reason === 'UNPROVEN' ? 'may have paid the payee already' : 'has moved money to the payee already'
  return `Transaction ${transactionHash} ${moved}, though it does not count: ${detail}. Talk to the payee before you pay again.`
}
