import { type Client, encodeFunctionData, erc20Abi, numberToHex } from 'viem'
import type { MinedSighting, TransactionFacts } from '../chain.ts'
import { readSwapLimit } from './build-swap.ts'
import { quoted } from './contract-words.ts'
import { refusalWords } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

const REVERTED = /^execution reverted:? ?/i

const PRICE_MOVED = 'the price had moved beyond the slippage bound'

/** What the words of the exchange's contracts mean. */
const MEANINGS: readonly [RegExp, string][] = [
  [/Too much requested/, PRICE_MOVED],
  [/Transaction too old/, 'the quote had expired when the block came'],
]

/** The exchange could not take what the swap costs. */
const NOT_TAKEN = /\bSTF\b/

/**
 * Runs a mined transaction that reverted once more: on the block before its own, and where it would have succeeded
 * there, on its own, since what stood before it in that block may be to blame.
 * @returns why it reverted, in words; null where the node cannot tell (any more)
 */
export async function whyReverted({ client }: RpcNode, { transaction, block }: MinedSighting): Promise<string | null> {
  for (const number of [block.number - 1, block.number]) {
    const words = await refusalOf(client, transaction, number)
    if (words === null) continue
    if (!REVERTED.test(words)) return null
    const reason = words.replace(REVERTED, '')
    if (NOT_TAKEN.test(reason)) return whyNotTaken(client, transaction, number)
    const [, meaning] = MEANINGS.find(([pattern]) => pattern.test(reason)) ?? []
    return meaning ?? (reason === '' ? null : quoted(reason))
  }
  return null
}

/**
 * The exchange is sent, or allowed, no more than a swap may cost. Where it gets that much and still cannot take what the
 * swap costs, the swap costs more.
 */
async function whyNotTaken(client: Client, { from, to, wei, data }: TransactionFacts, number: number): Promise<string> {
  const limit = to === null ? null : readSwapLimit(data)
  const tooLittle = 'the wallet held too little of the token, or allowed the exchange too little of it'
  if (to === null || limit === null) return tooLittle
  if (wei >= limit.units) return PRICE_MOVED
  const taking = encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args: [from, to, limit.units] })
  const refusal = await refusalOf(client, { from: to, to: limit.token, wei: 0n, data: taking }, number)
  return refusal === null ? PRICE_MOVED : tooLittle
}

/** The words with which a call fails on top of a block; null where it succeeds. */
async function refusalOf(
  client: Client,
  { from, to, wei, data }: Pick<TransactionFacts, 'from' | 'to' | 'wei' | 'data'>,
  number: number,
): Promise<string | null> {
  const call = { from, ...(to !== null && { to }), value: numberToHex(wei), data }
  try {
    await client.request({ method: 'eth_call', params: [call, numberToHex(number)] })
    return null
  } catch (error) {
    const words = refusalWords(error)
    if (words === null) throw error
    return words
  }
}
