import type { ObservedPayment } from './observed-payment.ts'
import { askOf, type Expectation, expectationOf, type SimpleTerms } from './payment.ts'
import type { SettlementTransaction } from './settlement.ts'
import { canBePaid, chosenQuote, expectationFor, type TermedVoucher, type Voucher } from './voucher.ts'

/**
 * A voucher that was paid too little is completed by further transfers from the same address: what has arrived and what
 * still comes count together as soon as they reach the amount that was asked.
 */

/** The transfers that have arrived and count towards the amount, oldest first: all from one address of the payer. */
function partsOf({ observedPayments = [], redemption }: TermedVoucher): ObservedPayment[] {
  const ids = new Set(redemption.payments.map(({ id }) => id))
  const parts = observedPayments.filter(
    ({ reason, units, paymentId }) => reason === 'UNDERPAID' && units !== null && ids.has(paymentId),
  )
  return parts.filter(({ from }) => from === parts[0]?.from)
}

function unitsOf(parts: readonly { units: string | null }[]): bigint {
  return parts.reduce((sum, { units }) => sum + BigInt(units ?? 0), 0n)
}

/** What is still to be paid, in smallest units; null where nothing has arrived yet, or where it is no matter of an amount. */
export function missingUnits(voucher: TermedVoucher): bigint | null {
  const { terms } = voucher.redemption
  const parts = partsOf(voucher)
  if (terms.type !== 'SIMPLE' || parts.length === 0) return null
  const missing = BigInt(terms.amountUnits) - unitsOf(parts)
  return missing > 0n ? missing : null
}

/** What the chain must show of a transaction: all that was asked, or the part of it that the transaction is to carry. */
export function expectationOfTransaction(
  voucher: TermedVoucher,
  { paymentId, partUnits }: Pick<SettlementTransaction, 'paymentId' | 'partUnits'>,
): Expectation {
  const expectation = expectationFor(voucher, paymentId)
  return partUnits === undefined ? expectation : withUnits(expectation, BigInt(partUnits))
}

/** What a transaction that is not mined yet may say: all that was asked, or what is missing of it. */
export function possibleExpectations(
  voucher: TermedVoucher,
  transaction: Pick<SettlementTransaction, 'paymentId' | 'partUnits'>,
): Expectation[] {
  const expectation = expectationOfTransaction(voucher, transaction)
  const missing = chosenQuote(voucher) === null ? missingUnits(voucher) : null
  return missing === null ? [expectation] : [expectation, withUnits(expectation, missing)]
}

function withUnits<Kind extends Expectation>(expectation: Kind, units: bigint): Kind {
  if (expectation.kind === 'token') return { ...expectation, units }
  return expectation.kind === 'native' ? { ...expectation, wei: units } : expectation
}

/**
 * What a payment that still counts for the voucher would have to be (`askOf`): what is missing, where a part has arrived.
 * @returns null where none would count
 */
export function askedBy(voucher: Voucher): string | null {
  if (!canBePaid(voucher)) return null
  const asked = expectationOf(voucher.redemption.terms)
  const missing = voucher.remainder ? missingUnits(voucher) : null
  return askOf(missing === null ? asked : withUnits(asked, missing))
}

/** The terms of what is missing, for the words of the payment that asks for it. */
export function remainingTerms(terms: SimpleTerms, units: bigint, amount: string): SimpleTerms {
  return { ...terms, amountUnits: units.toString(), amount }
}

/**
 * The transactions that pay the voucher together with one more transfer of too little.
 * @returns null where they do not reach the amount
 */
export function completedBy(
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  last: Pick<ObservedPayment, 'from' | 'units' | 'transactionHash'>,
): SettlementTransaction[] | null {
  const { terms } = voucher.redemption
  const parts = partsOf(voucher).filter(({ transactionHash }) => transactionHash !== last.transactionHash)
  if (terms.type !== 'SIMPLE' || parts.length === 0 || parts.some(({ from }) => from !== last.from)) return null
  if (unitsOf([...parts, last]) < BigInt(terms.amountUnits)) return null
  const before = parts.map(
    ({ paymentId, transactionHash, units, block }): SettlementTransaction => ({
      ...{ paymentId, hash: transactionHash, signedTransaction: null, from: null, nonce: null, block },
      ...{ missingSinceMs: null, partUnits: units ?? '0' },
    }),
  )
  return [...before, { ...transaction, partUnits: last.units ?? '0' }]
}
