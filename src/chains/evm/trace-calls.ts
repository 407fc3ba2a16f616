import { HttpRequestError, hexToBigInt, isAddress, isHex, RpcRequestError } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import {
  ChainUnavailable,
  type CoinTransfer,
  type InternalActs,
  type InternalCall,
  type MinedSighting,
} from '../chain.ts'
import { blockAt } from './blocks.ts'
import { lowerHex, sameHex } from './hex.ts'
import { AnswerTooLongError } from './json-rpc.ts'
import { causeOf, isTransientRefusal } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

/** The node answers, and can show no trace (of this transaction). It says nothing about the transaction. */
export class NoTraceError extends Error {
  override readonly name = 'NoTraceError'
}

/** As deep as the EVM lets calls go. */
const MAX_DEPTH = 1_024
/** More calls than a block has gas for, as most chains limit it. */
const MAX_CALLS = 50_000

const TRACE_OPTIONS = { tracer: 'callTracer', tracerConfig: { onlyTopCall: false, withLog: false } }

/**
 * What contracts did within a mined transaction, as the node traces it (`debug_traceTransaction`).
 * @throws NoTraceError, ChainUnavailable, and whatever the node fails with
 */
export async function traceCalls(node: RpcNode, sighting: MinedSighting): Promise<InternalActs> {
  const answer = await askTrace(node, sighting.transaction.hash)
  // While a reorganisation is under way, the node may have traced what the transaction did in another block.
  const canonical = await blockAt(node.client, sighting.block.number)
  if (canonical?.hash !== sighting.block.hash) throw new ChainUnavailable('the block of the transaction is gone')
  return actsIn(answer, sighting)
}

/**
 * Whether a node traces, told by how it answers about a transaction that nobody has ever sent.
 * @returns null where it cannot be asked right now
 */
export async function canTrace(node: RpcNode): Promise<boolean | null> {
  try {
    await askTrace(node, NO_TRANSACTION)
    return true
  } catch (error) {
    if (error instanceof NoTraceError) return false
    // It knows the method well enough to say that there is no such transaction.
    return causeOf(error, RpcRequestError) !== null && !isTransientRefusal(error) ? true : null
  }
}

const NO_TRANSACTION: Hex = `0x${'00'.repeat(32)}`

/** Nodes word it in many ways when they do not serve a method, or not to this caller. */
const NOT_SERVED =
  /method|support|not (available|allowed|enabled)|disabled|denied|forbidden|unauthori|upgrade|tier|plan\b/i

const NOT_FOUND = /not found|unknown transaction|no such transaction/i

async function askTrace({ client }: RpcNode, hash: Hex): Promise<unknown> {
  try {
    return await client.request<{ Method: 'debug_traceTransaction'; Parameters: [Hex, object]; ReturnType: unknown }>({
      method: 'debug_traceTransaction',
      params: [hash, TRACE_OPTIONS],
    })
  } catch (error) {
    throw hasNoTrace(error) ? new NoTraceError('the node does not trace it', { cause: error }) : error
  }
}

/** Whether the node means it: not that it is busy, or has not heard of the transaction yet. */
function hasNoTrace(error: unknown): boolean {
  // It would be as long each time.
  if (causeOf(error, AnswerTooLongError) !== null) return true
  const status = causeOf(error, HttpRequestError)?.status
  if (status !== undefined) return status >= 400 && status < 500 && status !== 429 && status !== 408
  const refusal = causeOf(error, RpcRequestError)
  if (refusal === null || isTransientRefusal(error)) return false
  return NOT_SERVED.test(refusal.details) || !NOT_FOUND.test(refusal.details)
}

type Frame = { type: string; from: Hex; to: Hex | null; wei: bigint; data: Hex; failed: boolean; calls: unknown[] }

/** What a trace shows. A frame that failed took back all that it did, and all that was done for it. */
function actsIn(trace: unknown, { transaction }: MinedSighting): InternalActs {
  const root = readFrame(trace)
  const isOfIt =
    sameHex(root.from, transaction.from) &&
    root.wei === transaction.wei &&
    (transaction.to === null || (root.to !== null && sameHex(root.to, transaction.to)))
  if (!isOfIt || root.failed) throw new NoTraceError('the trace is not of the transaction')
  const coins: CoinTransfer[] = []
  const calls: InternalCall[] = []
  let seen = 0
  const walk = (frames: unknown[], depth: number): void => {
    if (depth > MAX_DEPTH) throw new NoTraceError('the trace is too deep')
    for (const item of frames) {
      seen += 1
      if (seen > MAX_CALLS) throw new NoTraceError('the trace is too long')
      const frame = readFrame(item)
      if (frame.failed) continue
      const { type, from, to, wei, data } = frame
      const call = { from, to: to ?? from, wei, data, firstCoin: coins.length, endCoin: coins.length }
      if (type === 'CALL') calls.push(call)
      if (MOVES_COINS.has(type) && to !== null && wei > 0n && !sameHex(from, to)) coins.push({ from, to, wei })
      walk(frame.calls, depth + 1)
      call.endCoin = coins.length
    }
  }
  walk(root.calls, 1)
  return { coins, calls }
}

/** The others run code for the one that calls, which keeps its coins: also CALLCODE, whatever value it names. */
const MOVES_COINS = new Set(['CALL', 'CREATE', 'CREATE2', 'SELFDESTRUCT'])

function readFrame(item: unknown): Frame {
  const { type, from, to = null, value = '0x0', input = '0x', error, calls = [] } = isRecord(item) ? item : {}
  const isWhole =
    typeof type === 'string' &&
    isAddressText(from) &&
    (to === null || isAddressText(to)) &&
    isHex(value) &&
    isHex(input) &&
    Array.isArray(calls)
  if (!isWhole) throw new NoTraceError('the trace cannot be read')
  return {
    type: type.toUpperCase(),
    from: lowerHex(from),
    to: to && lowerHex(to),
    wei: value === '0x' ? 0n : hexToBigInt(value),
    data: lowerHex(input),
    failed: error !== undefined && error !== null && error !== '',
    calls,
  }
}

function isRecord(item: unknown): item is Record<string, unknown> {
  return typeof item === 'object' && item !== null
}

function isAddressText(text: unknown): text is Hex {
  return typeof text === 'string' && isAddress(text, { strict: false })
}
