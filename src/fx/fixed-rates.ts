import type { Currency } from '../domain/currency.ts'
import type { MarketQuote, QuoteQuestion, Source } from './fx.ts'

/** What the operator says that one currency is worth in another, in one direction. */
export type FixedRate = {
  from: Currency
  to: Currency
  /** Whole units of `to` for `perFrom` whole units of `from`; both are integers, so that the rate is exact. */
  toUnits: bigint
  perFrom: bigint
  /** Unix milliseconds; afterwards the rate counts for nothing. */
  validUntilMs: number
}

/** The operator's own rates. They name a price and check that of others; nothing can be swapped at them. */
export function fixedRates(rates: readonly FixedRate[], clock: () => number): Source {
  const name = 'fixed-rate'
  return {
    name,
    trades: () => false,
    quote: async (question) => {
      const rate = rates.find((known) => isSame(known.from, question.from) && isSame(known.to, question.to))
      if (rate === undefined || rate.validUntilMs <= clock()) return null
      const quote = { source: name, ...apply(rate, question), route: null }
      return quote.unitsOut === 0n ? null : quote
    },
  }
}

function apply(
  { from, to, toUnits, perFrom }: FixedRate,
  { exact, units }: QuoteQuestion,
): Pick<MarketQuote, 'unitsIn' | 'unitsOut'> {
  const outFactor = toUnits * 10n ** BigInt(to.decimals)
  const inFactor = perFrom * 10n ** BigInt(from.decimals)
  if (exact === 'in') return { unitsIn: units, unitsOut: (units * outFactor) / inFactor }
  return { unitsIn: (units * inFactor + outFactor - 1n) / outFactor, unitsOut: units }
}

const isSame = (one: Currency, other: Currency): boolean =>
  one.network === other.network && one.address === other.address
