import { BaseError, encodeErrorResult, isHex, parseAbi, RpcRequestError } from 'viem'
import type { Hex } from '../../domain/payment.ts'

/** Some nodes give it to calls that revert, too, and to transactions that they do not take. */
const INTERNAL_ERROR = -32603

/**
 * JSON-RPC error codes that speak of the node, not of what it was asked: parse error, no such method, internal error,
 * resource unavailable, limit exceeded (and two providers' own codes for it).
 */
const CODES_OF_TROUBLE = new Set([-32700, -32601, INTERNAL_ERROR, -32002, -32005, -32007, 429])

/**
 * The words with which a node that works turned a request down.
 * @returns null where the node was not reached, timed out, or erred: that says nothing about what it was asked
 */
export function refusalWords(error: unknown): string | null {
  const answer = answerIn(error)
  if (answer === null) return null
  return CODES_OF_TROUBLE.has(answer.code) && revertDataOf(error) === null ? null : answer.details
}

/** What nodes say of a transaction that they do not take. */
const SPEAKS_OF_TRANSACTION =
  /nonce|underpriced|insufficient (funds|balance)|enough funds|already|intrinsic gas|(fee|gas price|gas limit|tip)\b.*\b(too|below|less|higher|exceeds)|stale|AlreadyImported/i

/** As `refusalWords`, of a transaction that was handed in: there an "internal error" may be the transaction's own. */
export function broadcastRefusalWords(error: unknown): string | null {
  const answer = answerIn(error)
  const isItsOwn = answer?.code === INTERNAL_ERROR && SPEAKS_OF_TRANSACTION.test(answer.details)
  return isItsOwn ? answer.details : refusalWords(error)
}

/** Nodes word it in many ways when a call fails by itself, and not by their fault. */
const FAILS_BY_ITSELF = /revert|out of gas|invalid opcode|stack (under|over)flow|bad jump|gas required exceeds/i

/**
 * What a call says as it reverts, "0x" where it says nothing; null where the failure is the node's. It is read from the
 * error's data, wherever nodes put that; from their words only where there is none.
 */
export function revertDataOf(error: unknown): Hex | null {
  const answer = answerIn(error)
  if (answer === null) return null
  const data = dataIn(answer.data, MAX_DEPTH)
  if (data !== null) return data
  const speaksOfCalls = answer.code === INTERNAL_ERROR || !CODES_OF_TROUBLE.has(answer.code)
  return speaksOfCalls && FAILS_BY_ITSELF.test(answer.details) ? dataFromWords(answer.details) : null
}

function answerIn(error: unknown): RpcRequestError | null {
  return causeOf(error, RpcRequestError)
}

const MAX_DEPTH = 3

/** Where nodes and development chains put what was returned: as it is, behind a word, or in an object under one of these. */
const DATA_KEYS = ['data', 'result', 'return', 'output', 'originalError']
const DATA_BEHIND_WORD = /^(?:reverted|revert)\s+(0x(?:[0-9a-f]{2})*)$/i
const TRANSACTION_HASH = /^0x[0-9a-f]{64}$/i

/** The bytes that a call returned as it reverted, in the data of an error; null where there are none. */
export function dataIn(value: unknown, depth = MAX_DEPTH): Hex | null {
  if (typeof value === 'string') {
    const text = DATA_BEHIND_WORD.exec(value)?.[1] ?? value
    return isHex(text) && text.length % 2 === 0 ? text : null
  }
  if (typeof value !== 'object' || value === null || depth === 0) return null
  const entries = Object.entries(value)
  const named = DATA_KEYS.flatMap((name) => entries.filter(([key]) => key === name))
  // One development chain tells of each transaction of a block, by its hash.
  const hashed = entries.filter(([key, inner]) => TRANSACTION_HASH.test(key) && typeof inner === 'object')
  for (const [, inner] of [...named, ...hashed]) {
    const data = dataIn(inner, depth - 1)
    if (data !== null) return data
  }
  return null
}

const ERROR_ABI = parseAbi(['error Error(string message)'])

const REASONS_IN_WORDS = [
  /reverted with reason string '(.+)'\s*$/is,
  /\b(?:execution reverted|processing transaction: revert(?:ed)?):?\s+(?!with\b|without\b)(.+)$/is,
]

/** What the call said, as it would stand in the data. */
function dataFromWords(words: string): Hex {
  for (const pattern of REASONS_IN_WORDS) {
    const reason = pattern.exec(words)?.[1]
    if (reason !== undefined) return encodeErrorResult({ abi: ERROR_ABI, args: [reason] })
  }
  return '0x'
}

/** Codes of trouble that passes: others say that the node does not do what it was asked, or fails at it each time. */
const CODES_OF_HURRY = new Set([-32002, -32005, -32007, 429])

/** Whether a node turned a request down for being busy just now. */
export function isTransientRefusal(error: unknown): boolean {
  const answer = answerIn(error)
  return answer !== null && CODES_OF_HURRY.has(answer.code)
}

/** The error of this class that an error comes from, or is; null where there is none. */
export function causeOf<Cause extends Error>(
  error: unknown,
  kind: abstract new (...args: never[]) => Cause,
): Cause | null {
  const cause = error instanceof BaseError ? error.walk((one) => one instanceof kind) : null
  return cause instanceof kind ? cause : null
}
