import { ProblemError, SixpenceError, UnresolvedError } from '../../client/index.ts'
import { plainText } from '../../protocol/plain-text.ts'
import { explainFault } from '../design/faults.ts'

/** An error in words for the payer. Wallets, nodes and contracts have their words in it. */
export function explain(error: unknown, declined = 'You declined in the wallet. Nothing was paid.'): string {
  return plainText(isDeclined(error) ? declined : reasonOf(error))
}

function reasonOf(error: unknown): string {
  if (hasCode(error, PENDING)) return 'Your wallet has been asked already: open it, and answer there.'
  if (error instanceof UnresolvedError) return reasonOf(error.cause)
  if (error instanceof ProblemError) return error.detail
  if (isAway(error)) return 'The server cannot be reached just now.'
  if (isChainAway(error)) return 'The chain cannot be reached just now.'
  if (error instanceof Error && 'shortMessage' in error) return `${error.shortMessage}`
  if (error instanceof Error && error.message !== '') return explainFault(error)
  // Wallets of the browser throw what they like, also what is no Error.
  return isThing(error) && 'message' in error && error.message ? `${error.message}` : 'Something went wrong.'
}

export function isAway(error: unknown): boolean {
  if (error instanceof UnresolvedError) return isAway(error.cause)
  return error instanceof SixpenceError && (error.code === 'connection' || error.code === 'timeout')
}

/** As viem says it. */
function isChainAway(error: unknown): boolean {
  return error instanceof Error && (error.name === 'HttpRequestError' || isChainAway(error.cause))
}

/** What the EIP-1193 wallets say whose owner says no. */
const DECLINED = 4001

/** And what they say while a question of theirs is open. */
const PENDING = -32002

function isDeclined(error: unknown): boolean {
  return hasCode(error, DECLINED)
}

function hasCode(error: unknown, code: number): boolean {
  if (!isThing(error)) return false
  return ('code' in error && error.code === code) || ('cause' in error && hasCode(error.cause, code))
}

function isThing(error: unknown): error is object {
  return typeof error === 'object' && error !== null
}
