import type { Chain, Outcome, SimulatedCall } from '../chains/chain.ts'
import type { Hex, Payment } from '../domain/payment.ts'
import type { Arriving, Simulation } from '../domain/review.ts'
import { formatAmount, parseAmount } from '../protocol/amounts.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import { callFacts } from './review-terms.ts'

/**
 * How payments of one network would end if a wallet sent them now, one after the other. What arrives is measured: some
 * tokens keep a part of each transfer, or count in shares.
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
  const calls = payments.map(callOf)
  const outcomes = await askChain(chain, () => chain.simulate(wallet, calls))
  const facts = callFacts(app, { network: chain.network, payers: [wallet] })
  return calls.map((call, index) => {
    const outcome = outcomes[index] ?? { ending: 'unknown' }
    const simulation = app.rules.explainOutcome(call, outcome, facts)
    const arriving = tokenArrivingBy(payments[index])
    const token = arriving?.currencyAddress ? facts.tokenAt(arriving.currencyAddress) : undefined
    return arriving && token ? withArrival(simulation, outcome, arriving, token.decimals) : simulation
  })
}

function callOf(payment: Payment): SimulatedCall {
  const { to, value, data } = payment.input
  const call = { to, wei: BigInt(value), data }
  const arriving = tokenArrivingBy(payment)
  if (!arriving?.currencyAddress) return call
  return { ...call, arrival: { token: arriving.currencyAddress, recipient: arriving.wallet.address } }
}

/** The one token that a payment brings, as its review says; coins arrive in full. */
function tokenArrivingBy(payment: Payment | undefined): Arriving | undefined {
  const tokens = (payment?.review?.arrives ?? []).filter(({ currencyAddress }) => currencyAddress !== '')
  return tokens.length === 1 ? tokens[0] : undefined
}

function withArrival(
  simulation: Simulation,
  outcome: Outcome,
  { amount, currency }: Arriving,
  decimals: number,
): Simulation {
  if (simulation.status !== 'OK' || outcome.ending !== 'succeeds' || outcome.arrivedUnits === undefined)
    return simulation
  const promised = parseAmount(amount, decimals)
  if (typeof promised !== 'bigint' || outcome.arrivedUnits >= promised) return simulation
  const { arrivedUnits } = outcome
  const arrives = formatAmount(arrivedUnits > 0n ? arrivedUnits : 0n, decimals)
  return {
    status: 'NO_EFFECT',
    reason: `only ${arrives} ${currency} of ${amount} ${currency} would arrive: the token keeps a part of what is transferred, or counts in another way`,
    arrives,
  }
}
