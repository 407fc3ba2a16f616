import { ChainUnavailable } from '../chains/chain.ts'
import type { EvmChain } from '../chains/evm/evm-chain.ts'
import type { Currency } from '../domain/currency.ts'
import { type FixedRate, fixedRates } from './fixed-rates.ts'
import { Fx, type Market, type Source } from './fx.ts'
import { UniswapV3, type UniswapV3Contracts } from './uniswap-v3.ts'

/** Who names prices on a network. The exchange comes before the operator's rates: payers can swap there. */
export type FxSettings = {
  uniswapV3: UniswapV3Contracts | null
  rates: readonly FixedRate[]
  /** How far sources may lie apart, in basis points. */
  maxDisagreementBps: number
}

type FxNetwork = { network: string; currencies: readonly Currency[]; fx: FxSettings }

/** Looks what can be swapped, where that was not done lately, so that lists need not ask. To be called again and again. */
export type Lookout = () => Promise<void>

/** Pools come and go slowly, and looking for them takes questions for each token. */
const POOLS_KEEP_MS = 5 * 60_000

/** Opens the sources of all networks; without a node a network has no exchange. */
export function openFx(
  networks: readonly FxNetwork[],
  { chains, clock }: { chains: readonly EvmChain[]; clock: () => number },
): { fx: Fx; lookouts: Lookout[] } {
  const markets = new Map<string, Market>()
  const lookouts: Lookout[] = []
  for (const { network, currencies, fx } of networks) {
    const chain = chains.find((candidate) => candidate.network === network)
    const sources: Source[] = [fixedRates(fx.rates, clock)]
    if (chain !== undefined && fx.uniswapV3 !== null) {
      const uniswap = new UniswapV3(chain, fx.uniswapV3, clock)
      sources.unshift(uniswap)
      lookouts.push(lookoutFor(uniswap, currencies, clock))
    }
    markets.set(network, { sources, maxDisagreementBps: fx.maxDisagreementBps })
  }
  return { fx: new Fx(markets), lookouts }
}

/** A node that is down is asked again at the next call; it is the chain's to complain of. */
function lookoutFor(uniswap: UniswapV3, currencies: readonly Currency[], clock: () => number): Lookout {
  let nextMs = 0
  return async () => {
    if (clock() < nextMs) return
    const beforeMs = nextMs
    nextMs = clock() + POOLS_KEEP_MS
    try {
      await uniswap.findPools(currencies)
    } catch (error) {
      if (!(error instanceof ChainUnavailable)) throw error
      nextMs = beforeMs
    }
  }
}
