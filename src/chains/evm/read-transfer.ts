import { setImmediate as nextTurn } from 'node:timers/promises'
import { toEventSelector } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { Log } from '../chain.ts'
import { lowerHex } from './hex.ts'

/** Addresses in lower case. */
export type Transfer = { from: Hex; to: Hex; value: bigint }

/** A Transfer among the logs of a transaction. */
export type LoggedTransfer = Transfer & { token: Hex; position: number }

const TRANSFER = toEventSelector('Transfer(address,address,uint256)')

/** "0x" and a word of 32 bytes. */
const WORD_LENGTH = 66
const PADDING_LENGTH = 26

/** Reads an ERC-20 Transfer. The same event with its amount indexed is an ERC-721 token's, and counts no units. */
export function readTransfer(log: Log): Transfer | null {
  const [selector, from, to] = log.topics
  if (selector === undefined || from === undefined || to === undefined) return null
  if (log.topics.length !== 3 || lowerHex(selector) !== TRANSFER || log.data.length !== WORD_LENGTH) return null
  return { from: addressIn(from), to: addressIn(to), value: BigInt(log.data) }
}

function addressIn(topic: Hex): Hex {
  return `0x${topic.slice(PADDING_LENGTH).toLowerCase()}`
}

/** A transaction may have tens of thousands of logs, and is read for many questions: once is enough. */
const readBefore = new WeakMap<readonly Log[], Map<Hex, LoggedTransfer[]>>()

/** The Transfers of a token, in their order. */
export function transfersOf(logs: readonly Log[], token: Hex): LoggedTransfer[] {
  return transfersByToken(logs).get(lowerHex(token)) ?? []
}

/** The Transfers of each token (lower case), in their order. */
export function transfersByToken(logs: readonly Log[]): Map<Hex, LoggedTransfer[]> {
  return readBefore.get(logs) ?? remember(logs, logs.flatMap(readLogged))
}

/** Reads the Transfers ahead, so that they are there when they are asked for; others have their turns in between. */
export async function readTransfersAhead(logs: readonly Log[]): Promise<void> {
  const transfers: LoggedTransfer[] = []
  for (const [position, log] of logs.entries()) {
    if (position % LOGS_A_TURN === LOGS_A_TURN - 1) await nextTurn()
    transfers.push(...readLogged(log, position))
  }
  remember(logs, transfers)
}

/** Logs that are read in one turn of the event loop. */
export const LOGS_A_TURN = 1_000

function readLogged(log: Log, position: number): LoggedTransfer[] {
  const transfer = readTransfer(log)
  return transfer === null ? [] : [{ ...transfer, token: lowerHex(log.address), position }]
}

function remember(logs: readonly Log[], transfers: LoggedTransfer[]): Map<Hex, LoggedTransfer[]> {
  const byToken = Map.groupBy(transfers, ({ token }) => token)
  readBefore.set(logs, byToken)
  return byToken
}
