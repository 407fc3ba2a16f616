import type { Expectation, Hex, Payment, SimpleTerms, SwapRoute } from './payment.ts'

/** What a payer wants to pay with, instead of the currency that was asked. */
export type Supplied = {
  network: string
  currency: string
  /** The token contract, checksummed; "" for the native coin. */
  currencyAddress: Hex | ''
  decimals: number
  /** The payer's address that is to pay. */
  wallet: Hex
}

/** What the operator takes of a swap, on top of what the payee gets, in the currency that the payee gets. */
export type OperatorFee = {
  bps: number
  /** Smallest units of the expected currency, as a decimal string. */
  units: string
  recipient: Hex
}

/**
 * A price that the server stands by until `expiresAtMs`, and the payments that execute it: the payee gets exactly what
 * it asked, the payer gives what that costs when the swap is mined, and never more than `maxUnits`.
 * Amounts in smallest units are decimal strings: JSON has no bigint.
 */
export type Quote = {
  id: string
  /** Who named the price. */
  source: string
  supplied: Supplied
  /** What it all costs at the price of the quote, in smallest units of the supplied currency. */
  units: string
  /** The most that it may cost: beyond it the swap reverts. */
  maxUnits: string
  slippageBps: number
  /** Null where the operator takes nothing. */
  fee: OperatorFee | null
  route: SwapRoute
  quotedAtMs: number
  expiresAtMs: number
  /** What the router must be allowed before the swap; empty where it is allowed to take enough. */
  approvals: Payment[]
  swap: Payment
}

/** The payments of a quote, in the order in which they are to be made. */
export function quotedPayments({ approvals, swap }: Quote): Payment[] {
  return [...approvals, swap]
}

/** The proof that a payment of a quote asks of the chain; null where the quote has no such payment. */
export function quotedExpectation(quote: Quote, terms: SimpleTerms, paymentId: string): Expectation | null {
  const { approvals, swap, supplied, route } = quote
  const approval = approvals.find(({ id }) => id === paymentId)
  if (approval !== undefined) return { kind: 'approval', token: approval.input.to, spender: route.router }
  if (swap.id !== paymentId) return null
  const { to, value, data } = swap.input
  return {
    kind: 'swap',
    call: { to, wei: BigInt(value), data },
    paysNative: supplied.currencyAddress === '',
    givesNative: terms.currencyAddress === '',
    route,
    recipient: terms.recipient,
    units: BigInt(terms.amountUnits),
  }
}
