import type { Chain } from '../chains/chain.ts'
import type { Hex, Payment } from '../domain/payment.ts'
import type { Simulation } from '../domain/review.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import { callFacts } from './review-terms.ts'

/**
 * How payments of one network would end if a wallet sent them now, one after the other.
 * @param chain undefined where the server has no node for the network: then nobody knows
 * @throws Refusal `overloaded` where the node cannot be asked
 */
export async function simulatePayments(
  app: App,
  chain: Chain | undefined,
  wallet: Hex,
  payments: readonly Payment[],
): Promise<Simulation[]> {
  if (chain === undefined) {
    return payments.map(({ network }) => ({ status: 'UNKNOWN', reason: `the server has no node for ${network}` }))
  }
  const calls = payments.map(({ input: { to, value, data } }) => ({ to, wei: BigInt(value), data }))
  const outcomes = await askChain(chain, () => chain.simulate(wallet, calls))
  const facts = callFacts(app, { network: chain.network, payers: [wallet] })
  return calls.map((call, index) => app.rules.explainOutcome(call, outcomes[index] ?? { ending: 'unknown' }, facts))
}
