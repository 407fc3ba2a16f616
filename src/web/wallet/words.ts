import { ProblemError, SixpenceError, UnresolvedError } from '../../client/index.ts'
import { plainText } from '../../protocol/plain-text.ts'

/** An error in words for the payer. Wallets, nodes and contracts have their words in it. */
export function explain(error: unknown): string {
  return plainText(reasonOf(error))
}

function reasonOf(error: unknown): string {
  if (isDeclined(error)) return 'You declined in the wallet. Nothing was paid.'
  if (error instanceof UnresolvedError) return reasonOf(error.cause)
  if (error instanceof ProblemError) return error.detail
  if (isAway(error)) return 'The server cannot be reached just now.'
  if (isChainAway(error)) return 'The chain cannot be reached just now.'
  if (error instanceof Error && 'shortMessage' in error) return `${error.shortMessage}`
  return error instanceof Error ? error.message : 'Something went wrong.'
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

function isDeclined(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === DECLINED) || isDeclined(error.cause)
}
