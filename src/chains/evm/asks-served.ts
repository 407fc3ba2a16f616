import { toEventSelector } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { InternalActs, Log, MinedSighting, Served } from '../chain.ts'
import { readUnwraps } from './build-swap.ts'
import { lowerHex } from './hex.ts'
import { logPart } from './parts.ts'
import { type LoggedTransfer, transfersByToken } from './read-transfer.ts'

const SWAP = toEventSelector('Swap(address,address,int256,int256,uint160,uint128,int24)')

/**
 * Everything that payees may have asked for and whose payment would take one of these parts: each Transfer by itself, what a
 * pool gave as the end of a swap, and the transaction as a whole, with what its call hands out.
 */
export function asksServed(
  { transaction, logs }: MinedSighting,
  parts: string[],
  internal?: InternalActs | null,
): Served[] {
  const claimed = new Set(parts)
  const pools = poolsIn(logs)
  const transfers = [...transfersByToken(logs).values()].flat()
  return [
    ...transfers.filter(({ position }) => claimed.has(logPart(position))).map((transfer) => ofTransfer(transfer)),
    ...transfers.filter(({ from }) => pools.has(from)).map((transfer) => ({ ...ofTransfer(transfer), giver: null })),
    ...ofWhole(transaction),
    ...(internal ? ofInternal(internal) : []),
  ]
}

/** What says that it has swapped. */
function poolsIn(logs: readonly Log[]): Set<Hex> {
  return new Set(logs.filter(({ topics }) => topics[0] === SWAP).map(({ address }) => lowerHex(address)))
}

function ofTransfer({ token, from, to, value }: LoggedTransfer): Served {
  return { asked: { kind: 'token', token, recipient: to, units: value }, giver: from }
}

/** What contracts did within it. Coins that a router gives may end the swap of anybody. */
function ofInternal({ coins, calls }: InternalActs): Served[] {
  return [
    ...coins.map(({ to, wei }): Served => ({ asked: { kind: 'native', recipient: to, wei }, giver: null })),
    ...(calls ?? []).flatMap((call) => ofCall(call)),
  ]
}

function ofWhole({ from, to, wei, data }: MinedSighting['transaction']): Served[] {
  return to === null ? [] : ofCall({ from, to, wei, data })
}

/** The call, the coins that it carries, and those that an exchange hands out for it. */
function ofCall({ from, to, wei, data }: { from: Hex; to: Hex; wei: bigint; data: Hex }): Served[] {
  const giver = lowerHex(from)
  return [
    { asked: { kind: 'call', to, wei, data }, giver },
    ...(wei === 0n ? [] : [{ asked: { kind: 'native' as const, recipient: to, wei }, giver }]),
    ...readUnwraps(data).map((unwrapped): Served => ({ asked: { kind: 'native', ...unwrapped }, giver })),
  ]
}
