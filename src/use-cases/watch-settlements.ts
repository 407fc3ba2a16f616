import { type Chain, ChainUnavailable } from '../chains/chain.ts'
import { isSettling, isWatched } from '../domain/voucher.ts'
import { lookIntervalMs } from '../domain/watch.ts'
import { eachWatched } from '../store/each-watched.ts'
import { StoreUnavailable, type WatchedVoucher } from '../store/store.ts'
import type { App } from './app.ts'
import { followAttempts } from './follow-attempts.ts'
import { followSettlement } from './follow-settlement.ts'
import { isLeaseLost, whileHolding } from './while-holding.ts'

/** How many vouchers are looked at at a time. */
const AT_ONCE = 8

/** How many vouchers of one payer are looked at in a round for what nobody waits for; the others come up in later ones. */
const MAX_ATTEMPT_LOOKS_PER_PAYER = 20

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
  const due = new Map<string, WatchedVoucher>()
  const nowMs = app.clock()
  for await (const watched of eachWatched(app.store)) {
    if (!isWatchedHere(app, chain, watched)) continue
    const lookedMs = before.get(watched.id)
    if (lookedMs !== undefined) lookTimes.set(watched.id, lookedMs)
    if (nowMs - (lookedMs ?? Number.NEGATIVE_INFINITY) >= lookIntervalMs(watched, nowMs)) due.set(watched.id, watched)
  }
  lookTimesOf.set(chain, lookTimes)
  const looksOf = new Map<string, number>()
  const queue = [...due.values()]
    .toSorted((one, other) => (before.get(one.id) ?? 0) - (before.get(other.id) ?? 0))
    .filter((watched) => mayBeLookedAt(watched, looksOf))
  return lookAtAll(app, askingOnce(chain), queue, lookTimes)
}

/** Whether a voucher is one of the network's, and no call that waits looks by itself. */
function isWatchedHere(app: App, chain: Chain, { id, network }: WatchedVoucher): boolean {
  return network === chain.network && !app.followed.has(id)
}

/** One payer's attempts are not to keep the node from the payments of others. */
function mayBeLookedAt({ payerId, pendingSinceMs }: WatchedVoucher, looksOf: Map<string, number>): boolean {
  if (pendingSinceMs !== null) return true
  const looks = (looksOf.get(payerId) ?? 0) + 1
  looksOf.set(payerId, looks)
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
async function lookAtAll(app: App, chain: Chain, queue: WatchedVoucher[], lookTimes: LookTimes): Promise<boolean> {
  let isAnswered = true
  const worker = async () => {
    try {
      for (let watched = queue.shift(); watched && isAnswered; watched = queue.shift()) {
        lookTimes.set(watched.id, app.clock())
        isAnswered = (await lookAt(app, chain, watched.id)) && isAnswered
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
async function lookAt(app: App, chain: Chain, voucherId: string): Promise<boolean> {
  if (app.followed.has(voucherId)) return true
  try {
    const voucher = await app.store.voucher(voucherId)
    if (voucher === null || !isWatched(voucher)) return true
    const followed = isSettling(voucher) ? await followSettlement(app, chain, voucher) : voucher
    await followAttempts(app, chain, followed)
    return true
  } catch (error) {
    if (isLeaseLost(error) || error instanceof StoreUnavailable) throw error
    const message = 'a settlement could not be looked at; the next round will'
    if (!(error instanceof ChainUnavailable)) {
      app.log.error({ voucherId, err: error }, message)
      return true
    }
    app.log.warn({ voucherId, reason: error.message }, message)
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
