import { ChainUnavailable } from '../chains/chain.ts'
import type { Currency } from '../domain/currency.ts'
import type { SwapRoute } from '../domain/payment.ts'

/** An exchange of which one side is exact. Both currencies are on one network. */
export type QuoteQuestion = {
  from: Currency
  to: Currency
  /** Which side `units` states: what goes in, in smallest units of `from`, or what comes out, in those of `to`. */
  exact: 'in' | 'out'
  units: bigint
}

/** What an exchange would cost right now. Rounding is the payer's loss, so that what comes out is never short. */
export type MarketQuote = {
  /** The name of the source. */
  source: string
  unitsIn: bigint
  unitsOut: bigint
  /** How to swap at this price on the chain; null where the source merely knows the price. */
  route: SwapRoute | null
}

/** Who knows prices on one network. What it knows but may be too old to count, it does not answer. */
export interface Source {
  readonly name: string
  /**
   * @returns null where it has no price for this
   * @throws ChainUnavailable where the node cannot be asked
   */
  quote(question: QuoteQuestion): Promise<MarketQuote | null>
  /**
   * What another amount out would cost along a route of this source, in smallest units.
   * @returns null where there is not so much
   * @throws ChainUnavailable where the node cannot be asked
   */
  costAlong?(route: SwapRoute, unitsOut: bigint): Promise<bigint | null>
  /** Whether the currency can be swapped here, as far as is known; asks nobody. */
  trades(currency: Currency): boolean
  /** Whether the address is known to be a contract of the source, in whatever case; asks nobody. */
  isContract?(address: string): boolean
}

/** The sources of one network, the most trusted first. */
export type Market = {
  sources: readonly Source[]
  /** How far sources may lie apart from the first that answers, in basis points. */
  maxDisagreementBps: number
}

/** Why there is no quote, in words for the caller. */
export type QuoteRefusal = { refusal: string }

const BASIS_POINTS = 10_000n

/** Prices between the currencies of each network. Where sources have none or disagree, it refuses; it never guesses. */
export class Fx {
  readonly #markets: ReadonlyMap<string, Market>

  /** @param markets by the names of their networks */
  constructor(markets: ReadonlyMap<string, Market>) {
    this.#markets = markets
  }

  /**
   * The quote of the first source that has one, if the others do not contradict it.
   * @throws ChainUnavailable where no source answers and one could not be asked
   */
  async quote(question: QuoteQuestion): Promise<MarketQuote | QuoteRefusal> {
    const { from, to } = question
    if (from.network !== to.network) {
      return {
        refusal: `there is no way from ${from.network} to ${to.network}: both currencies must be on one network`,
      }
    }
    const market = this.#markets.get(from.network)
    const quotes = market === undefined ? [] : await ask(market.sources, question)
    const [best, ...others] = quotes
    if (market === undefined || best === undefined) {
      return { refusal: `nobody here exchanges ${from.symbol} for ${to.symbol} on ${from.network}, or not that much` }
    }
    const contradicting = others.find((other) => disagree(best, other, question.exact, market.maxDisagreementBps))
    if (contradicting === undefined) return best
    return {
      refusal: `the sources ${best.source} and ${contradicting.source} disagree on ${from.symbol} for ${to.symbol}: no price can be trusted right now`,
    }
  }

  /**
   * What another amount out would cost along the very route of a quote, in smallest units; null where there is not so much.
   * @throws ChainUnavailable where the node cannot be asked
   */
  async costAlong(network: string, { source, route }: MarketQuote, unitsOut: bigint): Promise<bigint | null> {
    const named = this.#markets.get(network)?.sources.find(({ name }) => name === source)
    return route === null ? null : ((await named?.costAlong?.(route, unitsOut)) ?? null)
  }

  /** Whether the currency can be exchanged for another on its network. */
  isBridgeable(currency: Currency): boolean {
    return this.#sourcesOf(currency).some((source) => source.trades(currency))
  }

  /** Whether a payer who holds `from` can pay in `to`: they are the same, or one source trades both. */
  connects(from: Currency, to: Currency): boolean {
    if (from.network !== to.network) return false
    if (from.address === to.address) return true
    return this.#sourcesOf(from).some((source) => source.trades(from) && source.trades(to))
  }

  /** Whether an exchange of the network is known to be at an address, in whatever case; asks nobody. */
  isExchange(network: string, address: string): boolean {
    return (this.#markets.get(network)?.sources ?? []).some((source) => source.isContract?.(address) ?? false)
  }

  #sourcesOf({ network }: Currency): readonly Source[] {
    return this.#markets.get(network)?.sources ?? []
  }
}

async function ask(sources: readonly Source[], question: QuoteQuestion): Promise<MarketQuote[]> {
  const quotes: MarketQuote[] = []
  let unavailable: ChainUnavailable | null = null
  for (const outcome of await Promise.allSettled(sources.map((source) => source.quote(question)))) {
    if (outcome.status === 'fulfilled') {
      if (outcome.value !== null) quotes.push(outcome.value)
    } else if (outcome.reason instanceof ChainUnavailable) unavailable = outcome.reason
    else throw outcome.reason
  }
  if (quotes.length === 0 && unavailable !== null) throw unavailable
  return quotes
}

function disagree(best: MarketQuote, other: MarketQuote, exact: 'in' | 'out', maxDisagreementBps: number): boolean {
  const [one, two] = exact === 'in' ? [best.unitsOut, other.unitsOut] : [best.unitsIn, other.unitsIn]
  const distance = one > two ? one - two : two - one
  return distance * BASIS_POINTS > one * BigInt(maxDisagreementBps)
}
