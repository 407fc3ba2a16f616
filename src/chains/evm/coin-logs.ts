import { decodeAbiParameters, getAddress, pad, parseAbiParameters, size, slice, toEventSelector } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { CoinTransfer, Log, MinedSighting } from '../chain.ts'
import { sameHex } from './hex.ts'
import { readTransfer } from './read-transfer.ts'

/** The address in whose name a chain writes the log of each transfer of its coin (EIP-7708). Nobody has a key or a contract there. */
export const COIN_LOG_ADDRESS: Hex = '0xfffffffffffffffffffffffffffffffffffffffe'

/** Polygon's coin as a contract. The protocol logs each transfer of the coin in its name. */
const POLYGON_COIN: Hex = '0x0000000000000000000000000000000000001010'
/** Polygon and its test network: elsewhere that address is like any other. */
const POLYGON_CHAIN_IDS = new Set([137, 80_002])

const LOG_TRANSFER = toEventSelector('LogTransfer(address,address,address,uint256,uint256,uint256,uint256,uint256)')
const LOG_TRANSFER_WORDS = parseAbiParameters('uint256, uint256, uint256, uint256, uint256')

/** Whether the chain is one on which the protocol writes Polygon's logs of coins. */
export function writesPolygonLogs(chainId: number): boolean {
  return POLYGON_CHAIN_IDS.has(chainId)
}

/** Whether a transaction has logs of coins that count where only the protocol can have written them. */
export function hasCoinLogs({ logs }: MinedSighting): boolean {
  return logs.some((log) => readCoinLog(log) !== null)
}

/**
 * What contracts moved of the coin, by the logs that EIP-7708 makes the chain write.
 * @returns null where there are none, or where they are not as the rule says
 */
export function coinsByLogs({ transaction, logs }: MinedSighting): CoinTransfer[] | null {
  return withoutOwn(
    transaction,
    logs.flatMap((log) => readCoinLog(log) ?? []),
  )
}

/**
 * What contracts moved of the coin, by Polygon's logs.
 * @returns null where there are none, where the transaction's own transfer is missing among them, and where the coin's
 * contract itself took part: it writes logs of the same form, so that one transfer would show twice
 */
export function coinsByPolygonLogs({ transaction, logs }: MinedSighting): CoinTransfer[] | null {
  const transfers = logs.flatMap((log) => readPolygonLog(log) ?? [])
  const isAmbiguous = transfers.some(({ from, to }) => sameHex(from, POLYGON_COIN) || sameHex(to, POLYGON_COIN))
  return isAmbiguous ? null : withoutOwn(transaction, transfers)
}

/** The first that says what the transaction itself carries is just that, and no contract's. */
function withoutOwn({ from, to, wei }: MinedSighting['transaction'], transfers: CoinTransfer[]): CoinTransfer[] | null {
  if (transfers.length === 0) return null
  const others = transfers.filter((transfer) => !sameHex(transfer.from, transfer.to))
  if (wei === 0n || (to !== null && sameHex(from, to))) return others
  const own = others.findIndex(
    (other) => other.wei === wei && sameHex(other.from, from) && (to === null || sameHex(other.to, to)),
  )
  return own < 0 ? null : others.toSpliced(own, 1)
}

function readCoinLog(log: Log): CoinTransfer | null {
  const transfer = sameHex(log.address, COIN_LOG_ADDRESS) ? readTransfer(log) : null
  return transfer && { from: transfer.from, to: transfer.to, wei: transfer.value }
}

function readPolygonLog({ address, topics, data }: Log): CoinTransfer | null {
  const [selector, token, from, to] = topics
  if (!sameHex(address, POLYGON_COIN) || topics.length !== 4 || size(data) !== 5 * 32) return null
  if (selector === undefined || token === undefined || from === undefined || to === undefined) return null
  if (!sameHex(selector, LOG_TRANSFER) || !sameHex(token, pad(POLYGON_COIN))) return null
  const [wei] = decodeAbiParameters(LOG_TRANSFER_WORDS, data)
  return wei === 0n ? null : { from: getAddress(slice(from, 12)), to: getAddress(slice(to, 12)), wei }
}
