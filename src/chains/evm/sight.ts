import { setImmediate as nextTurn } from 'node:timers/promises'
import { hexToBigInt, hexToNumber, type RpcTransaction, type RpcTransactionReceipt } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { BlockRef } from '../../domain/settlement.ts'
import type { Log, Sighting, TransactionFacts } from '../chain.ts'
import { ChainUnavailable } from '../chain.ts'
import { blockAt } from './blocks.ts'
import { lowerHex, sameHex } from './hex.ts'
import { LOGS_A_TURN, readTransfersAhead } from './read-transfer.ts'
import type { RpcNode } from './rpc-node.ts'

/**
 * Where a transaction stands on one node. It is mined only where the transaction, its receipt and the canonical block
 * at that height agree on one block; while a reorg is under way they do not.
 * @throws ChainUnavailable when the node contradicts itself or cannot be believed
 */
export async function sight({ client, assertUpToDate }: RpcNode, hash: Hex): Promise<Sighting> {
  const [transaction, receipt] = await Promise.all([
    client.request({ method: 'eth_getTransactionByHash', params: [hash] }),
    client.request({ method: 'eth_getTransactionReceipt', params: [hash] }),
  ])
  if (transaction === null && receipt === null) {
    await assertUpToDate()
    return { state: 'unknown' }
  }
  if (transaction === null) throw new ChainUnavailable('the node has a receipt of a transaction that it does not know')
  if (!sameHex(transaction.hash, hash)) throw new ChainUnavailable('the node answered with another transaction')

  const facts = factsOf(transaction)
  const block = receipt === null ? null : agreedBlock(transaction, receipt)
  if (receipt === null || block === null) return { state: 'pooled', transaction: facts }

  const canonical = await blockAt(client, block.number)
  if (canonical?.hash !== block.hash) return { state: 'pooled', transaction: facts }
  return {
    state: 'mined',
    transaction: facts,
    block,
    succeeded: receipt.status === '0x1',
    logs: await readLogs(receipt.logs),
  }
}

/** There may be tens of thousands: others have their turns in between. */
async function readLogs(raw: RpcTransactionReceipt['logs']): Promise<Log[]> {
  const logs: Log[] = []
  for (let at = 0; at < raw.length; at += LOGS_A_TURN) {
    if (at > 0) await nextTurn()
    logs.push(...raw.slice(at, at + LOGS_A_TURN).map(readLog))
  }
  await readTransfersAhead(logs)
  return logs
}

/** The block that both the transaction and its receipt name. */
function agreedBlock(transaction: RpcTransaction, receipt: RpcTransactionReceipt): BlockRef | null {
  if (transaction.blockHash === null || !sameHex(transaction.blockHash, receipt.blockHash)) return null
  if (!sameHex(transaction.hash, receipt.transactionHash)) {
    throw new ChainUnavailable('the node answered with the receipt of another transaction')
  }
  return { number: hexToNumber(receipt.blockNumber), hash: lowerHex(receipt.blockHash) }
}

function factsOf(transaction: RpcTransaction): TransactionFacts {
  return {
    hash: lowerHex(transaction.hash),
    from: lowerHex(transaction.from),
    to: transaction.to === null ? null : lowerHex(transaction.to),
    wei: hexToBigInt(transaction.value),
    data: lowerHex(transaction.input),
    nonce: hexToNumber(transaction.nonce),
  }
}

function readLog({ address, topics, data }: RpcTransactionReceipt['logs'][number]): Log {
  return { address: lowerHex(address), topics: topics.map(lowerHex), data: lowerHex(data) }
}
