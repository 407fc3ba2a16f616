import { readFileSync } from 'node:fs'
import * as Address from 'ox/Address'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Currency, Network } from './domain/currency.ts'
import type { RequiredDepth } from './domain/settlement.ts'
import type { FxSettings } from './fx/open-fx.ts'
import type { UniswapV3Contracts } from './fx/uniswap-v3.ts'
import {
  SANDBOX_CHAIN_ID,
  SANDBOX_CONFIRMATIONS,
  SANDBOX_EXCHANGE,
  SANDBOX_NATIVE_CURRENCY,
  SANDBOX_NETWORK,
  SANDBOX_TOKENS,
} from './sandbox/facts.ts'

/** What the server must know of a network to take payments on it. */
export type NetworkFacts = {
  name: string
  chainId: number
  nativeCurrency: { symbol: string; decimals: number }
  /** When a payment counts as settled. */
  confirmations: RequiredDepth
  /** How often the node is asked for its newest block. */
  pollIntervalMs: number
  /** How old a node's newest block may be before the node counts as behind; null where blocks come at no fixed pace. */
  maxHeadAgeMs: number | null
  /** Where Uniswap v3 is, if it is there. */
  uniswapV3?: UniswapV3Contracts
}

export type Token = { symbol: string; address: `0x${string}`; decimals: number }

/** A network that is enabled, with the currencies that payments can be asked in. */
export type NetworkConfig = NetworkFacts &
  Network & {
    type: 'evm'
    chainId: number
    /** JSON-RPC endpoints that stand in for each other. None: settlements on this network stay UNVERIFIED. */
    rpcUrls: string[]
    /** The native coin first. */
    currencies: Currency[]
    fx: FxSettings
  }

/**
 * As its makers publish them, on their pages of deployments (docs.uniswap.org, v3, one page a network), compared with the
 * addresses in their package `@uniswap/sdk-core` 7.19.4. Here the first SwapRouter, at one address on all four.
 */
const UNISWAP_V3: UniswapV3Contracts = {
  quoter: '0x61fFE014bA17989E743c5F6cB21bF9697530B21e',
  router: '0xE592427A0AEce92De3Edee1F18E0157C05861564',
}

/** From the same sources. These networks have SwapRouter02 only, and each has addresses of its own. */
const UNISWAP_V3_BASE: UniswapV3Contracts = {
  quoter: '0x3d4e44Eb1374240CE5F1B871ab261CD16335B76a',
  router: '0x2626664c2603336E57B271c5C0b26F421741e481',
}
const UNISWAP_V3_BNB: UniswapV3Contracts = {
  quoter: '0x78D78E420Da98ad378D7799bE8f4AF69033EB077',
  router: '0xB971eF87ede563556b2ED4b1C0b0019111Dd85d2',
}
const UNISWAP_V3_AVALANCHE: UniswapV3Contracts = {
  quoter: '0xbe0F5544EC67e9B3b2D979aaA43f18Fd87E6257F',
  router: '0xbb00FF08d01D300023C629E8fFfFcb65A5a578cE',
}

/** Pools of one price level lie closer together than this; beyond it, somebody is wrong. */
const MAX_DISAGREEMENT_BPS = 200

const ETHER = { symbol: 'ETH', decimals: 18 }

/**
 * How deep is deep enough differs by how a chain ends doubt:
 * - polygon, bnb and avalanche finalize within seconds, so nothing less than `finalized` is worth taking.
 * - ethereum finalizes after a quarter of an hour, too long to hold a parcel. 12 blocks (2.4 min) lie well beyond every
 *   reorg seen since proof of stake.
 * - base, optimism and arbitrum finalize with ethereum. Until then only their sequencer can go back on its word; a
 *   minute of its blocks shows that it did not.
 *
 * The polls keep pace with the blocks but ask at most once a second, since many nodes are paid by the call.
 */
export const SHIPPED_NETWORKS: readonly NetworkFacts[] = [
  {
    name: 'ethereum',
    chainId: 1,
    nativeCurrency: ETHER,
    confirmations: 12,
    pollIntervalMs: 4_000,
    // Several proposers in a row may miss their 12 s.
    maxHeadAgeMs: 120_000,
    uniswapV3: UNISWAP_V3,
  },
  {
    name: 'polygon',
    chainId: 137,
    nativeCurrency: { symbol: 'POL', decimals: 18 },
    confirmations: 'finalized',
    pollIntervalMs: 2_000,
    maxHeadAgeMs: 60_000,
    uniswapV3: UNISWAP_V3,
  },
  {
    name: 'base',
    chainId: 8453,
    nativeCurrency: ETHER,
    confirmations: 30,
    pollIntervalMs: 2_000,
    maxHeadAgeMs: 60_000,
    uniswapV3: UNISWAP_V3_BASE,
  },
  {
    name: 'arbitrum',
    chainId: 42161,
    nativeCurrency: ETHER,
    confirmations: 240,
    pollIntervalMs: 1_000,
    maxHeadAgeMs: 60_000,
    uniswapV3: UNISWAP_V3,
  },
  {
    name: 'optimism',
    chainId: 10,
    nativeCurrency: ETHER,
    confirmations: 30,
    pollIntervalMs: 2_000,
    maxHeadAgeMs: 60_000,
    uniswapV3: UNISWAP_V3,
  },
  {
    name: 'avalanche',
    chainId: 43114,
    nativeCurrency: { symbol: 'AVAX', decimals: 18 },
    confirmations: 'finalized',
    pollIntervalMs: 2_000,
    maxHeadAgeMs: 60_000,
    uniswapV3: UNISWAP_V3_AVALANCHE,
  },
  {
    name: 'bnb',
    chainId: 56,
    nativeCurrency: { symbol: 'BNB', decimals: 18 },
    confirmations: 'finalized',
    pollIntervalMs: 1_000,
    maxHeadAgeMs: 60_000,
    uniswapV3: UNISWAP_V3_BNB,
  },
]

/** Puts together a network that is enabled: the native coin joins the tokens. */
export function enableNetwork(facts: NetworkFacts, tokens: readonly Token[], rpcUrls: string[]): NetworkConfig {
  const { uniswapV3 = null, ...rest } = facts
  const listed = { network: facts.name, enabled: true }
  const coin: Currency = { ...facts.nativeCurrency, address: '', ...listed }
  const currencies = [coin, ...tokens.map((token) => ({ ...token, ...listed }))]
  const fx: FxSettings = { uniswapV3, rates: [], maxDisagreementBps: MAX_DISAGREEMENT_BPS }
  return { ...rest, type: 'evm', enabled: true, rpcUrls, currencies, fx }
}

/** The sandbox's own network: a local chain that goes by the name of a real one. */
export function sandboxNetwork({ rpcUrl }: { rpcUrl: string }): NetworkConfig {
  const facts: NetworkFacts = {
    name: SANDBOX_NETWORK,
    chainId: SANDBOX_CHAIN_ID,
    nativeCurrency: SANDBOX_NATIVE_CURRENCY,
    confirmations: SANDBOX_CONFIRMATIONS,
    pollIntervalMs: 250,
    // Its blocks come with transactions, not by the clock.
    maxHeadAgeMs: null,
    uniswapV3: { quoter: SANDBOX_EXCHANGE.quoter, router: SANDBOX_EXCHANGE.router },
  }
  const tokens = SANDBOX_TOKENS.map(({ symbol, address, decimals }) => ({
    symbol,
    address: Address.checksum(address),
    decimals,
  }))
  return enableNetwork(facts, tokens, [rpcUrl])
}

/** A network as a server takes it: what it is by itself, apart from how it is reached. */
export function servedNetwork({ name, type, chainId, nativeCurrency, enabled, ...served }: NetworkConfig) {
  return { network: { name, type, chainId, nativeCurrency, enabled }, ...served }
}

const TokenList = Type.Object({
  tokens: Type.Array(
    Type.Object({
      chainId: Type.Integer(),
      symbol: Type.String(),
      address: Type.String(),
      decimals: Type.Integer({ minimum: 0, maximum: 77 }),
    }),
  ),
})

/** Polygon's coin dressed as a token: its `transfer` moves nothing unless the coin is sent along with the call. */
const POLYGON_COIN_AS_TOKEN = '0x0000000000000000000000000000000000001010'

/**
 * Reads the tokens of some chains from the list that the Uniswap interface trusts. A symbol that one chain has twice is
 * kept twice: callers are asked for the address. The file is big and wanted once, so nothing of it is held on to.
 */
export function loadShippedTokens(chainIds: ReadonlySet<number>): Map<number, Token[]> {
  const file = import.meta.resolve('@uniswap/default-token-list')
  const { tokens } = Value.Parse(TokenList, JSON.parse(readFileSync(new URL(file), 'utf8')))
  const tokensOf = new Map([...chainIds].map((chainId): [number, Token[]] => [chainId, []]))
  for (const { chainId, symbol, address, decimals } of tokens) {
    if (address === POLYGON_COIN_AS_TOKEN) continue
    tokensOf.get(chainId)?.push({ symbol, address: Address.checksum(address), decimals })
  }
  return tokensOf
}
