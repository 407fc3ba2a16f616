import { formatAmount } from '../protocol/amounts.ts'
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
  /**
   * What it all costs at the price of the quote, in smallest units of the supplied currency. With a fee there are two
   * swaps, and the price that the first leaves is rounded: so it may cost a trifle more or less.
   */
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

/** What a swap may cost at most when its price may get worse by so many basis points; rounded up. */
export function withSlippage(units: bigint, slippageBps: number): bigint {
  return ceilDivide(units * (BASIS_POINTS + BigInt(slippageBps)), BASIS_POINTS)
}

/** So many basis points of an amount, rounded down. */
export function shareOf(units: bigint, bps: number): bigint {
  return (units * BigInt(bps)) / BASIS_POINTS
}

const BASIS_POINTS = 10_000n
const MILLIONTHS = 1_000_000n

/** What the pools on the way keep of what goes in; rounded up. */
export function keptByPools(unitsIn: bigint, { fees }: Pick<SwapRoute, 'fees'>): bigint {
  const passed = fees.reduce((product, fee) => product * (MILLIONTHS - BigInt(fee)), unitsIn)
  return unitsIn - passed / MILLIONTHS ** BigInt(fees.length)
}

/** Places after the point of a rate. */
const RATE_DECIMALS = 18

/**
 * What one whole unit of what comes out costs in whole units of what goes in, as a decimal string rounded down.
 * @param sides smallest units and decimals
 */
export function rateBetween(
  paid: { units: bigint; decimals: number },
  got: { units: bigint; decimals: number },
): string {
  const scaled = paid.units * 10n ** BigInt(got.decimals + RATE_DECIMALS)
  return formatAmount(scaled / (got.units * 10n ** BigInt(paid.decimals)), RATE_DECIMALS)
}

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}
