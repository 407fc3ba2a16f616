import { decodeEventLog, erc20Abi, size, toEventSelector } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { Log } from '../chain.ts'
import { sameHex } from './hex.ts'

export type Transfer = { from: Hex; to: Hex; value: bigint }

const TRANSFER = toEventSelector('Transfer(address,address,uint256)')

/** Reads an ERC-20 Transfer. The same event with its amount indexed is an ERC-721 token's, and counts no units. */
export function readTransfer(log: Log): Transfer | null {
  const [selector, from, to] = log.topics
  if (selector === undefined || from === undefined || to === undefined) return null
  if (log.topics.length !== 3 || !sameHex(selector, TRANSFER) || size(log.data) !== 32) return null
  const { args } = decodeEventLog({
    abi: erc20Abi,
    eventName: 'Transfer',
    topics: [TRANSFER, from, to],
    data: log.data,
  })
  return args
}
