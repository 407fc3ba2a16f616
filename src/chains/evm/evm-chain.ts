import { erc20Abi, parseAbi } from 'viem'
import type { RequiredDepth } from '../../domain/settlement.ts'
import type { Chain } from '../chain.ts'
import { broadcast } from './broadcast.ts'
import { Contracts } from './contracts.ts'
import { depthOf } from './depth-of.ts'
import type { KeepGenesis } from './genesis-check.ts'
import { HeadWatch } from './head-watch.ts'
import { coinsGained, InternalActsReader, kindOf } from './internal-acts.ts'
import { minedByNonce } from './mined-by-nonce.ts'
import { NodePool } from './node-pool.ts'
import { type ReadContracts, readContracts } from './read-contracts.ts'
import { type RpcNode, rpcNode } from './rpc-node.ts'
import { sight } from './sight.ts'
import { simulate } from './simulate.ts'
import { verifyMessage } from './verify-message.ts'
import { whyReverted } from './why-reverted.ts'

export type EvmChainOptions = {
  network: string
  chainId: number
  /** JSON-RPC endpoints over HTTP that stand in for each other; the first is asked first. */
  rpcUrls: string[]
  required: RequiredDepth
  pollIntervalMs: number
  /** How old a node's newest block may be before the node counts as behind; null where blocks come at no fixed pace. */
  maxHeadAgeMs: number | null
  requestTimeoutMs?: number
  /** Unix milliseconds. */
  clock: () => number
  /** Keeps the chain's first block for good, so that a chain that was reset is recognised; left out: it may be any. */
  keepGenesis?: KeepGenesis
  /** Takes a line when the network's nodes fail, and when they answer again. */
  log?: (line: string) => void
}

export interface EvmChain extends Chain {
  /**
   * Checks the chain ids of the nodes that answer, then watches for new blocks. A node that is down is checked later.
   * @throws WrongChainId when a node serves another chain; then nothing was started
   */
  start(): Promise<void>
  /** Whether a node answered when last asked, why not, and the newest block seen; asks nobody. */
  lastSeen(): { up: boolean; head: number | null; why?: string }
  /**
   * Calls one function of contracts in any number of ways, at the newest block of a node that keeps up.
   * @throws ChainUnavailable
   */
  readContracts: ReadContracts
  /**
   * Asks one node after the other until one answers the whole question.
   * @throws ChainUnavailable when none does; BroadcastRefused as the node gave it
   */
  ask: <Answer>(question: (node: RpcNode) => Promise<Answer>) => Promise<Answer>
  /** Ends the watch and every request that is under way. */
  stop(): void
}

/** A configured node serves another chain. Meant for the operator. */
export class WrongChainId extends Error {
  override readonly name = 'WrongChainId'
}

const REQUEST_TIMEOUT_MS = 5_000

/** What accounts of ERC-4337 have beside the standard, so that others know whom they obey. */
const ACCOUNT_ABI = parseAbi(['function entryPoint() view returns (address)'])

/** A network with an EVM, asked over JSON-RPC. */
export function openEvmChain(options: EvmChainOptions): EvmChain {
  const { network, chainId, required, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options
  const stopping = new AbortController()
  const nodes = options.rpcUrls.map((url) => rpcNode({ ...options, url, requestTimeoutMs, stopping: stopping.signal }))
  const pool = new NodePool(network, nodes)
  const contracts = new Contracts()
  const internal = new InternalActsReader({ chainId, nodes, pool, clock: options.clock })
  const heads = new HeadWatch({
    ...options,
    readHead: () => pool.ask((node) => node.freshHead()),
    log: (line) => options.log?.(line),
  })
  return {
    network,
    chainId,
    required,
    start: async () => {
      await Promise.all(nodes.map((node) => assertChainIdAtStart(node, options)))
      heads.start()
      // So that it is known before anybody asks.
      void internal.shows()
    },
    stop: () => {
      heads.stop()
      stopping.abort()
    },
    lastSeen: () => heads.lastSeen(),
    head: () => heads.head(),
    onHead: (listener) => heads.onHead(listener),
    sight: (hash) => pool.ask((node) => sight(node, hash)),
    depthOf: (block) => pool.ask((node) => depthOf(node, block, required)),
    minedByNonce: (from, nonce) => pool.ask((node) => minedByNonce(node, { from, nonce })),
    broadcast: (signedTransaction) => pool.tell((node) => broadcast(node, signedTransaction)),
    isContract: (address, blockNumber) => contracts.has((question) => pool.ask(question), address, blockNumber),
    whyReverted: (sighting, facts) => pool.ask((node) => whyReverted(node, sighting, facts)),
    internalActs: (sighting, by) => internal.read(sighting, by),
    shows: () => internal.shows(),
    kindOf: (address) => pool.ask((node) => kindOf(node, address)),
    entryPointOf: async (address) => {
      const calls = [{ address, args: [] as const }]
      const reads = { abi: ACCOUNT_ABI, functionName: 'entryPoint', calls } as const
      const [entryPoint = null] = await pool.ask((node) => readContracts(node, reads))
      return entryPoint
    },
    coinsGained: (address, { number }) => pool.ask((node) => coinsGained(node, address, number)),
    allowance: async ({ token, owner, spender }) => {
      const calls = [{ address: token, args: [owner, spender] as const }]
      const [units = null] = await pool.ask((node) =>
        readContracts(node, { abi: erc20Abi, functionName: 'allowance', calls }),
      )
      return units
    },
    readContracts: (reads) => pool.ask((node) => readContracts(node, reads)),
    ask: (question) => pool.ask(question),
    simulate: (from, calls) => pool.ask((node) => simulate(node, from, calls)),
    verifyMessage: (signed) => pool.ask((node) => verifyMessage(node, signed)),
  }
}

async function assertChainIdAtStart(node: RpcNode, { network, chainId }: EvmChainOptions): Promise<void> {
  const found = await node.readChainId().catch(() => null)
  if (found === null || found === chainId) return
  throw new WrongChainId(
    `Network ${network} should have chain id ${chainId}, but the node at ${node.origin} serves chain id ${found}.`,
  )
}
