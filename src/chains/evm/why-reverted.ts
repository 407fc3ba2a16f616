import { numberToHex } from 'viem'
import type { MinedSighting } from '../chain.ts'
import { quoted } from './contract-words.ts'
import { refusalWords } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

const REVERTED = /^execution reverted:? ?/i

/** What the words of the exchange's contracts mean. */
const MEANINGS: readonly [RegExp, string][] = [
  [/Too much requested/, 'the price had moved beyond the slippage bound'],
  [/Transaction too old/, 'the quote had expired when the block came'],
  [/\bSTF\b/, 'the wallet held too little of the token, or allowed the exchange too little of it'],
]

/**
 * Runs a mined transaction that reverted once more, on the block before its own.
 * @returns why it reverted, in words; null where the node cannot tell (any more)
 */
export async function whyReverted({ client }: RpcNode, { transaction, block }: MinedSighting): Promise<string | null> {
  const { from, to, wei, data } = transaction
  const call = { from, ...(to !== null && { to }), value: numberToHex(wei), data }
  try {
    await client.request({ method: 'eth_call', params: [call, numberToHex(block.number - 1)] })
    return null
  } catch (error) {
    const words = refusalWords(error)
    if (words === null) throw error
    if (!REVERTED.test(words)) return null
    const reason = words.replace(REVERTED, '')
    const [, meaning] = MEANINGS.find(([pattern]) => pattern.test(reason)) ?? []
    return meaning ?? (reason === '' ? null : quoted(reason))
  }
}
