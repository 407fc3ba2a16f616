import type { Chain, ProofQuestion } from '../chains/chain.ts'
import type { Expectation, Hex } from '../domain/payment.ts'
import type { App } from './app.ts'

/** A payer has few addresses; nodes are not to be asked about more for one receipt. */
const MAX_ADDRESSES = 10

/**
 * Who of the payers seems to have paid within a transaction that nobody here can look into: an account that runs code and is
 * named in it, where the payee got at least what was asked. That proves nothing, but is not to be lost from sight.
 * @returns a checksummed address; null where nothing speaks for it
 * @throws ChainUnavailable
 */
export async function hiddenPayer(app: App, chain: Chain, question: ProofQuestion): Promise<Hex | null> {
  const { sighting, payers, expectation } = question
  const named = payers.filter((payer) => app.rules.names(sighting, payer)).slice(0, MAX_ADDRESSES)
  const kinds = await Promise.all(named.map((payer) => chain.kindOf(payer)))
  const payer = named.find((_, index) => kinds[index] !== 'key')
  if (payer === undefined || !(await mayHaveArrived(chain, question, coinsAsked(expectation)))) return null
  return app.rules.readAddress(payer)
}

type Coins = { recipient: Hex; wei: bigint }

/** What should have come to the payee in coins; null where logs show what came. */
function coinsAsked(expectation: Expectation): Coins | null {
  if (expectation.kind === 'native') return expectation
  if (expectation.kind !== 'swap' || !expectation.givesNative) return null
  return { recipient: expectation.recipient, wei: expectation.units }
}

/** A contract may have passed on in the same block what it got. */
async function mayHaveArrived(chain: Chain, { sighting }: ProofQuestion, coins: Coins | null): Promise<boolean> {
  if (coins === null) return true
  const gained = await chain.coinsGained(coins.recipient, sighting.block)
  return gained === null || gained >= coins.wei || (await chain.kindOf(coins.recipient)) === 'contract'
}
