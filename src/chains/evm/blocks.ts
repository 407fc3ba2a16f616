import { type Client, hexToNumber, numberToHex } from 'viem'
import type { BlockRef } from '../../domain/settlement.ts'
import { lowerHex } from './hex.ts'

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
