import { type Client, hexToNumber, numberToHex } from 'viem'
import type { BlockRef, RequiredDepth } from '../../domain/settlement.ts'
import { lowerHex } from './hex.ts'
import type { RpcNode } from './rpc-node.ts'

/** A block with the time that it claims for itself (Unix milliseconds). */
export type Head = BlockRef & { timestampMs: number }

/** @returns the canonical block there; null where the node has none */
export async function blockAt(client: Client, at: number | 'latest' | 'finalized'): Promise<Head | null> {
  const position = typeof at === 'number' ? numberToHex(at) : at
  const block = await client.request({ method: 'eth_getBlockByNumber', params: [position, false] })
  if (block === null || block.number === null || block.hash === null) return null
  return {
    number: hexToNumber(block.number),
    hash: lowerHex(block.hash),
    timestampMs: hexToNumber(block.timestamp) * 1000,
  }
}

/** How deep a block lies. The ends of the chain are read first, so that a reorg in between cannot make it look deeper. */
export async function depthOf(
  { client, assertUpToDate }: RpcNode,
  block: BlockRef,
  required: RequiredDepth,
): Promise<{ depth: number; settled: boolean }> {
  const [head, finalized] = await Promise.all([
    blockAt(client, 'latest'),
    required === 'finalized' ? blockAt(client, 'finalized') : null,
  ])
  const canonical = await blockAt(client, block.number)
  if (canonical?.hash !== block.hash) {
    await assertUpToDate()
    return { depth: 0, settled: false }
  }
  const depth = Math.max(1, (head?.number ?? 0) - block.number + 1)
  const settled = required === 'finalized' ? finalized !== null && finalized.number >= block.number : depth >= required
  return { depth, settled }
}
