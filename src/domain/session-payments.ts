import type { Hex, Payment } from './payment.ts'
import type { Quote } from './quote.ts'
import {
  chosenQuote,
  expectationFor,
  isPayable,
  lapsesAtMs,
  paymentsOf,
  type TermedVoucher,
  type Voucher,
} from './voucher.ts'

/** What is still to be paid in a session, in the order in which its vouchers were reserved. */
export type SessionPayments = {
  vouchers: TermedVoucher[]
  /** One for each chain. */
  batches: Batch[]
  /** What is in no batch, and why. */
  separate: { voucher: TermedVoucher; reason: SeparateReason }[]
}

/** Vouchers that one transaction of the payer's wallet can pay together. */
export type Batch = {
  network: string
  chainId: number
  vouchers: TermedVoucher[]
  /** All that these vouchers ask, in the order in which it must be done. */
  payments: Payment[]
  /** From then on a voucher has lapsed or a quote stands no more (Unix milliseconds); Infinity where neither happens. */
  expiresAtMs: number
}

type SeparateReason = keyof typeof SEPARATE_REASONS

/** Why a payment is in no batch, and what to do instead, for wallets and the people who make them. */
export const SEPARATE_REASONS = {
  native_coin:
    'A transfer of the native coin is proven by a transaction of its own only: inside a batch it leaves no log that says who paid. Send it by itself.',
  custom_call:
    'A call is proven only by a transaction that is this very call, from an address of the payer. Send it by itself.',
  native_swap:
    'A swap that takes or gives the native coin is proven only by a transaction of its own. Send its payments by themselves, in their order.',
  quote_expired: 'The quote has expired. Negotiate again before you pay.',
  other_wallet:
    'The quote is for another address of the payer. Ask for the payments of that wallet, or negotiate again.',
  allowance_in_use:
    'The swap relies on what the wallet allows the exchange already, and the batch uses that up. Negotiate again once the batch is mined.',
  no_chain_id: 'The server knows no chain id of the network. Send it by itself.',
} as const

/**
 * Sorts what is still to be paid into what one signature can pay and what it cannot. A voucher is in a batch with all
 * of its payments, or with none.
 * @param wallet the address that is to pay
 */
export function planPayments(all: Voucher[], wallet: Hex, nowMs: number): SessionPayments {
  const vouchers = all.filter(isToBePaid)
  const together: TermedVoucher[] = []
  const separate: SessionPayments['separate'] = []
  const allowancesInUse = new Set<string>()
  for (const voucher of vouchers) {
    const reason = reasonAgainst(voucher, wallet, nowMs) ?? takeAllowance(voucher, allowancesInUse)
    if (reason === null) together.push(voucher)
    else separate.push({ voucher, reason })
  }
  return { vouchers, batches: batchesOf(together), separate }
}

/** What waits for the payer, not for a block. */
export function isToBePaid(voucher: Voucher): voucher is TermedVoucher {
  return isPayable(voucher) && voucher.settlement?.status !== 'PENDING'
}

function reasonAgainst(voucher: TermedVoucher, wallet: Hex, nowMs: number): SeparateReason | null {
  const quote = chosenQuote(voucher)
  if (quote !== null && quote.expiresAtMs <= nowMs) return 'quote_expired'
  if (quote !== null && quote.supplied.wallet !== wallet) return 'other_wallet'
  const payments = paymentsOf(voucher)
  if (payments.some(({ chainId }) => chainId === null)) return 'no_chain_id'
  const reasons = payments.map(({ id }) => reasonOfProof(voucher, id))
  return reasons.find((reason) => reason !== null) ?? null
}

/** What is proven by logs alone may be one call of many; what has a transaction for its proof may not. */
function reasonOfProof(voucher: TermedVoucher, paymentId: string): SeparateReason | null {
  const expectation = expectationFor(voucher, paymentId)
  switch (expectation.kind) {
    case 'native':
      return 'native_coin'
    case 'call':
      return 'custom_call'
    case 'swap':
      return expectation.paysNative || expectation.givesNative ? 'native_swap' : null
    default:
      return null
  }
}

/**
 * An approval sets what the exchange may take for its own swap, so approval and swap may follow each other for any
 * number of vouchers. A swap without one relies on what was allowed before: it must be the first of its token.
 */
function takeAllowance(voucher: TermedVoucher, inUse: Set<string>): SeparateReason | null {
  const quote = chosenQuote(voucher)
  if (quote === null) return null
  const allowance = allowanceOf(quote)
  if (quote.approvals.length === 0 && inUse.has(allowance)) return 'allowance_in_use'
  inUse.add(allowance)
  return null
}

function allowanceOf({ supplied, route }: Quote): string {
  return `${supplied.network} ${supplied.currencyAddress} ${route.router}`
}

function batchesOf(vouchers: TermedVoucher[]): Batch[] {
  const byChain = Map.groupBy(vouchers, (voucher) => paymentsOf(voucher)[0]?.chainId ?? null)
  return [...byChain].flatMap(([chainId, paid]) => {
    const payments = paid.flatMap(paymentsOf)
    const [first] = payments
    if (chainId === null || first === undefined) return []
    const expiresAtMs = Math.min(...paid.map(payableUntilMs))
    return [{ network: first.network, chainId, vouchers: paid, payments, expiresAtMs }]
  })
}

function payableUntilMs(voucher: TermedVoucher): number {
  return Math.min(lapsesAtMs(voucher), chosenQuote(voucher)?.expiresAtMs ?? Number.POSITIVE_INFINITY)
}
