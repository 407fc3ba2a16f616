import { getAddress, parseAbi } from 'viem'
import type { Hex, SwapExpectation, SwapRoute } from '../../domain/payment.ts'
import type { InternalCall, Log, Proof, ProofQuestion } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'
import { COUNTED_ALREADY, coinPart, everyPart, logPart, unproven } from './parts.ts'
import { readEvent } from './read-event.ts'
import { readTransfer } from './read-transfer.ts'
import { isAskedCall, mayActInternally, topLevelFault } from './transaction-faults.ts'

const EVENTS = parseAbi([
  'event Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, uint160 sqrtPriceX96, uint128 liquidity, int24 tick)',
  'event Withdrawal(address indexed src, uint256 wad)',
])

/**
 * Whether a transaction swaps what the payer has for exactly what the payee asked.
 *
 * Between tokens the logs tell it all, so that the swap may be one call of many. A pool first gives, then asks to be
 * paid, then says what it has swapped, and does nothing else meanwhile: so whatever stands between its Transfer to the
 * payee and that Swap is part of this very swap, and a Transfer of a payer there is what paid for it. What the payer
 * gave a pool for another swap in the same transaction, of its own or of somebody else, stands elsewhere.
 * The native coin leaves no such log on its way in or out, so there the transaction must be the very call that was asked,
 * or a contract of the payer must have made that call within it.
 */
export function proveSwap(question: ProofQuestion, expectation: SwapExpectation): Proof {
  const { paysNative, givesNative } = expectation
  if (givesNative) {
    return proveCall(question, expectation, unwrappingFault(question, expectation), () =>
      proveCoinsOut(question, expectation),
    )
  }
  const arrivals = arrivalsOf(question, expectation)
  const fault = arrivalFault(question, expectation, arrivals)
  if (paysNative) {
    return proveCall(question, expectation, fault, () => proveCoinsIn(question, expectation, arrivals))
  }
  return fault === null ? proveByLogs(question, expectation, arrivals) : unproven(fault)
}

/** What one pool swapped, and where that stands among the logs. */
type Trade = {
  to: Hex
  took: bigint
  gave: bigint
  /** The position of the Transfer with which it began. */
  start: number
  /** The position of the Swap with which it ended. */
  end: number
}

/** The swaps in which the last pool gave the payee exactly what it asked. */
function arrivalsOf({ sighting }: ProofQuestion, { route, recipient, units }: SwapExpectation): Trade[] {
  const trades = tradesOf(sighting.logs, route, route.pools.length - 1)
  return trades.filter(({ to, gave }) => sameHex(to, recipient) && gave === units)
}

function arrivalFault(
  { taken }: ProofQuestion,
  { route, recipient, units }: SwapExpectation,
  arrivals: Trade[],
): string | null {
  const [token, pool] = [route.tokens.at(-1), route.pools.at(-1)]
  if (arrivals.length === 0) {
    return `the transaction has no swap with a Transfer of exactly ${units} units of ${token} from the pool ${pool} to ${recipient}`
  }
  return arrivals.every(({ start }) => taken?.has(logPart(start))) ? `the Transfer ${COUNTED_ALREADY}` : null
}

/** Coins on their way out of the exchange. It may hold a little more than it was given: then the payee gets that too. */
function unwrappingFault({ sighting }: ProofQuestion, { route, units }: SwapExpectation): string | null {
  const isUnwrapped = sighting.logs.some((log) => {
    const event = sameHex(log.address, route.wrappedNative) ? readEvent(EVENTS, log) : null
    return event?.eventName === 'Withdrawal' && sameHex(event.args.src, route.router) && event.args.wad >= units
  })
  return isUnwrapped ? null : `the exchange gave out no ${units} wei`
}

/** @param proveInternally what to do where the transaction itself is not the call */
function proveCall(
  { sighting, payers, taken, internal }: ProofQuestion,
  { call }: SwapExpectation,
  otherFault: string | null,
  proveInternally: () => Proof | null,
): Proof {
  const { transaction } = sighting
  const callFault = topLevelFault(transaction, { kind: 'call', ...call }, payers)
  const fault = callFault ?? otherFault
  if (fault === null) {
    const parts = everyPart(sighting)
    if (parts.some((part) => taken?.has(part))) return unproven(`a part of the transaction ${COUNTED_ALREADY}`)
    return { proven: true, parts, payer: getAddress(transaction.from) }
  }
  if (callFault === null || otherFault !== null || !mayActInternally(transaction, call.to)) return unproven(fault)
  if (!internal?.calls) return { ...unproven(fault), hidden: true }
  return proveInternally() ?? unproven(`${fault}, and no contract of the payer made the call in it`)
}

/** The very calls that were asked, made within the transaction by a contract that pays. */
function internalCallsOf({ internal, payers }: ProofQuestion, { call }: SwapExpectation): InternalCall[] {
  return (internal?.calls ?? []).filter((made) => isAskedCall(made, call, payers))
}

/** What the call sent to the exchange, and the swap that the exchange, and no other trader, paid for with wrapped coins. */
function proveCoinsIn(question: ProofQuestion, expectation: SwapExpectation, arrivals: Trade[]): Proof | null {
  const { taken } = question
  const calls = internalCallsOf(question, expectation)
  const call = calls.find(({ firstCoin }) => !taken?.has(coinPart(firstCoin)))
  if (call === undefined) return calls.length === 0 ? null : unproven(`the call of the exchange ${COUNTED_ALREADY}`)
  const { route } = expectation
  for (const arrival of arrivals) {
    if (taken?.has(logPart(arrival.start))) continue
    const given = paymentFor({ ...question, payers: [route.router] }, route, arrival)
    if (given === null) continue
    const parts = [coinPart(call.firstCoin), logPart(given.position), logPart(arrival.start)]
    return { proven: true, parts, payer: getAddress(call.from) }
  }
  return unproven(`no swap of the exchange's own coins pays for what the payee got`)
}

/** What the exchange sent to the payee within the call. */
function proveCoinsOut(question: ProofQuestion, expectation: SwapExpectation): Proof | null {
  const { recipient, units, route } = expectation
  const coins = question.internal?.coins ?? []
  const calls = internalCallsOf(question, expectation)
  for (const { from, firstCoin, endCoin } of calls) {
    for (let position = firstCoin; position < endCoin; position++) {
      const coin = coins[position]
      const isGiven =
        coin !== undefined && sameHex(coin.from, route.router) && sameHex(coin.to, recipient) && coin.wei >= units
      if (isGiven && !question.taken?.has(coinPart(position))) {
        return { proven: true, parts: [coinPart(position)], payer: getAddress(from) }
      }
    }
  }
  return calls.length === 0 ? null : unproven(`what the exchange gave out ${COUNTED_ALREADY}`)
}

function proveByLogs(question: ProofQuestion, { route }: SwapExpectation, arrivals: Trade[]): Proof {
  for (const arrival of arrivals) {
    if (question.taken?.has(logPart(arrival.start))) continue
    const given = paymentFor(question, route, arrival)
    if (given === null) continue
    return { proven: true, parts: [logPart(given.position), logPart(arrival.start)], payer: getAddress(given.from) }
  }
  return unproven(`no Transfer of an address of the payer into the pool ${route.pools[0]} pays for what the payee got`)
}

/** The payer's own Transfer for a swap of the last pool: the pools on the way are paid by each other. */
function paymentFor(
  { sighting, payers, taken }: ProofQuestion,
  route: SwapRoute,
  last: Trade,
): { position: number; from: Hex } | null {
  let trade = last
  for (let hop = route.pools.length - 2; hop >= 0; hop--) {
    const payee = route.pools[hop + 1]
    const paying = tradesOf(sighting.logs, route, hop).find(
      (other) => isSame(other.to, payee) && other.gave === trade.took && isWithin(other, trade),
    )
    if (paying === undefined) return null
    trade = paying
  }
  const given = transfersOf(sighting.logs, route.tokens[0]).find(
    ({ position, from, to, value }) =>
      isAmong(from, payers) &&
      isSame(to, route.pools[0]) &&
      value === trade.took &&
      isWithin({ start: position, end: position }, trade) &&
      !taken?.has(logPart(position)),
  )
  return given ?? null
}

type Span = Pick<Trade, 'start' | 'end'>

function isWithin(inner: Span, outer: Span): boolean {
  return outer.start < inner.start && inner.end < outer.end
}

/** The swaps of one pool of a route. It counts what comes in up and what goes out down. */
function tradesOf(logs: Log[], { tokens, pools }: SwapRoute, hop: number): Trade[] {
  const [pool, tokenIn, tokenOut] = [pools[hop], tokens[hop], tokens[hop + 1]]
  if (pool === undefined || tokenIn === undefined || tokenOut === undefined) return []
  const given = transfersOf(logs, tokenOut).filter(({ from }) => sameHex(from, pool))
  const trades: Trade[] = []
  let lastSaid = -1
  for (const [end, log] of logs.entries()) {
    if (!sameHex(log.address, pool)) continue
    const trade = BigInt(tokenIn) < BigInt(tokenOut) ? readTrade(log) : reversed(readTrade(log))
    const start = given.find(
      ({ position, to, value }) =>
        lastSaid < position && position < end && trade !== null && sameHex(to, trade.to) && value === trade.gave,
    )?.position
    if (trade !== null && start !== undefined) trades.push({ ...trade, start, end })
    lastSaid = end
  }
  return trades
}

type Amounts = Pick<Trade, 'to' | 'took' | 'gave'>

/** A Swap that takes the first token of its pool. */
function readTrade(log: Log): Amounts | null {
  const event = readEvent(EVENTS, log)
  if (event?.eventName !== 'Swap') return null
  const { recipient, amount0, amount1 } = event.args
  return { to: recipient, took: amount0, gave: -amount1 }
}

function reversed(trade: Amounts | null): Amounts | null {
  return trade && { ...trade, took: -trade.gave, gave: -trade.took }
}

function transfersOf(logs: Log[], token: Hex | undefined) {
  return logs.flatMap((log, position) => {
    const transfer = isSame(log.address, token) ? readTransfer(log) : null
    return transfer === null ? [] : [{ position, ...transfer }]
  })
}

function isSame(address: Hex, other: Hex | undefined): boolean {
  return other !== undefined && sameHex(address, other)
}
