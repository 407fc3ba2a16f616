import type { BlockRef, RequiredDepth } from '../../domain/settlement.ts'
import { blockAt } from './blocks.ts'
import type { RpcNode } from './rpc-node.ts'

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
