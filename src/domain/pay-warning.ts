import type { ObservedPayment } from './observed-payment.ts'
import { canBePaid, type TermedVoucher } from './voucher.ts'

/** What a payer is to know before it pays, again: a wallet shows `message` before it asks for a signature. */
export type PayWarning =
  | { code: 'PAYMENT_OBSERVED'; transactionHash: string; message: string }
  | { code: 'WALLET_UNPROVABLE'; message: string }

/** What a payer is to know before it pays a voucher; empty where nothing speaks against it, or nothing is to be paid. */
export function payWarningsOf(voucher: TermedVoucher): PayWarning[] {
  if (!canBePaid(voucher)) return []
  return (voucher.observedPayments ?? []).map((observed) => ({
    code: 'PAYMENT_OBSERVED',
    transactionHash: observed.transactionHash,
    message: wordsFor(observed),
  }))
}

function wordsFor({ transactionHash, reason, detail }: ObservedPayment): string {
  const moved = reason === 'UNPROVEN' ? 'may have paid the payee already' : 'has moved money to the payee already'
  return `Transaction ${transactionHash} ${moved}, though it does not count: ${detail}. Talk to the payee before you pay again.`
}
