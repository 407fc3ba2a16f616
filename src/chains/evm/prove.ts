import { getAddress } from 'viem'
import type { Expectation, Hex } from '../../domain/payment.ts'
import type { CoinTransfer, MinedSighting, Moved, Proof, ProofQuestion } from '../chain.ts'
import { isAmong, lowerHex, sameHex } from './hex.ts'
import { COUNTED_ALREADY, coinPart, everyPart, logPart, unproven } from './parts.ts'
import { proveApproval } from './prove-approval.ts'
import { proveSwap } from './prove-swap.ts'
import { type LoggedTransfer, readTransfer, transfersOf } from './read-transfer.ts'
import { isAskedCall, mayActInternally, topLevelFault } from './transaction-faults.ts'

type TokenExpectation = Extract<Expectation, { kind: 'token' }>
type NativeExpectation = Extract<Expectation, { kind: 'native' }>
type CallExpectation = Extract<Expectation, { kind: 'call' }>

/** What moved of the expected currency, and what keeps it from being the expected one. */
type Candidate = { part: string; payer: Hex; to: Hex; units: bigint; faults: Fault[] }

/** Put in words only where it is to be read: a transaction may have tens of thousands of Transfers. */
type Fault = () => string

/** Whether a mined transaction does exactly what was asked, and which of its parts carry it. */
export function prove(question: ProofQuestion): Proof {
  const { sighting, afterBlockNumber, expectation } = question
  if (!sighting.succeeded) return unproven('the transaction reverted')
  // It moves nothing, so it may be as old as it likes.
  if (expectation.kind === 'approval') return proveApproval(question, expectation)
  if (sighting.block.number <= afterBlockNumber) {
    return unproven(
      `the transaction is in block ${sighting.block.number}, only blocks after ${afterBlockNumber} count: ` +
        'it is older than the payment that was asked',
    )
  }
  switch (expectation.kind) {
    case 'token':
      return proveToken(question, expectation)
    case 'swap':
      return proveSwap(question, expectation)
    case 'native':
      return proveNative(question, expectation)
    default:
      return proveCall(question, expectation)
  }
}

function proveCall(question: ProofQuestion, expectation: CallExpectation): Proof {
  const { transaction } = question.sighting
  const fault = topLevelFault(transaction, expectation, question.payers)
  if (fault !== null) return { ...unproven(fault), hidden: mayBeInternal(question, expectation) }
  const parts = everyPart(question.sighting)
  if (parts.some((part) => question.taken?.has(part))) return unproven(`a part of the transaction ${COUNTED_ALREADY}`)
  return { proven: true, parts, payer: getAddress(transaction.from) }
}

/** Whether a contract of the payer made the call, or may have. What came of it among the logs cannot be told from the rest. */
function mayBeInternal({ sighting, internal, payers }: ProofQuestion, expectation: CallExpectation): boolean {
  if (!mayActInternally(sighting.transaction, expectation.to)) return false
  return internal?.calls ? internal.calls.some((call) => isAskedCall(call, expectation, payers)) : true
}

/** The coins are what the transaction itself carries, or what a contract that pays moved within it. */
function proveNative(question: ProofQuestion, expectation: NativeExpectation): Proof {
  const { transaction } = question.sighting
  const fault = topLevelFault(transaction, expectation, question.payers)
  if (fault === null) {
    return question.taken?.has('value')
      ? unproven(`the value of the transaction ${COUNTED_ALREADY}`)
      : { proven: true, parts: ['value'], payer: getAddress(transaction.from) }
  }
  if (!mayActInternally(transaction, expectation.recipient))
    return unproven(fault, coinsMoved(question, expectation, fault))
  if (!question.internal) return { ...unproven(fault), hidden: true }
  const candidates = coinsOf(question, question.internal.coins, expectation)
  const none = `${fault}, and no contract of the payer moved coins in it`
  return choose(question, { candidates, recipient: expectation.recipient, none })
}

function proveToken(question: ProofQuestion, expectation: TokenExpectation): Proof {
  const candidates = candidatesOf(question, expectation)
  const none = noTransferReason(question.sighting, expectation.token)
  return choose(question, { candidates, recipient: expectation.recipient, none })
}

type Choice = { candidates: Candidate[]; recipient: Hex; none: string }

/** Of those that would do, the one that counts for the payment already, or else one that is free. */
function choose(question: ProofQuestion, choice: Choice): Proof {
  const { candidates, none } = choice
  const closest = closestOf(candidates)
  if (closest === undefined) return unproven(none)
  if (closest.faults.length > 0) {
    return unproven(wordsOf(closest.faults), unitsMoved(question, choice))
  }
  const free = candidates.filter(({ part, faults }) => faults.length === 0 && !question.taken?.has(part))
  const chosen = free.find(({ part }) => question.own?.has(part)) ?? free[(question.draw ?? 0) % free.length]
  if (chosen === undefined) return unproven(`the Transfer ${COUNTED_ALREADY}`, unitsMoved(question, choice))
  return { proven: true, parts: [chosen.part], payer: getAddress(chosen.payer) }
}

function wordsOf(faults: Fault[]): string {
  return faults.map((fault) => fault()).join(', and ')
}

/** The first of those with the fewest faults. */
function closestOf(candidates: Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (best, one) => (best === undefined || one.faults.length < best.faults.length ? one : best),
    undefined,
  )
}

/** Coins that one of the payers sent to the payee, though not as many as were asked. */
function coinsMoved(question: ProofQuestion, { recipient }: NativeExpectation, fault: string): Moved[] {
  const { from, to, wei } = question.sighting.transaction
  if (to === null || !sameHex(to, recipient) || !isAmong(from, question.payers)) return []
  if (wei === 0n || question.taken?.has('value')) return []
  return [{ parts: ['value'], payer: getAddress(from), units: wei, fault }]
}

/**
 * Everything that moved from one of the payers to the payee and counts for nothing else, in the order in which it did.
 * Of very many the largest: no wallet pays in so many pieces at once.
 */
function unitsMoved({ payers, taken }: ProofQuestion, { candidates, recipient }: Choice): Moved[] {
  const moved = candidates.filter(({ part, to, payer, units }) => {
    return units > 0n && sameHex(to, recipient) && isAmong(payer, payers) && !taken?.has(part)
  })
  const largest = moved.toSorted((one, other) => (one.units > other.units ? -1 : 1)).slice(0, MAX_MOVED)
  const kept = new Set(largest)
  return moved
    .filter((one) => kept.has(one))
    .map(({ part, payer, units, faults }) => {
      return { parts: [part], payer: getAddress(payer), units, fault: wordsOf(faults) }
    })
}

/** As many as a voucher has room to write down. */
const MAX_MOVED = 20

/** What contracts of the payer moved. What others moved is not the payer's affair. */
function coinsOf({ payers }: ProofQuestion, coins: CoinTransfer[], expectation: NativeExpectation): Candidate[] {
  return coins.flatMap(({ from: payer, to, wei: units }, position) => {
    if (!isAmong(payer, payers)) return []
    return [{ part: coinPart(position), payer, to, units, faults: coinFaults({ to, units }, expectation) }]
  })
}

function coinFaults({ to, units }: { to: Hex; units: bigint }, { recipient, wei }: NativeExpectation): Fault[] {
  const faults: Fault[] = []
  if (!sameHex(to, recipient)) faults.push(() => `the contract sent to ${getAddress(to)} instead of ${recipient}`)
  if (units !== wei) faults.push(() => `the contract sent ${units} wei, asked were ${wei}`)
  return faults
}

/** The Transfers of the token. */
function candidatesOf({ sighting, payers }: ProofQuestion, expectation: TokenExpectation): Candidate[] {
  const expected = { ...expectation, recipient: lowerHex(expectation.recipient), payers: new Set(payers.map(lowerHex)) }
  return transfersOf(sighting.logs, expectation.token).map((transfer) => {
    const { position, from: payer, to, value: units } = transfer
    return { part: logPart(position), payer, to, units, faults: faultsOf(transfer, expected) }
  })
}

/** @param expected addresses in lower case */
function faultsOf(
  { from, to, value }: LoggedTransfer,
  { recipient, units, payers }: { recipient: Hex; units: bigint; payers: Set<Hex> },
): Fault[] {
  const faults: Fault[] = []
  if (to !== recipient) {
    faults.push(() => `the Transfer went to ${getAddress(to)} instead of ${getAddress(recipient)}`)
  }
  if (value !== units) faults.push(() => `the Transfer is of ${value} units, asked were ${units}`)
  if (!payers.has(from)) {
    faults.push(() => `the Transfer is from ${getAddress(from)}, which is not an address of the payer`)
  }
  return faults
}

function noTransferReason({ logs }: MinedSighting, token: Hex): string {
  const elsewhere = logs.find((log) => readTransfer(log) !== null)
  const none = `the transaction has no Transfer of the token ${token}`
  return elsewhere === undefined ? none : `${none}, but one of ${elsewhere.address}`
}
