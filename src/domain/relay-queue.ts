import type { Hex } from './hex.ts'

/**
 * The transactions that one relayer key has signed and that are not settled, and what it has spent of late. Whoever adds
 * one writes the next version of the queue, so that no nonce is given twice, on however many nodes.
 */
export type RelayQueue = {
  /** Chain id and address of the key: `137:0x…`, in lower case. */
  id: string
  version: number
  /** In the order of their nonces. */
  relays: Relay[]
  /** By the hour in which it was spent, oldest first. */
  spent: SpentHour[]
}

/** One nonce of the key, from its first signature until the block that used it lies deep enough. */
export type Relay = {
  nonce: number
  /** The voucher whose payment it carries; null where it only fills a gap, so that those behind it are mined. */
  voucherId: string | null
  /** Every transaction that was signed for the nonce, the newest last: any of them may be mined. */
  hashes: Hex[]
  /** The newest of them, as it is broadcast. */
  signedTransaction: Hex
  /** The most that any of them can cost, in wei. */
  maxCostWei: string
  /** Whether the newest one moves nothing. */
  isCancelled: boolean
  /** When the authorization that it carries ends (Unix milliseconds); null where it carries none. */
  validBeforeMs: number | null
  /** When the newest was signed (Unix milliseconds). */
  signedAtMs: number
}

type SpentHour = { hour: number; wei: string }

/** A transaction as the relayer signs it. */
export type SignedRelay = { nonce: number; hash: Hex; signedTransaction: Hex; maxCostWei: bigint }

/** How many may be under way at once: who replaces stuck ones looks at each of them. */
export const MOST_RELAYS = 50

const HOUR_MS = 60 * 60 * 1000
const HOURS_A_DAY = 24

export function newRelayQueue(id: string): RelayQueue {
  return { id, version: 0, relays: [], spent: [] }
}

/**
 * The nonce that comes next.
 * @param pendingNonce what the node would give, which counts what the key was used for elsewhere
 */
export function nextNonce({ relays }: RelayQueue, pendingNonce: number): number {
  return Math.max(pendingNonce, ...relays.map(({ nonce }) => nonce + 1))
}

/** What the last 24 hours have cost, in wei, with the most that those under way can cost. Whole hours count. */
export function spentWei({ relays, spent }: RelayQueue, nowMs: number): bigint {
  const paid = recent(spent, nowMs).map(({ wei }) => BigInt(wei))
  return [...paid, ...relays.map(({ maxCostWei }) => BigInt(maxCostWei))].reduce((sum, wei) => sum + wei, 0n)
}

/** Adds a transaction; the relays stay in the order of their nonces. */
export function addRelay(
  queue: RelayQueue,
  signed: SignedRelay,
  carried: { voucherId: string; validBeforeMs: number } | null,
  nowMs: number,
): RelayQueue {
  const relay: Relay = {
    nonce: signed.nonce,
    voucherId: carried?.voucherId ?? null,
    hashes: [signed.hash],
    signedTransaction: signed.signedTransaction,
    maxCostWei: signed.maxCostWei.toString(),
    isCancelled: carried === null,
    validBeforeMs: carried?.validBeforeMs ?? null,
    signedAtMs: nowMs,
  }
  const relays = [...queue.relays, relay].toSorted((one, other) => one.nonce - other.nonce)
  return { ...queue, version: queue.version + 1, relays }
}

/** Puts a dearer transaction in the place of one with the same nonce. */
export function outbidRelay(
  queue: RelayQueue,
  signed: SignedRelay,
  { isCancelled, nowMs }: { isCancelled: boolean; nowMs: number },
): RelayQueue {
  const outbid = (relay: Relay): Relay => ({
    ...relay,
    hashes: [...relay.hashes, signed.hash],
    signedTransaction: signed.signedTransaction,
    maxCostWei: larger(BigInt(relay.maxCostWei), signed.maxCostWei).toString(),
    isCancelled,
    signedAtMs: nowMs,
  })
  return {
    ...queue,
    version: queue.version + 1,
    relays: queue.relays.map((relay) => (relay.nonce === signed.nonce ? outbid(relay) : relay)),
  }
}

/** Ends what a nonce was used for. @param wei what it has cost; 0 where the key was used for it elsewhere */
export function endRelay(queue: RelayQueue, nonce: number, wei: bigint, nowMs: number): RelayQueue {
  const hour = Math.floor(nowMs / HOUR_MS)
  const spent = recent(queue.spent, nowMs)
  const before = spent.find((each) => each.hour === hour)
  const now: SpentHour = { hour, wei: (BigInt(before?.wei ?? 0) + wei).toString() }
  return {
    ...queue,
    version: queue.version + 1,
    relays: queue.relays.filter((relay) => relay.nonce !== nonce),
    spent: [...spent.filter((each) => each.hour !== hour), now],
  }
}

function recent(spent: SpentHour[], nowMs: number): SpentHour[] {
  return spent.filter(({ hour }) => hour >= Math.floor(nowMs / HOUR_MS) - HOURS_A_DAY)
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
