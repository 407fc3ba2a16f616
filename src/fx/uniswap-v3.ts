import { type Hex, maxUint256, parseAbi, zeroAddress } from 'viem'
import type { EvmChain } from '../chains/evm/evm-chain.ts'
import { swapPath } from '../chains/evm/swap-path.ts'
import type { Currency } from '../domain/currency.ts'
import type { SwapRoute } from '../domain/payment.ts'
import type { MarketQuote, QuoteQuestion, Source } from './fx.ts'

/** Where the exchange is on a network: its QuoterV2 and its SwapRouter or SwapRouter02, which know the rest. */
export type UniswapV3Contracts = { quoter: Hex; router: Hex }

const DEPLOYMENT_ABI = parseAbi([
  'function factory() view returns (address)',
  'function WETH9() view returns (address)',
])

/**
 * Only SwapRouter02 has a batch with a deadline, and it is what swaps there are sent in: asked to make no calls until the
 * end of time, it answers, and the first router reverts. Some forks of either leave other functions out.
 */
const ROUTER_02_ABI = parseAbi(['function multicall(uint256 deadline, bytes[] data) returns (bytes[])'])

const POOL_ABI = parseAbi([
  'function getPool(address, address, uint24) view returns (address)',
  'function liquidity() view returns (uint128)',
])

const QUOTER_ABI = parseAbi([
  'function quoteExactInput(bytes path, uint256 amountIn) returns (uint256 amountOut, uint160[] sqrtPricesX96After, uint32[] ticksCrossed, uint256 gas)',
  'function quoteExactOutput(bytes path, uint256 amountOut) returns (uint256 amountIn, uint160[] sqrtPricesX96After, uint32[] ticksCrossed, uint256 gas)',
])

/** In millionths, of every pool that the factory makes on its own account. */
const FEE_TIERS = [100, 500, 3000, 10_000] as const

/** Where the price of a pool can go no further: nothing is left in it, and a swap takes less than it was given. */
const DRAINED_PRICES: readonly bigint[] = [4295128740n, 1461446703485210103287273052203988822378723970341n]

const NO_POOL_KEEPS_MS = 60_000

/** What the contracts of a deployment say of themselves. */
type Deployment = { factory: Hex; wrappedNative: Hex; routerVersion: SwapRoute['routerVersion'] | null }

/** The pools of a route, by their tokens and fees. */
type Path = Pick<SwapRoute, 'tokens' | 'fees'>

/** Uniswap v3 on a network itself: what it quotes is what a swap in the same block costs. */
export class UniswapV3 implements Source {
  readonly name = 'uniswap-v3'
  readonly #chain: Pick<EvmChain, 'network' | 'readContracts'>
  readonly #contracts: UniswapV3Contracts
  /** The tokens that were seen in a pool with the wrapped native coin; that leads to every other of them. */
  #traded: ReadonlySet<string> = new Set()
  #deployment: Deployment | null = null
  readonly #clock: () => number
  /** By tokens and fee. A pool stays where it is for good; where there is none, somebody may make one. */
  readonly #pools = new Map<string, { address: Hex | null; askAgainMs: number }>()

  constructor(
    chain: Pick<EvmChain, 'network' | 'readContracts'>,
    contracts: UniswapV3Contracts,
    clock: () => number = Date.now,
  ) {
    this.#chain = chain
    this.#contracts = contracts
    this.#clock = clock
  }

  trades({ address }: Currency): boolean {
    return this.#traded.size > 0 && (address === '' || this.#traded.has(address))
  }

  /** Its quoter and router, and whatever factory, wrapped coin and pools it has met. */
  isContract(address: string): boolean {
    const { quoter, router } = this.#contracts
    const { factory, wrappedNative } = this.#deployment ?? {}
    const isIt = (contract: Hex | null | undefined) => contract?.toLowerCase() === address.toLowerCase()
    return (
      [quoter, router, factory, wrappedNative].some(isIt) ||
      [...this.#pools.values()].some((pool) => isIt(pool.address))
    )
  }

  /** The best of the direct pools and of the ways through the wrapped native coin. */
  async quote(question: QuoteQuestion): Promise<MarketQuote | null> {
    const deployment = await this.#findDeployment()
    if (deployment === null) return null
    const routes = await this.#locate(pathsBetween(question, deployment.wrappedNative), deployment)
    const quotes =
      question.exact === 'in'
        ? await this.#quoteIn(routes, question.units)
        : await this.#quoteOut(routes, question.units)
    return quotes.reduce<MarketQuote | null>(
      (best, quote) => (best === null || isBetter(quote, best) ? quote : best),
      null,
    )
  }

  async costAlong(route: SwapRoute, unitsOut: bigint): Promise<bigint | null> {
    const [quote] = await this.#quoteOut([route], unitsOut)
    return quote?.unitsIn ?? null
  }

  /**
   * Looks which currencies have a pool with liquidity now.
   * @throws ChainUnavailable; Error where the exchange is not where the operator says
   */
  async findPools(currencies: readonly Currency[]): Promise<void> {
    const deployment = await this.#findDeployment()
    if (deployment === null) throw new Error(`${this.#chain.network}: ${misplaced(this.#contracts)}`)
    const { factory, wrappedNative } = deployment
    const tokens = currencies.flatMap(({ address }) => (address === '' || address === wrappedNative ? [] : [address]))
    const candidates = tokens.flatMap((token) => FEE_TIERS.map((fee) => ({ token, fee })))
    const calls = candidates.map(({ token, fee }) => ({ address: factory, args: [token, wrappedNative, fee] as const }))
    const pools = await this.#chain.readContracts({ abi: POOL_ABI, functionName: 'getPool', calls })
    const found = candidates.flatMap(({ token }, index) => {
      const pool = pools[index] ?? zeroAddress
      return pool === zeroAddress ? [] : [{ token, pool }]
    })
    const liquidity = await this.#chain.readContracts({
      abi: POOL_ABI,
      functionName: 'liquidity',
      calls: found.map(({ pool }) => ({ address: pool, args: [] as const })),
    })
    const traded = found.filter((_, index) => (liquidity[index] ?? 0n) > 0n).map(({ token }) => token)
    this.#traded = new Set(traded.length === 0 ? [] : [...traded, wrappedNative])
  }

  async #quoteIn(routes: SwapRoute[], unitsIn: bigint): Promise<MarketQuote[]> {
    const { quoter } = this.#contracts
    const calls = routes.map((route) => ({ address: quoter, args: [swapPath(route, 'in'), unitsIn] as const }))
    const answers = await this.#chain.readContracts({ abi: QUOTER_ABI, functionName: 'quoteExactInput', calls })
    return routes.flatMap((route, index) => {
      const [unitsOut, prices] = answers[index] ?? [0n, []]
      const counts = unitsOut > 0n && !prices.some((price) => DRAINED_PRICES.includes(price))
      return counts ? [{ source: this.name, unitsIn, unitsOut, route }] : []
    })
  }

  async #quoteOut(routes: SwapRoute[], unitsOut: bigint): Promise<MarketQuote[]> {
    const { quoter } = this.#contracts
    const calls = routes.map((route) => ({ address: quoter, args: [swapPath(route, 'out'), unitsOut] as const }))
    const answers = await this.#chain.readContracts({ abi: QUOTER_ABI, functionName: 'quoteExactOutput', calls })
    return routes.flatMap((route, index) => {
      const [unitsIn] = answers[index] ?? [0n]
      return unitsIn > 0n ? [{ source: this.name, unitsIn, unitsOut, route }] : []
    })
  }

  /** The routes all of whose pools exist. Most do not, and asking for their prices would cost more than asking for them. */
  async #locate(paths: Path[], { factory, wrappedNative, routerVersion }: Deployment): Promise<SwapRoute[]> {
    const exchange = { router: this.#contracts.router, ...(routerVersion && { routerVersion }), wrappedNative }
    await this.#findUnknown(paths.flatMap(hopsOf), factory)
    return paths.flatMap(({ tokens, fees }) => {
      const pools = hopsOf({ tokens, fees }).flatMap((hop) => this.#pools.get(hop.join())?.address ?? [])
      const exists = pools.length === fees.length
      return exists ? [{ ...exchange, tokens, fees, pools }] : []
    })
  }

  async #findUnknown(hops: Hop[], factory: Hex): Promise<void> {
    const nowMs = this.#clock()
    const isUnknown = (key: string) => (this.#pools.get(key)?.askAgainMs ?? 0) <= nowMs
    const unknown = new Map(hops.map((hop) => [hop.join(), hop] as const).filter(([key]) => isUnknown(key)))
    const calls = [...unknown.values()].map((args) => ({ address: factory, args }))
    const found = await this.#chain.readContracts({ abi: POOL_ABI, functionName: 'getPool', calls })
    for (const [index, key] of [...unknown.keys()].entries()) {
      const pool = found[index] ?? zeroAddress
      const exists = pool !== zeroAddress
      this.#pools.set(key, {
        address: exists ? pool : null,
        askAgainMs: exists ? Number.POSITIVE_INFINITY : nowMs + NO_POOL_KEEPS_MS,
      })
    }
  }

  /** Null where the contracts are not there, or belong to different deployments. */
  async #findDeployment(): Promise<Deployment | null> {
    if (this.#deployment !== null) return this.#deployment
    const calls = [this.#contracts.quoter, this.#contracts.router].map((address) => ({ address, args: [] as const }))
    const [factories, wrapped, batches] = await Promise.all([
      this.#chain.readContracts({ abi: DEPLOYMENT_ABI, functionName: 'factory', calls }),
      this.#chain.readContracts({ abi: DEPLOYMENT_ABI, functionName: 'WETH9', calls }),
      this.#chain.readContracts({
        abi: ROUTER_02_ABI,
        functionName: 'multicall',
        calls: [emptyBatch(this.#contracts)],
      }),
    ])
    const [factory, wrappedNative] = [agreed(factories), agreed(wrapped)]
    const routerVersion = batches[0] === null ? null : '02'
    if (factory !== null && wrappedNative !== null) this.#deployment = { factory, wrappedNative, routerVersion }
    return this.#deployment
  }
}

function agreed([one, other]: (Hex | null)[]): Hex | null {
  return one !== undefined && one === other ? one : null
}

function emptyBatch({ router }: UniswapV3Contracts) {
  return { address: router, args: [maxUint256, []] as const }
}

function misplaced({ quoter, router }: UniswapV3Contracts): string {
  return `there is no QuoterV2 at ${quoter}, no SwapRouter or SwapRouter02 at ${router}, or they do not belong together`
}

type Hop = readonly [one: Hex, other: Hex, fee: number]

function hopsOf({ tokens, fees }: Path): Hop[] {
  return fees.flatMap((fee, hop) => {
    const [one, other] = [tokens[hop], tokens[hop + 1]]
    return one === undefined || other === undefined ? [] : [[one, other, fee] as const]
  })
}

/** Direct pools of every fee, and pairs of pools that meet at the wrapped native coin. */
function pathsBetween({ from, to }: QuoteQuestion, wrappedNative: Hex): Path[] {
  const [first, last] = [from.address || wrappedNative, to.address || wrappedNative]
  if (first === last) return []
  const direct = FEE_TIERS.map((fee) => ({ tokens: [first, last], fees: [fee] }))
  if (first === wrappedNative || last === wrappedNative) return direct
  const through = FEE_TIERS.flatMap((one) =>
    FEE_TIERS.map((other) => ({ tokens: [first, wrappedNative, last], fees: [one, other] })),
  )
  return [...direct, ...through]
}

function isBetter(quote: MarketQuote, best: MarketQuote): boolean {
  return quote.unitsIn < best.unitsIn || quote.unitsOut > best.unitsOut
}
