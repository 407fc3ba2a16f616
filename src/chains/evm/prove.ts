import { getAddress } from 'viem'
import type { Expectation, Hex } from '../../domain/payment.ts'
import type { MinedSighting, Moved, Proof, ProofQuestion } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'
import { COUNTED_ALREADY, everyPart, logPart, unproven } from './parts.ts'
import { proveApproval } from './prove-approval.ts'
import { proveSwap } from './prove-swap.ts'
import { readTransfer, type Transfer } from './read-transfer.ts'
import { topLevelFault } from './transaction-faults.ts'

type TokenExpectation = Extract<Expectation, { kind: 'token' }>
type TopLevelExpectation = Extract<Expectation, { kind: 'native' | 'call' }>

/** A Transfer of the expected token, and what keeps it from being the expected one. */
type Candidate = { part: string; payer: Hex; to: Hex; units: bigint; faults: string[] }

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
    default:
      return proveTopLevel(question, expectation)
  }
}

function proveTopLevel(question: ProofQuestion, expectation: TopLevelExpectation): Proof {
  const fault = topLevelFault(question.sighting.transaction, expectation, question.payers)
  if (fault !== null) {
    const moved = expectation.kind === 'native' ? coinsMoved(question, expectation) : null
    return unproven(fault, moved)
  }
  const parts = expectation.kind === 'native' ? ['value'] : everyPart(question.sighting)
  if (parts.some((part) => question.taken?.has(part))) {
    return unproven(`${expectation.kind === 'native' ? 'the value' : 'a part'} of the transaction ${COUNTED_ALREADY}`)
  }
  return { proven: true, parts, payer: getAddress(question.sighting.transaction.from) }
}

function proveToken(question: ProofQuestion, expectation: TokenExpectation): Proof {
  const candidates = transfersOf(question, expectation)
  const [closest] = candidates.toSorted((one, other) => one.faults.length - other.faults.length)
  if (closest === undefined) return unproven(noTransferReason(question.sighting, expectation.token))
  if (closest.faults.length > 0) {
    const reason = closest.faults.join(', and ')
    const moved = unitsMoved(question, expectation, candidates)
    return unproven(reason, moved)
  }

  const free = candidates.filter(({ part, faults }) => faults.length === 0 && !question.taken?.has(part))
  const chosen = free.find(({ part }) => question.own?.has(part)) ?? free[(question.draw ?? 0) % free.length]
  if (chosen === undefined) return unproven(`the Transfer ${COUNTED_ALREADY}`)
  return { proven: true, parts: [chosen.part], payer: getAddress(chosen.payer) }
}

/** Coins that one of the payers sent to the payee, though not as many as were asked. */
function coinsMoved(question: ProofQuestion, { recipient }: { recipient: Hex }): Moved | null {
  const { from, to, wei } = question.sighting.transaction
  if (to === null || !sameHex(to, recipient) || !isAmong(from, question.payers)) return null
  if (wei === 0n || question.taken?.has('value')) return null
  return { parts: ['value'], payer: getAddress(from), units: wei }
}

/** Of the Transfers from one of the payers to the payee, the one that comes nearest to what was asked. */
function unitsMoved(
  { payers, taken }: ProofQuestion,
  { recipient, units }: TokenExpectation,
  candidates: Candidate[],
): Moved | null {
  const distance = (one: Candidate) => (one.units > units ? one.units - units : units - one.units)
  const [nearest] = candidates
    .filter(({ part, to, payer, units }) => {
      return units > 0n && sameHex(to, recipient) && isAmong(payer, payers) && !taken?.has(part)
    })
    .toSorted((one, other) => (distance(one) < distance(other) ? -1 : 1))
  if (nearest === undefined) return null
  return { parts: [nearest.part], payer: getAddress(nearest.payer), units: nearest.units }
}

function transfersOf({ sighting, payers }: ProofQuestion, expectation: TokenExpectation): Candidate[] {
  return sighting.logs.flatMap((log, position) => {
    const transfer = sameHex(log.address, expectation.token) ? readTransfer(log) : null
    if (transfer === null) return []
    const { from: payer, to, value: units } = transfer
    return [{ part: logPart(position), payer, to, units, faults: faultsOf(transfer, expectation, payers) }]
  })
}

function faultsOf(transfer: Transfer, { recipient, units }: TokenExpectation, payers: Hex[]): string[] {
  const faults: string[] = []
  if (!sameHex(transfer.to, recipient)) faults.push(`the Transfer went to ${transfer.to} instead of ${recipient}`)
  if (transfer.value !== units) faults.push(`the Transfer is of ${transfer.value} units, asked were ${units}`)
  if (!isAmong(transfer.from, payers)) {
    faults.push(`the Transfer is from ${transfer.from}, which is not an address of the payer`)
  }
  return faults
}

function noTransferReason({ logs }: MinedSighting, token: Hex): string {
  const elsewhere = logs.find((log) => readTransfer(log) !== null)
  const none = `the transaction has no Transfer of the token ${token}`
  return elsewhere === undefined ? none : `${none}, but one of ${elsewhere.address}`
}
