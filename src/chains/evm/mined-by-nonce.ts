import { type Client, hexToNumber, numberToHex } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import { ChainUnavailable, type MinedSighting } from '../chain.ts'
import { blockAt } from './blocks.ts'
import { sameHex } from './hex.ts'
import { refusalWords } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'
import { sight } from './sight.ts'

type Usage = { from: Hex; nonce: number }

/**
 * The mined transaction that used up an account's nonce.
 * @returns null where the nonce is not used, where the node keeps no state old enough to tell by what, and where no
 * transaction of the account used it (an EIP-7702 authorisation does that)
 */
export async function minedByNonce(node: RpcNode, usage: Usage): Promise<MinedSighting | null> {
  const head = await blockAt(node.client, 'latest')
  if (head === null) throw new ChainUnavailable('the node has no blocks')
  if (!(await isUsedBy(node.client, usage, head.number))) {
    await node.assertUpToDate()
    return null
  }
  const block = await firstBlockWithUse(node.client, usage, head.number)
  const hash = block === null ? null : await transactionIn(node.client, usage, block)
  if (hash === null) return null
  const sighting = await sight(node, hash)
  return sighting.state === 'mined' ? sighting : null
}

/**
 * Goes back from the head in growing steps, then halves the last one: most are asked about soon after they were mined,
 * and common nodes keep the state of the last blocks only.
 */
async function firstBlockWithUse(client: Client, usage: Usage, head: number): Promise<number | null> {
  try {
    let used = head
    let unused = head - 1
    while (unused > 0 && (await isUsedBy(client, usage, unused))) {
      const step = 2 * (head - unused)
      used = unused
      unused = Math.max(0, head - step)
    }
    while (used - unused > 1) {
      const middle = Math.floor((used + unused) / 2)
      if (await isUsedBy(client, usage, middle)) used = middle
      else unused = middle
    }
    return used
  } catch (error) {
    if (refusalWords(error) !== null) return null
    throw error
  }
}

async function isUsedBy(client: Client, { from, nonce }: Usage, block: number): Promise<boolean> {
  const count = await client.request({ method: 'eth_getTransactionCount', params: [from, numberToHex(block)] })
  return hexToNumber(count) > nonce
}

async function transactionIn(client: Client, { from, nonce }: Usage, number: number): Promise<Hex | null> {
  const block = await client.request({ method: 'eth_getBlockByNumber', params: [numberToHex(number), true] })
  for (const transaction of block?.transactions ?? []) {
    if (typeof transaction === 'string') continue
    if (sameHex(transaction.from, from) && hexToNumber(transaction.nonce) === nonce) return transaction.hash
  }
  return null
}
