import { decodeEventLog, erc20Abi, size, toEventSelector } from 'viem'
import type { Expectation, Hex } from '../../domain/payment.ts'
import type { Log, MinedSighting, Proof, ProofQuestion } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'
import { topLevelFault } from './transaction-faults.ts'

type TokenExpectation = Extract<Expectation, { kind: 'token' }>

/** A Transfer of the expected token, and what keeps it from being the expected one. */
type Candidate = { part: string; faults: string[] }

const TRANSFER = toEventSelector('Transfer(address,address,uint256)')

const COUNTED_ALREADY = 'was counted for another payment already'

/** Whether a mined transaction does exactly what was asked, and which of its parts carry it. */
export function prove(question: ProofQuestion): Proof {
  const { sighting, afterBlockNumber, expectation } = question
  if (!sighting.succeeded) return unproven('the transaction reverted')
  if (sighting.block.number <= afterBlockNumber) {
    return unproven(
      `the transaction is in block ${sighting.block.number}, only blocks after ${afterBlockNumber} count: ` +
        'it is older than the payment that was asked',
    )
  }
  return expectation.kind === 'token' ? proveToken(question, expectation) : proveTopLevel(question, expectation)
}

function proveTopLevel(question: ProofQuestion, expectation: Exclude<Expectation, TokenExpectation>): Proof {
  const fault = topLevelFault(question.sighting.transaction, expectation, question.payers)
  if (fault !== null) return unproven(fault)
  const parts = expectation.kind === 'native' ? ['value'] : everyPart(question.sighting)
  if (parts.some((part) => question.taken?.has(part))) {
    return unproven(`${expectation.kind === 'native' ? 'the value' : 'a part'} of the transaction ${COUNTED_ALREADY}`)
  }
  return { proven: true, parts }
}

function proveToken(question: ProofQuestion, expectation: TokenExpectation): Proof {
  const candidates = transfersOf(question, expectation)
  const [closest] = candidates.toSorted((one, other) => one.faults.length - other.faults.length)
  if (closest === undefined) return unproven(noTransferReason(question.sighting, expectation.token))
  if (closest.faults.length > 0) return unproven(closest.faults.join(', and '))

  const free = candidates.find(({ part, faults }) => faults.length === 0 && !question.taken?.has(part))
  return free === undefined ? unproven(`the Transfer ${COUNTED_ALREADY}`) : { proven: true, parts: [free.part] }
}

function transfersOf({ sighting, payers }: ProofQuestion, expectation: TokenExpectation): Candidate[] {
  return sighting.logs.flatMap((log, position) => {
    const transfer = sameHex(log.address, expectation.token) ? readTransfer(log) : null
    return transfer === null ? [] : [{ part: logPart(position), faults: faultsOf(transfer, expectation, payers) }]
  })
}

type Transfer = { from: Hex; to: Hex; value: bigint }

function faultsOf(transfer: Transfer, { recipient, units }: TokenExpectation, payers: Hex[]): string[] {
  const faults: string[] = []
  if (!sameHex(transfer.to, recipient)) faults.push(`the Transfer went to ${transfer.to} instead of ${recipient}`)
  if (transfer.value !== units) faults.push(`the Transfer is of ${transfer.value} units, asked were ${units}`)
  if (!isAmong(transfer.from, payers)) {
    faults.push(`the Transfer is from ${transfer.from}, which is not an address of the payer`)
  }
  return faults
}

/** Reads an ERC-20 Transfer. The same event with its amount indexed is an ERC-721 token's, and counts no units. */
function readTransfer(log: Log): Transfer | null {
  const [selector, from, to] = log.topics
  if (selector === undefined || from === undefined || to === undefined) return null
  if (log.topics.length !== 3 || !sameHex(selector, TRANSFER) || size(log.data) !== 32) return null
  const { args } = decodeEventLog({
    abi: erc20Abi,
    eventName: 'Transfer',
    topics: [TRANSFER, from, to],
    data: log.data,
  })
  return args
}

function noTransferReason({ logs }: MinedSighting, token: Hex): string {
  const elsewhere = logs.find((log) => readTransfer(log) !== null)
  const none = `the transaction has no Transfer of the token ${token}`
  return elsewhere === undefined ? none : `${none}, but one of ${elsewhere.address}`
}

function everyPart({ logs }: MinedSighting): string[] {
  return ['call', 'value', ...logs.map((_, position) => logPart(position))]
}

function logPart(position: number): string {
  return `log:${position}`
}

function unproven(reason: string): Proof {
  return { proven: false, reason }
}
