import type { CallFacts } from '../chains/chain.ts'
import type { Hex, Terms } from '../domain/payment.ts'
import type { Wording } from '../domain/review.ts'
import { wordTransfer } from '../domain/review-transfer.ts'
import type { App } from './app.ts'

type Place = { network: string; payers: Hex[] }

/** What the payment that a payee asks for does, for whoever is to sign it: one sentence, and its parts. */
export function reviewTerms(app: Pick<App, 'networks' | 'currencies' | 'rules'>, terms: Terms, place: Place): Wording {
  const facts = callFacts(app, place)
  if (terms.type === 'SIMPLE') return wordTransfer(terms, facts.nativeCurrency)
  const { to, value, data } = terms.instruction.input
  const { summary, review } = app.rules.reviewCall({ to, wei: BigInt(value), data }, facts)
  return { summary, review: { ...review, worstCase: `${review.worstCase} ${EXACT}` } }
}

/** Some wallets add to the data of what they send. The payee alone knows whether that changes a call of its making. */
const EXACT = 'A transaction whose data differs from what was asked, if only by bytes added at its end, does not count.'

/** What calls on a network are read with. */
export function callFacts({ networks, currencies }: Pick<App, 'networks' | 'currencies'>, place: Place): CallFacts {
  const { nativeCurrency = UNKNOWN_COIN } = networks.get(place.network) ?? {}
  const tokenAt = (address: Hex) =>
    currencies.byAddress.get(address.toLowerCase())?.find(({ network }) => network === place.network)
  return { ...place, nativeCurrency, tokenAt }
}

/** Of a network that the operator has taken out since. */
const UNKNOWN_COIN = { symbol: 'native coin', decimals: 18 }
