import { BaseError, isHex, RpcRequestError } from 'viem'
import type { Hex } from '../../domain/payment.ts'

/**
 * JSON-RPC error codes that speak of the node, not of what it was asked: parse error, no such method, internal error,
 * resource unavailable, limit exceeded (and two providers' own codes for it).
 */
const CODES_OF_TROUBLE = new Set([-32700, -32601, -32603, -32002, -32005, -32007, 429])

/**
 * The words with which a node that works turned a request down.
 * @returns null where the node was not reached, timed out, or erred: that says nothing about what it was asked
 */
export function refusalWords(error: unknown): string | null {
  const answer = error instanceof BaseError ? error.walk((cause) => cause instanceof RpcRequestError) : null
  if (!(answer instanceof RpcRequestError) || CODES_OF_TROUBLE.has(answer.code)) return null
  return answer.details
}

/** Nodes word it in many ways when a call fails by itself, and not by their fault. */
const FAILS_BY_ITSELF = /revert|out of gas|invalid opcode|stack (under|over)flow|bad jump|gas required exceeds/i

/** What a call says as it reverts, "0x" where it says nothing; null where the failure is the node's. */
export function revertDataOf(error: unknown): Hex | null {
  const words = refusalWords(error)
  const answer = error instanceof BaseError ? error.walk((cause) => cause instanceof RpcRequestError) : null
  if (words === null || !(answer instanceof RpcRequestError)) return null
  if (isHex(answer.data)) return answer.data
  return FAILS_BY_ITSELF.test(words) ? '0x' : null
}
