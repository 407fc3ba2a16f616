import type { ObservedPayment } from './observed-payment.ts'
import { askOf, type Expectation, expectationOf, type SimpleTerms } from './payment.ts'
import { type SettlementTransaction, unseenTransaction } from './settlement.ts'
import { canBePaid, chosenQuote, expectationFor, type TermedVoucher, type Voucher, waysToPay } from './voucher.ts'

/**
 * A voucher that was paid too little is completed by further transfers from the same address, be they of one transaction or
 * of several: what has arrived and what still comes count together as soon as they reach the amount that was asked.
 */

/** The transfers that have arrived and are less than was asked, oldest first. */
function shortOf(voucher: TermedVoucher): ObservedPayment[] {
  const { observedPayments = [] } = voucher
  const ids = new Set(waysToPay(voucher).flatMap(({ payments }) => payments.map(({ id }) => id)))
  return observedPayments.filter((payment) => isShort(payment) && ids.has(payment.paymentId))
}

function isShort({ reason, units }: Pick<ObservedPayment, 'reason' | 'units'>): boolean {
  return reason === 'UNDERPAID' && units !== null
}

/** Those of them that the voucher goes by: all from one address of the payer. */
function partsOf(voucher: TermedVoucher): ObservedPayment[] {
  const parts = shortOf(voucher)
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
  const missing = chosenQuote(voucher) === null && expectation.kind !== 'swap' ? missingUnits(voucher) : null
  return missing === null ? [expectation] : [expectation, withUnits(expectation, missing)]
}

function withUnits<Kind extends Expectation>(expectation: Kind, units: bigint): Kind {
  if (expectation.kind === 'token') return { ...expectation, units }
  if (expectation.kind === 'swap') return { ...expectation, arrivedUnits: units }
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

/** What a voucher would have to ask for to be paid by so much of what an expectation is about; null where it is no amount. */
export function askForUnits(expectation: Expectation, units: bigint): string | null {
  if (expectation.kind === 'call' || expectation.kind === 'approval') return null
  if (expectation.kind !== 'swap') return askOf(withUnits(expectation, units))
  const { recipient, givesNative, route } = expectation
  const token = route.tokens.at(-1)
  if (givesNative || token === undefined) return askOf({ kind: 'native', recipient, wei: units })
  return askOf({ kind: 'token', token, recipient, units })
}

/** The terms of what is missing, for the words of the payment that asks for it. */
export function remainingTerms(terms: SimpleTerms, units: bigint, amount: string): SimpleTerms {
  return { ...terms, amountUnits: units.toString(), amount }
}

type Moved = Pick<ObservedPayment, 'paymentId' | 'transactionHash' | 'from' | 'reason' | 'units' | 'block'>

/**
 * The transactions that pay the voucher by parts, some of which one more transaction has moved: a transaction stands there as
 * often as parts of it are needed, and without any of them the amount would not be reached.
 * @param moved all that it moved from the payer to the payee and that may count
 * @returns null where no address of the payer has paid enough so
 */
export function completedBy(
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  moved: readonly Moved[],
): SettlementTransaction[] | null {
  const { terms } = voucher.redemption
  if (terms.type !== 'SIMPLE') return null
  const amount = BigInt(terms.amountUnits)
  for (const [from, now] of Map.groupBy(moved.filter(isShort), (part) => part.from)) {
    const before = shortOf(voucher).filter((part) => part.from === from && part.transactionHash !== transaction.hash)
    const needed = neededParts(before, now, amount)
    if (needed === null) continue
    return [...before, ...now].flatMap((part) => {
      if (!needed.has(part)) return []
      const { paymentId, transactionHash: hash, units, block } = part
      const earlier = { ...unseenTransaction({ paymentId, hash, signedTransaction: null }), block }
      const whole = hash === transaction.hash ? transaction : earlier
      return [{ ...whole, partUnits: units ?? '0' }]
    })
  }
  return null
}

/**
 * What had arrived before with what is missing by itself, where that is there, or else with the largest of what has come now;
 * and of these only what the amount would not be reached without.
 */
function neededParts<Part extends { units: string | null }>(
  before: Part[],
  now: Part[],
  amount: bigint,
): Set<Part> | null {
  const largestFirst = now.toSorted((one, other) => (unitsOf([one]) > unitsOf([other]) ? -1 : 1))
  const rest = now.find((part) => unitsOf([...before, part]) === amount)
  const needed = new Set(before)
  for (const part of rest === undefined ? largestFirst : [rest]) {
    if (unitsOf([...needed]) < amount) needed.add(part)
  }
  if (unitsOf([...needed]) < amount) return null
  for (const part of [...needed].toSorted((one, other) => (unitsOf([one]) < unitsOf([other]) ? -1 : 1))) {
    if (unitsOf([...needed]) - unitsOf([part]) >= amount) needed.delete(part)
  }
  return needed
}
