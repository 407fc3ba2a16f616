import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Chain, ChainUnavailable } from '../chains/chain.ts'
import { hasTerms, isSettling, paymentsOf, type TermedVoucher, type Voucher } from '../domain/voucher.ts'
import { StoreUnavailable } from '../store/store.ts'
import type { App } from './app.ts'
import { followAttempts } from './follow-attempts.ts'
import { followSettlement } from './follow-settlement.ts'
import { isLeaseLost, whileHolding } from './while-holding.ts'

/** How many settlements are sorted at a time, how many of them are read in one turn, and how many are looked at at a time. */
const PAGE_SIZE = 1000
const SLICE_SIZE = 25
const AT_ONCE = 8

/** How many vouchers of one payer are looked at in a round for what nobody waits for; the others come up in later ones. */
const MAX_ATTEMPT_LOOKS_PER_PAYER = 20
/** What waits for its block longer than this is looked at more and more seldom. */
const PENDING_PATIENCE_MS = 60 * 60 * 1000
const MIN_ATTEMPT_INTERVAL_MS = 2_000
const MAX_ATTEMPT_INTERVAL_MS = 15 * 60 * 1000
const MAX_PENDING_INTERVAL_MS = 60_000

/** When this node last looked at the vouchers of a network that are not looked at in each round. */
type LookTimes = Map<string, number>
const lookTimesOf = new WeakMap<Chain, LookTimes>()

/**
 * One round over the PENDING settlements and the attempts of a network, which one node at a time makes. A settlement that cannot be looked
 * at now is looked at in the next round; its trouble is nobody else's, and neither is that of a whole network.
 */
export async function watchSettlements(app: App, chain: Chain): Promise<void> {
  const lease = `watch:${chain.network}`
  let isCutOff = false
  await whileHolding(app, lease, async (app) => {
    isCutOff = !(await lookAtEach(app, chain))
  })
  // Another node of ours may reach a node of the network.
  if (isCutOff) await app.leases.giveUp(lease)
}

/** @returns false where the network's node does not answer, and the round is over */
async function lookAtEach(app: App, chain: Chain): Promise<boolean> {
  const before: LookTimes = lookTimesOf.get(chain) ?? new Map()
  // Only what is still watched is remembered.
  const lookTimes: LookTimes = new Map()
  lookTimesOf.set(chain, lookTimes)
  const once = askingOnce(chain)
  const looksOf = new Map<string, number>()
  for (let offset = 0; ; offset += PAGE_SIZE) {
    const { watched, isLast } = await readPage(app, chain, offset)
    for (const { id } of watched) {
      const lookedMs = before.get(id)
      if (lookedMs !== undefined) lookTimes.set(id, lookedMs)
    }
    const nowMs = app.clock()
    const longestUnseen = (one: TermedVoucher, other: TermedVoucher) =>
      (before.get(one.id) ?? 0) - (before.get(other.id) ?? 0)
    const queue = watched
      .toSorted(longestUnseen)
      .filter((voucher) => isDue(voucher, lookTimes, nowMs) && mayBeLookedAt(voucher, looksOf))
    for (const { id } of queue) lookTimes.set(id, nowMs)
    if (!(await lookAtAll(app, once, queue))) return false
    if (isLast) return true
  }
}

/** The largest rows have more than 100 KB: they are read slice by slice, and only those of the network are kept. */
async function readPage(
  app: App,
  chain: Chain,
  offset: number,
): Promise<{ watched: TermedVoucher[]; isLast: boolean }> {
  const watched: TermedVoucher[] = []
  for (let read = 0; read < PAGE_SIZE; read += SLICE_SIZE) {
    const slice = await app.store.settling(SLICE_SIZE, offset + read)
    watched.push(...slice.filter((voucher) => isWatchedHere(app, chain, voucher)))
    if (slice.length < SLICE_SIZE) return { watched, isLast: true }
    await nextTurn()
  }
  return { watched, isLast: false }
}

/** Whether a voucher is one of the network's, and no call that waits looks by itself. */
function isWatchedHere(app: App, chain: Chain, voucher: Voucher): voucher is TermedVoucher {
  return hasTerms(voucher) && paymentsOf(voucher)[0]?.network === chain.network && !app.followed.has(voucher.id)
}

/** The longer something has not been mined, the more seldom it is looked at; what is mined is looked at in each round. */
function isDue(voucher: TermedVoucher, lookTimes: LookTimes, nowMs: number): boolean {
  const sinceLookMs = nowMs - (lookTimes.get(voucher.id) ?? Number.NEGATIVE_INFINITY)
  return sinceLookMs >= intervalMs(voucher, nowMs)
}

function intervalMs(voucher: TermedVoucher, nowMs: number): number {
  if (isSettling(voucher)) {
    const { transactions, submittedAtMs } = voucher.settlement
    const isMined = transactions.every(({ block }) => block !== null)
    const ageMs = nowMs - submittedAtMs
    return isMined || ageMs < PENDING_PATIENCE_MS ? 0 : Math.min(MAX_PENDING_INTERVAL_MS, ageMs / 120)
  }
  const ageMs = Math.min(...(voucher.attempts ?? []).map(({ sinceMs }) => nowMs - sinceMs))
  return Math.min(MAX_ATTEMPT_INTERVAL_MS, Math.max(MIN_ATTEMPT_INTERVAL_MS, ageMs / 10))
}

/** One payer's attempts are not to keep the node from the payments of others. */
function mayBeLookedAt(voucher: TermedVoucher, looksOf: Map<string, number>): boolean {
  if (isSettling(voucher)) return true
  const looks = (looksOf.get(voucher.payerId) ?? 0) + 1
  looksOf.set(voucher.payerId, looks)
  return looks <= MAX_ATTEMPT_LOOKS_PER_PAYER
}

/** The chain, asked once in a round where a transaction stands: it may be that of many vouchers. */
function askingOnce(chain: Chain): Chain {
  const sightings = new Map<string, ReturnType<Chain['sight']>>()
  const sight: Chain['sight'] = (hash) => {
    const known = sightings.get(hash) ?? chain.sight(hash)
    sightings.set(hash, known)
    return known
  }
  return new Proxy(chain, {
    get(target, name) {
      if (name === 'sight') return sight
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** @returns false where the network's node does not answer; then some were not looked at */
async function lookAtAll(app: App, chain: Chain, queue: TermedVoucher[]): Promise<boolean> {
  let isAnswered = true
  const worker = async () => {
    try {
      for (let voucher = queue.shift(); voucher && isAnswered; voucher = queue.shift()) {
        isAnswered = (await lookAt(app, chain, voucher)) && isAnswered
      }
    } finally {
      queue.length = 0
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return isAnswered
}

/**
 * @returns false where the network's node does not answer, whatever it is asked
 * @throws what ends the round: the lease is lost, or the store is out of reach
 */
async function lookAt(app: App, chain: Chain, voucher: TermedVoucher): Promise<boolean> {
  try {
    const followed = isSettling(voucher) ? await followSettlement(app, chain, voucher) : voucher
    await followAttempts(app, chain, followed)
    return true
  } catch (error) {
    if (isLeaseLost(error) || error instanceof StoreUnavailable) throw error
    const message = 'a settlement could not be looked at; the next round will'
    if (!(error instanceof ChainUnavailable)) {
      app.log.error({ voucherId: voucher.id, err: error }, message)
      return true
    }
    app.log.warn({ voucherId: voucher.id, reason: error.message }, message)
    return answers(chain)
  }
}

async function answers(chain: Chain): Promise<boolean> {
  try {
    await chain.head()
    return true
  } catch (error) {
    if (error instanceof ChainUnavailable) return false
    throw error
  }
}
