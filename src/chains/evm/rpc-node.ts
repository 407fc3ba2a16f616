import { type Client, createClient, hexToNumber, MethodNotFoundRpcError } from 'viem'
import { ChainUnavailable } from '../chain.ts'
import { blockAt, type Head } from './blocks.ts'
import { GenesisCheck, type KeepGenesis } from './genesis-check.ts'
import { jsonRpc } from './json-rpc.ts'
import { refusalWords } from './node-errors.ts'

export type RpcNode = {
  /** Scheme, host and port: the rest of an RPC URL is often a secret. */
  origin: string
  client: Client
  /** The chain that the node says it serves. */
  readChainId(): Promise<number>
  /**
   * Checks the chain id, and at first the chain's first block. Whoever answers at a URL may change, and need not fail first.
   * @throws ChainUnavailable when the node serves another chain, or one that has begun anew
   */
  assertRightChain(): Promise<void>
  /**
   * The newest block of a node that keeps up.
   * @throws ChainUnavailable when that block is older than it may be
   */
  freshHead(): Promise<Head>
  /**
   * Whether a "no" of this node can be believed.
   * @throws ChainUnavailable when the node is syncing or behind: then it may merely not have heard yet
   */
  assertUpToDate(): Promise<void>
}

export type RpcNodeOptions = {
  url: string
  chainId: number
  requestTimeoutMs: number
  /** How old the newest block may be; null: as old as it likes. */
  maxHeadAgeMs: number | null
  /** Unix milliseconds. */
  clock: () => number
  /** Keeps the chain's first block for good; left out: it may be any. */
  keepGenesis?: KeepGenesis | undefined
  /** Ends requests that are under way, and the timers with them. */
  stopping: AbortSignal
}

/** One JSON-RPC endpoint. Nothing is asked of it before it has shown the right chain id. */
export function rpcNode(options: RpcNodeOptions): RpcNode {
  const client = createClient({ transport: jsonRpc(options) })
  const readChainId = async () => hexToNumber(await client.request({ method: 'eth_chainId' }))
  const genesis = new GenesisCheck(client, options)
  const freshHead = async () => {
    const head = assertFresh(await blockAt(client, 'latest'), options)
    await genesis.sawHead(head)
    return head
  }
  return {
    origin: new URL(options.url).origin,
    client,
    readChainId,
    assertRightChain: async () => {
      assertChainId(await readChainId(), options.chainId)
      await genesis.assertKnown()
    },
    freshHead,
    assertUpToDate: async () => {
      const [syncing] = await Promise.all([isSyncing(client), freshHead()])
      if (syncing) throw new ChainUnavailable('the node is still syncing')
    },
  }
}

function assertChainId(found: number, expected: number): void {
  if (found !== expected) throw new ChainUnavailable(`the node serves chain ${found} instead of ${expected}`)
}

function assertFresh(head: Head | null, { maxHeadAgeMs, clock }: RpcNodeOptions): Head {
  if (head === null) throw new ChainUnavailable('the node has no blocks')
  const ageMs = clock() - head.timestampMs
  if (maxHeadAgeMs !== null && ageMs > maxHeadAgeMs) {
    throw new ChainUnavailable(
      `the node is behind: its newest block is ${Math.round(ageMs / 1000)} s old, and may be ${Math.round(maxHeadAgeMs / 1000)} s old; ` +
        'for a chain whose blocks come at no fixed pace, set "maxHeadAge":"none" on its network',
    )
  }
  return head
}

/** Some providers do not serve `eth_syncing`. They are judged by the age of their head alone. */
async function isSyncing(client: Client): Promise<boolean> {
  try {
    return (await client.request({ method: 'eth_syncing' })) !== false
  } catch (error) {
    if (isUnserved(error)) return false
    throw error
  }
}

function isUnserved(error: unknown): boolean {
  return error instanceof MethodNotFoundRpcError || refusalWords(error) !== null
}
