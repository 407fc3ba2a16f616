import { decodeEventLog, parseAbi } from 'viem'
import type { Hex, SwapExpectation } from '../../domain/payment.ts'
import type { Log, Proof, ProofQuestion } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'
import { COUNTED_ALREADY, everyPart, logPart, unproven } from './parts.ts'
import { readTransfer } from './read-transfer.ts'
import { topLevelFault } from './transaction-faults.ts'

const EVENTS = parseAbi([
  'event Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, uint160 sqrtPriceX96, uint128 liquidity, int24 tick)',
  'event Withdrawal(address indexed src, uint256 wad)',
])

/**
 * Whether a transaction swaps what the payer has for exactly what the payee asked.
 *
 * Between tokens the logs tell it all, so that the swap may be one call of many: the payee's Transfer comes from the
 * last pool, and a Transfer of a payer into the first pool is what the pools say they took for it. Each of the two
 * counts once; whoever shows somebody else's swap lacks the second.
 * The native coin leaves no such log on its way in or out, so there the transaction must be the very call that was asked.
 */
export function proveSwap(question: ProofQuestion, expectation: SwapExpectation): Proof {
  const arrival = expectation.givesNative ? findUnwrapping(question, expectation) : findArrival(question, expectation)
  return expectation.paysNative || expectation.givesNative
    ? proveCall(question, expectation, arrival)
    : proveByLogs(question, expectation, arrival)
}

/** The parts that show what the payee got, those that may still count first; or why there are none. */
type Arrival = { parts: string[] } | { fault: string }

function findArrival({ sighting, taken }: ProofQuestion, { route, recipient, units }: SwapExpectation): Arrival {
  const [token, pool] = [route.tokens.at(-1), route.pools.at(-1)]
  const received = transfersIn(sighting.logs, token).filter(
    ({ from, to, value }) => isSame(from, pool) && sameHex(to, recipient) && value === units,
  )
  if (received.length === 0) {
    return {
      fault: `the transaction has no Transfer of exactly ${units} units of ${token} from the pool ${pool} to ${recipient}`,
    }
  }
  const free = received.filter(({ part }) => !taken?.has(part))
  return free.length === 0 ? { fault: `the Transfer ${COUNTED_ALREADY}` } : { parts: free.map(({ part }) => part) }
}

/** Coins on their way out of the exchange. It may hold a little more than it was given: then the payee gets that too. */
function findUnwrapping({ sighting }: ProofQuestion, { route, units }: SwapExpectation): Arrival {
  const isUnwrapped = sighting.logs.some((log) => {
    const event = sameHex(log.address, route.wrappedNative) ? readEvent(log) : null
    return event?.eventName === 'Withdrawal' && sameHex(event.args.src, route.router) && event.args.wad >= units
  })
  return isUnwrapped ? { parts: [] } : { fault: `the exchange gave out no ${units} wei` }
}

function proveCall({ sighting, payers, taken }: ProofQuestion, { call }: SwapExpectation, arrival: Arrival): Proof {
  const fault = topLevelFault(sighting.transaction, { kind: 'call', ...call }, payers)
  if (fault !== null) return unproven(fault)
  if ('fault' in arrival) return unproven(arrival.fault)
  const parts = everyPart(sighting)
  if (parts.some((part) => taken?.has(part))) return unproven(`a part of the transaction ${COUNTED_ALREADY}`)
  return { proven: true, parts }
}

function proveByLogs(question: ProofQuestion, { route, recipient, units }: SwapExpectation, arrival: Arrival): Proof {
  if ('fault' in arrival) return unproven(arrival.fault)
  const { sighting, payers, taken } = question
  const inputs = inputsOf(sighting.logs, route, { recipient, units })
  const [token, pool] = [route.tokens[0], route.pools[0]]
  const given = transfersIn(sighting.logs, token).find(
    ({ part, from, to, value }) => isAmong(from, payers) && isSame(to, pool) && inputs.has(value) && !taken?.has(part),
  )
  const [received] = arrival.parts
  if (given === undefined || received === undefined) {
    return unproven(`no Transfer of an address of the payer into the pool ${pool} pays for what the payee got`)
  }
  return { proven: true, parts: [given.part, received] }
}

/** What the first pool took for what the last one gave, by the word of each pool on the way; from the end to the start. */
function inputsOf(
  logs: Log[],
  { tokens, pools }: SwapExpectation['route'],
  end: { recipient: Hex; units: bigint },
): ReadonlySet<bigint> {
  let outputs: ReadonlySet<bigint> = new Set([end.units])
  let recipient = end.recipient
  for (let hop = pools.length - 1; hop >= 0; hop--) {
    const [pool, one, other] = [pools[hop], tokens[hop], tokens[hop + 1]]
    if (pool === undefined || one === undefined || other === undefined) return new Set()
    const trades = tradesOf(logs, pool, BigInt(one) < BigInt(other)).filter((trade) => sameHex(trade.to, recipient))
    outputs = new Set(trades.filter(({ gave }) => outputs.has(gave)).map(({ took }) => took))
    recipient = pool
  }
  return outputs
}

type Trade = { to: Hex; took: bigint; gave: bigint }

/** A pool counts what comes in up and what goes out down. */
function tradesOf(logs: Log[], pool: Hex, takesFirst: boolean): Trade[] {
  return logs.flatMap((log) => {
    const event = sameHex(log.address, pool) ? readEvent(log) : null
    if (event?.eventName !== 'Swap') return []
    const { recipient, amount0, amount1 } = event.args
    return [
      takesFirst ? { to: recipient, took: amount0, gave: -amount1 } : { to: recipient, took: amount1, gave: -amount0 },
    ]
  })
}

function transfersIn(logs: Log[], token: Hex | undefined) {
  return logs.flatMap((log, position) => {
    const transfer = isSame(log.address, token) ? readTransfer(log) : null
    return transfer === null ? [] : [{ part: logPart(position), ...transfer }]
  })
}

function isSame(address: Hex, other: Hex | undefined): boolean {
  return other !== undefined && sameHex(address, other)
}

function readEvent({ topics, data }: Log) {
  const [selector, ...rest] = topics
  if (selector === undefined) return null
  try {
    return decodeEventLog({ abi: EVENTS, topics: [selector, ...rest], data })
  } catch {
    return null
  }
}
