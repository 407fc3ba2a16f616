import { type Chain, ChainUnavailable } from '../chains/chain.ts'
import { Refusal } from '../domain/refusal.ts'

const RETRY_AFTER_SECONDS = 5

/**
 * What a caller hears when a node cannot be asked: why, so that whoever runs it knows what to do, and to come back; nothing
 * is said about the payment.
 */
function chainUnavailable(network: string, cause: ChainUnavailable): Refusal {
  const prefix = `${network}: `
  const why = cause.message.startsWith(prefix) ? cause.message.slice(prefix.length) : cause.message
  return new Refusal(
    'overloaded',
    `The ${network} node cannot be asked right now (${why}). Nothing was changed; try again.`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS, cause },
  )
}

/**
 * Asks a node on behalf of a caller.
 * @throws Refusal `overloaded` where the node cannot be asked
 */
export async function askChain<T>(chain: Chain, question: (chain: Chain) => Promise<T>): Promise<T> {
  try {
    return await question(chain)
  } catch (error) {
    throw error instanceof ChainUnavailable ? chainUnavailable(chain.network, error) : error
  }
}
