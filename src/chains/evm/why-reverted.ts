import { type Client, encodeFunctionData, erc20Abi, numberToHex } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { CallFacts, MinedSighting, TransactionFacts } from '../chain.ts'
import { readSwapLimit } from './build-swap.ts'
import { refusalWords, revertDataOf } from './node-errors.ts'
import { NOT_TAKEN, PRICE_MOVED, revertReason, SAYS_NOT_TAKEN } from './revert-reason.ts'
import type { RpcNode } from './rpc-node.ts'

/**
 * Runs a mined transaction that reverted once more: on the block before its own, and where it would have succeeded
 * there, on its own, since what stood before it in that block may be to blame.
 * @returns why it reverted, in words; null where the contract gave no reason or the node cannot tell (any more)
 */
export async function whyReverted(
  { client }: RpcNode,
  { transaction, block }: MinedSighting,
  facts: Pick<CallFacts, 'tokenAt'>,
): Promise<string | null> {
  for (const number of [block.number - 1, block.number]) {
    const data = await refusalOf(client, transaction, number)
    if (data === null) continue
    if (data === 'not told') return null
    const reason = revertReason(data, transaction.to ?? transaction.from, facts)
    const isNotTaken = SAYS_NOT_TAKEN.has(reason?.says ?? '')
    return isNotTaken ? whyNotTaken(client, transaction, number) : (reason?.words ?? null)
  }
  return null
}

/**
 * The exchange is sent, or allowed, no more than a swap may cost. Where it gets that much and still cannot take what the
 * swap costs, the swap costs more.
 */
async function whyNotTaken(client: Client, { from, to, wei, data }: TransactionFacts, number: number): Promise<string> {
  const limit = to === null ? null : readSwapLimit(data)
  if (to === null || limit === null) return NOT_TAKEN
  if (wei >= limit.units) return PRICE_MOVED
  const taking = encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args: [from, to, limit.units] })
  const refusal = await refusalOf(client, { from: to, to: limit.token, wei: 0n, data: taking }, number)
  return refusal === null ? PRICE_MOVED : NOT_TAKEN
}

/**
 * What a call says as it fails on top of a block; null where it succeeds, "not told" where the node turns the question
 * down for a reason of its own, as where it keeps no state that old.
 */
async function refusalOf(
  client: Client,
  { from, to, wei, data }: Pick<TransactionFacts, 'from' | 'to' | 'wei' | 'data'>,
  number: number,
): Promise<Hex | 'not told' | null> {
  const call = { from, ...(to !== null && { to }), value: numberToHex(wei), data }
  try {
    await client.request({ method: 'eth_call', params: [call, numberToHex(number)] })
    return null
  } catch (error) {
    const said = revertDataOf(error)
    if (said === null && refusalWords(error) === null) throw error
    return said ?? 'not told'
  }
}
