import { numberToHex } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import { type AddressKind, ChainUnavailable, type InternalActs, type Means, type MinedSighting } from '../chain.ts'
import { COIN_LOG_ADDRESS, coinsByLogs, coinsByPolygonLogs, hasCoinLogs, writesPolygonLogs } from './coin-logs.ts'
import { refusalWords } from './node-errors.ts'
import type { NodePool } from './node-pool.ts'
import type { RpcNode } from './rpc-node.ts'
import { canTrace, NoTraceError, traceCalls } from './trace-calls.ts'

/** How long a "no" of a node holds: operators may change what it serves. */
const NO_HOLDS_MS = 60_000

/** A chain that writes logs of coins has one in about every block that is not empty. */
const BLOCKS_TO_SEARCH = 50

/** Traces that are remembered: a transaction is looked at again at once, and for each of the payments that it makes. */
const MAX_REMEMBERED = 32
/** Longer ones are not. */
const MAX_REMEMBERED_CALLS = 1_000

type Options = { chainId: number; nodes: RpcNode[]; pool: NodePool; clock: () => number }

/** What a network's nodes can show of what contracts do within transactions, and what they show. */
export class InternalActsReader {
  readonly #options: Options
  /** What each node has said of itself. A "yes" is asked again by using it. */
  readonly #tracing = new Map<RpcNode, { traces: boolean; atMs: number }>()
  /** By transaction and block, the oldest first. */
  readonly #traced = new Map<string, Promise<InternalActs>>()
  #logging: { writes: boolean; atMs: number } | null = null

  constructor(options: Options) {
    this.#options = options
  }

  /** @throws ChainUnavailable */
  async read(sighting: MinedSighting, by: Means): Promise<InternalActs | null> {
    return by === 'logs' ? this.#byLogs(sighting) : this.#byTrace(sighting)
  }

  async shows(): Promise<{ coins: boolean; calls: boolean }> {
    const traces = await Promise.all(this.#options.nodes.map((node) => this.#traces(node)))
    const calls = traces.includes(true)
    return { calls, coins: calls || (await this.#writesLogs()) }
  }

  async #byLogs(sighting: MinedSighting): Promise<InternalActs | null> {
    const coins = writesPolygonLogs(this.#options.chainId)
      ? coinsByPolygonLogs(sighting)
      : hasCoinLogs(sighting) && (await this.#isProtocolsAlone())
        ? coinsByLogs(sighting)
        : null
    return coins && { coins, calls: null }
  }

  /** A log in the name of an address without code is nobody's but the protocol's. */
  async #isProtocolsAlone(): Promise<boolean> {
    return (await this.#options.pool.ask((node) => codeAt(node, COIN_LOG_ADDRESS))) === '0x'
  }

  /** One node after the other may trace it; where all that answer cannot, nobody can. */
  async #byTrace(sighting: MinedSighting): Promise<InternalActs | null> {
    try {
      return await this.#traceOnce(sighting)
    } catch (error) {
      if (isNoTraceOfAll(error)) return null
      throw error
    }
  }

  /** What a transaction does in a block never changes. */
  async #traceOnce(sighting: MinedSighting): Promise<InternalActs> {
    const key = `${sighting.transaction.hash} ${sighting.block.hash}`
    const known = this.#traced.get(key)
    if (known !== undefined) return known
    const asked = this.#options.pool.ask((node) => this.#traceAt(node, sighting))
    this.#traced.set(key, asked)
    const [oldest] = this.#traced.keys()
    if (this.#traced.size > MAX_REMEMBERED && oldest !== undefined) this.#traced.delete(oldest)
    try {
      const acts = await asked
      if ((acts.calls?.length ?? 0) > MAX_REMEMBERED_CALLS) this.#traced.delete(key)
      return acts
    } catch (error) {
      this.#traced.delete(key)
      throw error
    }
  }

  async #traceAt(node: RpcNode, sighting: MinedSighting): Promise<InternalActs> {
    if (this.#isKnownNotToTrace(node)) throw new NoTraceError('the node does not trace')
    return traceCalls(node, sighting)
  }

  async #traces(node: RpcNode): Promise<boolean> {
    if (this.#isKnownNotToTrace(node)) return false
    const traces = await canTrace(node)
    if (traces !== null) this.#tracing.set(node, { traces, atMs: this.#options.clock() })
    return traces ?? false
  }

  #isKnownNotToTrace(node: RpcNode): boolean {
    const known = this.#tracing.get(node)
    return known !== undefined && !known.traces && this.#isFresh(known)
  }

  #isFresh({ atMs }: { atMs: number }): boolean {
    return this.#options.clock() - atMs < NO_HOLDS_MS
  }

  async #writesLogs(): Promise<boolean> {
    if (writesPolygonLogs(this.#options.chainId)) return true
    const known = this.#logging
    if (known !== null && (known.writes || this.#isFresh(known))) return known.writes
    const writes = await this.#options.pool.ask(hasLateCoinLogs).catch((error: unknown) => {
      if (error instanceof ChainUnavailable) return false
      throw error
    })
    this.#logging = { writes, atMs: this.#options.clock() }
    return writes
  }
}

/** What an address is, by its code: that of a key which runs a contract's begins so, and goes on with the contract's address. */
const DELEGATION = /^0xef0100[0-9a-f]{40}$/i

export async function kindOf(node: RpcNode, address: Hex): Promise<AddressKind> {
  const code = await codeAt(node, address)
  if (code === '0x') return 'key'
  return DELEGATION.test(code) ? 'delegated key' : 'contract'
}

/** @returns null where the node keeps no state of that block */
export async function coinsGained({ client }: RpcNode, address: Hex, number: number): Promise<bigint | null> {
  try {
    const [before, after] = await Promise.all(
      [number - 1, number].map((at) =>
        client.request({ method: 'eth_getBalance', params: [address, numberToHex(at)] }),
      ),
    )
    return BigInt(after ?? 0) - BigInt(before ?? 0)
  } catch (error) {
    if (refusalWords(error) !== null) return null
    throw error
  }
}

async function codeAt({ client }: RpcNode, address: Hex): Promise<Hex> {
  return (await client.request({ method: 'eth_getCode', params: [address, 'latest'] })) ?? '0x'
}

async function hasLateCoinLogs(node: RpcNode): Promise<boolean> {
  const { number } = await node.freshHead()
  const filter = {
    address: COIN_LOG_ADDRESS,
    fromBlock: numberToHex(Math.max(0, number - BLOCKS_TO_SEARCH)),
    toBlock: numberToHex(number),
  }
  const logs = await node.client.request({ method: 'eth_getLogs', params: [filter] }).catch((error: unknown) => {
    if (refusalWords(error) !== null) return []
    throw error
  })
  return logs.length > 0 && (await codeAt(node, COIN_LOG_ADDRESS)) === '0x'
}

function isNoTraceOfAll(error: unknown): boolean {
  const failures = error instanceof ChainUnavailable && error.cause instanceof AggregateError ? error.cause.errors : []
  return failures.length > 0 && failures.every((failure) => failure instanceof NoTraceError)
}
