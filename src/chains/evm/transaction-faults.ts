import type { Expectation, Hex } from '../../domain/payment.ts'
import type { InternalCall, RawCall, TransactionFacts } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'

type TopLevel = Extract<Expectation, { kind: 'native' | 'call' }>

/**
 * What is wrong with a transaction whose own fields must carry the payment (the native coin, or a call).
 * @returns the first fault in plain words; null where there is none
 */
export function topLevelFault(transaction: TransactionFacts, expectation: TopLevel, payers: Hex[]): string | null {
  const fault = envelopeFault(transaction, expectation, payers)
  if (fault !== null || expectation.kind !== 'call' || sameHex(transaction.data, expectation.data)) return fault
  return goesOn(transaction.data, expectation.data)
    ? 'the data of the transaction goes on behind the data that was asked, and this call must be sent to the byte'
    : DIFFERENT_DATA
}

/**
 * As `topLevelFault`, of a call that the server wrote itself: what some wallets add behind its arguments (such as whose app
 * it was, ERC-8021) is read by nobody there and changes nothing.
 */
export function writtenCallFault(
  transaction: TransactionFacts,
  call: { to: Hex; wei: bigint; data: Hex },
  payers: Hex[],
): string | null {
  const fault = envelopeFault(transaction, { kind: 'call', ...call }, payers)
  return fault ?? (goesOn(transaction.data, call.data) ? null : DIFFERENT_DATA)
}

const DIFFERENT_DATA = 'the data of the transaction is not the data that was asked'

function goesOn(data: Hex, asked: Hex): boolean {
  return data.toLowerCase().startsWith(asked.toLowerCase())
}

/** Who it is from, where it goes, and how many coins it carries. */
function envelopeFault(transaction: TransactionFacts, expectation: TopLevel, payers: Hex[]): string | null {
  const to = expectation.kind === 'native' ? expectation.recipient : expectation.to
  if (!isAmong(transaction.from, payers)) {
    return `the transaction is from ${transaction.from}, which is not an address of the payer`
  }
  if (transaction.to === null) return `the transaction creates a contract instead of going to ${to}`
  if (!sameHex(transaction.to, to)) return `the transaction goes to ${transaction.to} instead of ${to}`
  if (transaction.wei !== expectation.wei) {
    return `the transaction carries ${transaction.wei} wei, asked were ${expectation.wei}`
  }
  return null
}

/**
 * Whether a transaction may have a payment carried out by contracts: it has code run, and does not go to whom the payment
 * goes to by itself, which shows all that there is to see.
 */
export function mayActInternally({ to, data }: TransactionFacts, goal: Hex): boolean {
  return to === null || (data !== '0x' && !sameHex(to, goal))
}

/** Whether a contract that pays made the very call that was asked. */
export function isAskedCall(made: InternalCall, asked: RawCall, payers: Hex[]): boolean {
  return isWrittenCall(made, asked, payers) && sameHex(made.data, asked.data)
}

/** As `isAskedCall`, of a call that the server wrote itself, whatever a wallet has added behind it. */
export function isWrittenCall(made: InternalCall, asked: RawCall, payers: Hex[]): boolean {
  const isSame = isAmong(made.from, payers) && sameHex(made.to, asked.to) && made.wei === asked.wei
  return isSame && goesOn(made.data, asked.data)
}
