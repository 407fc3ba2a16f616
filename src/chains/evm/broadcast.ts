import { keccak256 } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import { quoted } from '../../protocol/plain-text.ts'
import { BroadcastRefused } from '../chain.ts'
import { broadcastRefusalWords } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

const HAVE_IT_ALREADY =
  /already[ _]?known|known[ _]transaction|already ?(been )?(imported|exists|in (the )?(mem)?pool|in (the )?cache)|tx already/i

/**
 * Hands a signed transaction to one node. Nodes word "I have it already" and "it is mined already" in many ways, so a
 * refusal counts only where the node does not know the transaction. A provider of many nodes may have it in the pool of
 * one and look it up at another: the usual words count, too.
 * @throws BroadcastRefused with the node's words, quoted
 */
export async function broadcast({ client }: RpcNode, signedTransaction: Hex): Promise<void> {
  try {
    await client.request({ method: 'eth_sendRawTransaction', params: [signedTransaction] })
  } catch (error) {
    const words = broadcastRefusalWords(error)
    if (words === null) throw error
    if (HAVE_IT_ALREADY.test(words)) return
    const hash = keccak256(signedTransaction)
    const known = await client.request({ method: 'eth_getTransactionByHash', params: [hash] })
    if (known === null) throw new BroadcastRefused(quoted(words), { cause: error })
  }
}
