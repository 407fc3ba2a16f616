import { BaseError, RpcRequestError } from 'viem'

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
