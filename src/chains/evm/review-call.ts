import type { Leaving, Review, Wording } from '../../domain/review.ts'
import { formatAmount } from '../../protocol/amounts.ts'
import type { CallFacts, RawCall } from '../chain.ts'
import { type CallEffect, effectOf } from './call-effects.ts'
import { decodeCall } from './decode-call.ts'

const UNKNOWN_WORST =
  'The server does not know what this call does; it can move anything that this wallet holds or has approved, and let others do so later.'

/** What a call does, as far as the server can tell: in one sentence, and in parts. Never throws. */
export function reviewCall(call: RawCall, facts: CallFacts): Wording {
  const { symbol, decimals } = facts.nativeCurrency
  const decoded = decodeCall(call, facts)
  const effect = effectOf(decoded, facts)
  const value = call.wei === 0n || effect.tellsValue ? '' : ` with ${formatAmount(call.wei, decimals)} ${symbol}`
  const summary = `${effect.does} on ${facts.network}${value}.`
  const review: Review = {
    leaves: effect.leaves,
    arrives: effect.arrives,
    allows: effect.allows,
    fees: [],
    gas: { currency: symbol, amount: null },
    complete: effect.complete,
    worstCase: effect.unknown ? UNKNOWN_WORST : worstOf(effect, call),
    call: decoded,
  }
  return { summary, review }
}

function worstOf({ leaves, allows, losses, complete }: CallEffect, { to }: RawCall): string {
  const clauses = [
    ...leaves.map(lossOf),
    ...allows.map(({ currency, amount, spender }) => allowed(spender, currency, amount)),
    ...losses,
    complete
      ? "nothing else can be taken but the network's gas"
      : `the contract ${to} is not known to the server and can take whatever this wallet has approved it to take`,
  ]
  const [first = '', ...others] = clauses
  return `${[first.charAt(0).toUpperCase() + first.slice(1), ...others].join('; ')}.`
}

const lossOf = ({ amount, maxAmount = amount, currency }: Leaving): string =>
  `${maxAmount} ${currency} leaves this wallet`

function allowed(spender: string, currency: string, amount: string | null): string {
  const much = amount === null ? `all ${currency} that this wallet holds, now and later` : `${amount} ${currency}`
  return `${spender} takes ${much}, at any time until the approval is taken back`
}
