import { getAddress, parseAbi } from 'viem'
import type { Hex, SwapExpectation, SwapRoute } from '../../domain/payment.ts'
import type { InternalCall, Log, Moved, Proof, ProofQuestion, Unproven } from '../chain.ts'
import { isAmong, lowerHex, sameHex } from './hex.ts'
import { COUNTED_ALREADY, coinPart, everyPart, logPart, unproven } from './parts.ts'
import { readEvent } from './read-event.ts'
import { transfersOf } from './read-transfer.ts'
import { isWrittenCall, mayActInternally, writtenCallFault } from './transaction-faults.ts'

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
 * whatever a wallet has added behind it, or a contract of the payer must have made that call within it.
 */
export function proveSwap(question: ProofQuestion, expectation: SwapExpectation): Proof {
  const proof = proveExactly(question, expectation)
  return proof.proven || expectation.arrivedUnits !== undefined ? proof : withShortfall(question, expectation, proof)
}

/**
 * The swap may have been made all the same, of which the token that came out has kept a part: the pool says that it gave what was
 * asked, and less has come to the payee.
 */
function withShortfall(question: ProofQuestion, expectation: SwapExpectation, proof: Unproven): Proof {
  if (expectation.givesNative) return proof
  const moved: Moved[] = []
  let hidden = false
  const shorts = new Map(tradesTo(question, expectation).map(({ arrived, start }) => [arrived, start]))
  for (const [arrived, start] of [...shorts].slice(0, MAX_SHORTFALLS)) {
    if (arrived === expectation.units || arrived === 0n) continue
    const short = proveExactly(question, { ...expectation, arrivedUnits: arrived })
    hidden ||= !short.proven && short.hidden === true
    if (!short.proven) continue
    const fault = `the exchange gave ${expectation.units} units, of which ${arrived} came to ${expectation.recipient}: the token keeps a part`
    // A call takes all of its transaction where it counts; what is only seen is what came.
    const parts = short.parts.includes('call') ? [logPart(start)] : short.parts
    moved.push({ parts, payer: short.payer, units: arrived, fault })
  }
  if (moved.length > 0) return { proven: false, reason: moved[0]?.fault ?? proof.reason, moved }
  return hidden ? { ...proof, hidden } : proof
}

/** A token keeps one share of all that one transaction moves, or a few. */
const MAX_SHORTFALLS = 5

function proveExactly(question: ProofQuestion, expectation: SwapExpectation): Proof {
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
  /** What the Transfer says: less than was given where the token keeps a part. */
  arrived: bigint
  /** The position of the Transfer with which it began. */
  start: number
  /** The position of the Swap with which it ended. */
  end: number
}

/** The swaps in which the last pool gave for the payee exactly what it asked. */
function tradesTo({ sighting }: ProofQuestion, { route, recipient, units }: SwapExpectation): Trade[] {
  const trades = tradesOf(sighting.logs, route, route.pools.length - 1)
  return trades.filter(({ to, gave }) => sameHex(to, recipient) && gave === units)
}

/** Those of which all that is to come to the payee did. */
function arrivalsOf(question: ProofQuestion, expectation: SwapExpectation): Trade[] {
  const { units, arrivedUnits = units } = expectation
  return tradesTo(question, expectation).filter(({ arrived }) => arrived === arrivedUnits)
}

function arrivalFault(
  { taken }: ProofQuestion,
  { route, recipient, units: given, arrivedUnits: units = given }: SwapExpectation,
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
  const callFault = writtenCallFault(transaction, call, payers)
  const fault = callFault ?? otherFault
  if (fault === null) {
    const parts = everyPart(sighting)
    if (parts.some((part) => taken?.has(part))) return unproven(`a part of the transaction ${COUNTED_ALREADY}`)
    return { proven: true, parts, payer: getAddress(transaction.from) }
  }
  if (callFault === null || !mayActInternally(transaction, call.to)) return unproven(fault)
  if (otherFault !== null) return unproven(otherFault)
  if (!internal?.calls) return { ...unproven(fault), hidden: true }
  return proveInternally() ?? unproven(`${fault}, and no contract of the payer made the call in it`)
}

/** The very calls that were asked, made within the transaction by a contract that pays. */
function internalCallsOf({ internal, payers }: ProofQuestion, { call }: SwapExpectation): InternalCall[] {
  return (internal?.calls ?? []).filter((made) => isWrittenCall(made, call, payers))
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

/**
 * The payer's own Transfer for a swap of the last pool: the pools on the way are paid by each other. A pool does one swap
 * at a time, so that the work for all swaps of a transaction grows with its logs and no faster.
 */
function paymentFor(
  { sighting, payers, taken }: ProofQuestion,
  route: SwapRoute,
  last: Trade,
): { position: number; from: Hex } | null {
  let trade = last
  for (let hop = route.pools.length - 2; hop >= 0; hop--) {
    const payee = route.pools[hop + 1]
    const paying = startingWithin(trade, tradesOf(sighting.logs, route, hop), ({ start }) => start).find(
      (other) => other.end < trade.end && isSame(other.to, payee) && other.arrived === trade.took,
    )
    if (paying === undefined) return null
    trade = paying
  }
  const [tokenIn, pool] = [route.tokens[0], route.pools[0]]
  if (tokenIn === undefined) return null
  const given = startingWithin(trade, transfersOf(sighting.logs, tokenIn), ({ position }) => position).find(
    ({ position, from, to, value }) =>
      isAmong(from, payers) && isSame(to, pool) && value === trade.took && !taken?.has(logPart(position)),
  )
  return given ?? null
}

/** Those of a list, ordered by where they start, that start within a trade. */
function startingWithin<Item>(outer: Trade, ordered: readonly Item[], startOf: (item: Item) => number): Item[] {
  let [low, high] = [0, ordered.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const item = ordered[middle]
    if (item !== undefined && startOf(item) <= outer.start) low = middle + 1
    else high = middle
  }
  const within: Item[] = []
  for (let at = low; at < ordered.length; at++) {
    const item = ordered[at]
    if (item === undefined || startOf(item) >= outer.end) break
    within.push(item)
  }
  return within
}

/** What was read of the logs of a transaction, for each pool and direction. */
const readBefore = new WeakMap<Log[], Map<string, Trade[]>>()

/** The swaps of one pool of a route, ordered by their start. It counts what comes in up and what goes out down. */
function tradesOf(logs: Log[], { tokens, pools }: SwapRoute, hop: number): Trade[] {
  const [pool, tokenIn, tokenOut] = [pools[hop], tokens[hop], tokens[hop + 1]]
  if (pool === undefined || tokenIn === undefined || tokenOut === undefined) return []
  const known = readBefore.get(logs) ?? new Map<string, Trade[]>()
  readBefore.set(logs, known)
  const key = [pool, tokenIn, tokenOut].join(' ')
  const trades = known.get(key) ?? readTrades(logs, { pool: lowerHex(pool), tokenIn, tokenOut })
  known.set(key, trades)
  return trades
}

function readTrades(logs: Log[], { pool, tokenIn, tokenOut }: { pool: Hex; tokenIn: Hex; tokenOut: Hex }): Trade[] {
  const given = transfersOf(logs, tokenOut).filter(({ from }) => from === pool)
  const trades: Trade[] = []
  let [lastSaid, next] = [-1, 0]
  for (const [end, log] of logs.entries()) {
    if (lowerHex(log.address) !== pool) continue
    const trade = BigInt(tokenIn) < BigInt(tokenOut) ? readTrade(log) : reversed(readTrade(log))
    // Each Transfer is looked at once: for what the pool says next.
    const first = next
    while ((given[next]?.position ?? end) < end) next++
    const fitting = given.slice(first, next).filter(({ position, to, value }) => {
      return position > lastSaid && trade !== null && sameHex(to, trade.to) && value <= trade.gave
    })
    const transfer = fitting.find(({ value }) => value === trade?.gave) ?? fitting[0]
    if (trade !== null && transfer !== undefined) {
      trades.push({ ...trade, arrived: transfer.value, start: transfer.position, end })
    }
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

function isSame(address: Hex, other: Hex | undefined): boolean {
  return other !== undefined && sameHex(address, other)
}
