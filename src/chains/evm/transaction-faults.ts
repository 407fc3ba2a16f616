import type { Expectation, Hex } from '../../domain/payment.ts'
import type { InternalCall, RawCall, TransactionFacts } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'

type TopLevel = Extract<Expectation, { kind: 'native' | 'call' }>

/**
 * What is wrong with a transaction whose own fields must carry the payment (the native coin, or a call).
 * @returns the first fault in plain words; null where there is none
 */
export function topLevelFault(transaction: TransactionFacts, expectation: TopLevel, payers: Hex[]): string | null {
  const to = expectation.kind === 'native' ? expectation.recipient : expectation.to
  if (!isAmong(transaction.from, payers)) {
    return `the transaction is from ${transaction.from}, which is not an address of the payer`
  }
  if (transaction.to === null) return `the transaction creates a contract instead of going to ${to}`
  if (!sameHex(transaction.to, to)) return `the transaction goes to ${transaction.to} instead of ${to}`
  if (transaction.wei !== expectation.wei) {
    return `the transaction carries ${transaction.wei} wei, asked were ${expectation.wei}`
  }
  if (expectation.kind === 'call' && !sameHex(transaction.data, expectation.data)) {
    return 'the data of the transaction is not the data that was asked'
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
  return (
    isAmong(made.from, payers) && sameHex(made.to, asked.to) && made.wei === asked.wei && sameHex(made.data, asked.data)
  )
}
