import type { Hex, Terms } from '../domain/payment.ts'
import type { Review } from '../domain/review.ts'
import { reviewTransfer } from '../domain/review-payment.ts'
import type { App } from './app.ts'

/** What the payment that a payee asks for does, for whoever is to sign it: one sentence, and its parts. */
export function reviewTerms(
  app: Pick<App, 'networks' | 'currencies' | 'rules'>,
  terms: Terms,
  { network, payers }: { network: string; payers: Hex[] },
): { summary: string; review: Review } {
  const nativeCurrency = app.networks.get(network)?.nativeCurrency ?? UNKNOWN_COIN
  if (terms.type === 'SIMPLE') {
    const summary = `Send ${terms.amount} ${terms.currency} to ${terms.recipient} on ${network}.`
    return { summary, review: reviewTransfer(terms, nativeCurrency) }
  }
  const { to, value, data } = terms.instruction.input
  const tokenAt = (address: Hex) =>
    app.currencies.byAddress.get(address.toLowerCase())?.find((currency) => currency.network === network)
  return app.rules.reviewCall({ to, wei: BigInt(value), data }, { network, nativeCurrency, payers, tokenAt })
}

/** Of a network that the operator has taken out since. */
const UNKNOWN_COIN = { symbol: 'native coin', decimals: 18 }
