import { BroadcastRefused, type Chain, ChainUnavailable } from '../chains/chain.ts'
import type { Relayer, RelayerAccount } from '../chains/relayer.ts'
import type { Hex } from '../domain/payment.ts'
import { addRelay, endRelay, outbidRelay, type Relay, type SignedRelay, spentWei } from '../domain/relay-queue.ts'
import type { Settlement } from '../domain/settlement.ts'
import { hasTerms, type TermedVoucher, trackSettlement } from '../domain/voucher.ts'
import type { App } from './app.ts'
import { decideAndCommit } from './commit.ts'
import { findRelayQueue } from './relay-order.ts'
import { whileHolding } from './while-holding.ts'

/** How long a transaction may wait for its block before anybody asks why. */
export const RELAY_PATIENCE_MS = 60_000

/**
 * One round over what a relayer has under way, which one node at a time makes: what is settled is paid for, what is lost is
 * broadcast again, what is stuck is outbid, and what nobody waits for any more is cancelled, so that nothing blocks the
 * nonces behind it.
 */
export async function tendRelays(app: App, relayer: Relayer, chain: Chain): Promise<void> {
  if ((await findRelayQueue(app, relayer)).relays.length === 0) return
  const lease = `relay:${relayer.network}`
  let isCutOff = false
  await whileHolding(app, lease, async (app) => {
    try {
      await new Round(app, relayer, chain).run()
    } catch (error) {
      if (!(error instanceof ChainUnavailable)) throw error
      isCutOff = true
      app.log.warn({ network: relayer.network, reason: error.message }, 'relays wait for a node; the next round looks')
    }
  })
  // Another node of ours may reach a node of the network.
  if (isCutOff) await app.leases.giveUp(lease)
}

/** @returns tells when the relayer's balance is so low that it may soon not pay for its gas any more */
export function watchRelayerBalance(app: App, relayer: Relayer): () => Promise<void> {
  let wasLow = false
  return async () => {
    const balanceWei = await balanceOf(relayer)
    if (balanceWei === null) return
    const isLow = balanceWei < relayer.dailyCapWei / 10n
    if (isLow && !wasLow) {
      app.log.warn({ network: relayer.network, balanceWei: `${balanceWei}` }, 'the relayer needs coins for its gas')
    }
    wasLow = isLow
  }
}

/** Null while no node can be asked, which others tell of. */
async function balanceOf(relayer: Relayer): Promise<bigint | null> {
  try {
    return (await relayer.account()).balanceWei
  } catch (error) {
    if (error instanceof ChainUnavailable) return null
    throw error
  }
}

class Round {
  readonly #app: App
  readonly #relayer: Relayer
  readonly #chain: Chain

  constructor(app: App, relayer: Relayer, chain: Chain) {
    this.#app = app
    this.#relayer = relayer
    this.#chain = chain
  }

  async run(): Promise<void> {
    const account = await this.#relayer.account()
    const { relays } = await findRelayQueue(this.#app, this.#relayer)
    for (const relay of relays) {
      if (relay.nonce < account.minedNonce) await this.#endIfSettled(relay)
      else await this.#push(relay, relay.nonce === account.minedNonce)
    }
    await this.#fillGap(
      relays.find(({ nonce }) => nonce >= account.minedNonce),
      account,
    )
  }

  /** The nonce is used; what for, and what it has cost, is written down once no reorganisation can change it. */
  async #endIfSettled(relay: Relay): Promise<void> {
    const cost = await this.#relayer.costOf(relay.hashes)
    if (cost !== null) {
      if ((await this.#chain.depthOf(cost.block)).settled) await this.#end(relay, cost.wei)
      return
    }
    const user = await this.#chain.minedByNonce(this.#relayer.address, relay.nonce)
    if (user !== null && !relay.hashes.includes(user.transaction.hash)) {
      this.#app.log.warn(
        { transaction: user.transaction.hash },
        'the relayer key was used elsewhere for a nonce of a relay',
      )
      await this.#end(relay, 0n)
    } else if (this.#isStale(relay)) await this.#end(relay, BigInt(relay.maxCostWei))
  }

  async #end({ nonce }: Relay, wei: bigint): Promise<void> {
    await decideAndCommit(this.#app, null, async () => {
      const queue = await findRelayQueue(this.#app, this.#relayer)
      if (!queue.relays.some((each) => each.nonce === nonce)) return { change: null, answer: null }
      return { change: { relayQueues: [endRelay(queue, nonce, wei, this.#app.clock())] }, answer: null }
    })
  }

  /**
   * Sees to it that a transaction which is not mined yet will be.
   * @param isNext whether no other one of the key stands before it; a better price would not help it there
   */
  async #push(relay: Relay, isNext: boolean): Promise<void> {
    const isWanted = (await this.#waitingFor(relay)) !== null && !this.#isOver(relay)
    const toCancel = relay.voucherId !== null && !relay.isCancelled && !isWanted
    const isStuck = isNext && this.#isStale(relay) && (await this.#relayer.isUnderpriced(relay.signedTransaction))
    if (toCancel || isStuck) return this.#outbid(relay, !isWanted)
    const hash = relay.hashes.at(-1)
    if (hash && (await this.#chain.sight(hash)).state === 'unknown') await this.#broadcast(relay.signedTransaction)
  }

  /** The voucher that waits for the relay; null where it is paid otherwise, has failed, or where there is none. */
  async #waitingFor({ voucherId, hashes }: Relay): Promise<(TermedVoucher & { settlement: Settlement }) | null> {
    const voucher = voucherId === null ? null : await this.#app.store.voucher(voucherId)
    if (voucher === null || !hasTerms(voucher) || voucher.settlement?.status !== 'PENDING') return null
    const { settlement } = voucher
    const isItsOwn = settlement.transactions.some(({ hash }) => hash !== null && hashes.includes(hash))
    return isItsOwn ? { ...voucher, settlement } : null
  }

  /** An authorization that has ended would only revert. */
  #isOver({ validBeforeMs }: Relay): boolean {
    return validBeforeMs !== null && validBeforeMs <= this.#app.clock()
  }

  #isStale({ signedAtMs }: Relay): boolean {
    return this.#app.clock() - signedAtMs >= RELAY_PATIENCE_MS
  }

  async #outbid(relay: Relay, isCancelled: boolean): Promise<void> {
    const signed = await this.#relayer.outbid(relay.signedTransaction, isCancelled)
    const isCommitted = await decideAndCommit(this.#app, null, async () => {
      const queue = await findRelayQueue(this.#app, this.#relayer)
      const current = queue.relays.find(({ nonce }) => nonce === relay.nonce)
      if (current?.signedTransaction !== relay.signedTransaction) return { change: null, answer: false }
      const nowMs = this.#app.clock()
      const next = outbidRelay(queue, signed, { isCancelled, nowMs })
      if (!this.#isWithinCap(spentWei(next, nowMs))) return { change: null, answer: false }
      const waiting = isCancelled ? null : await this.#waitingFor(relay)
      const vouchers = waiting === null ? [] : [withTransaction(waiting, relay.hashes, signed, nowMs)]
      return { change: { relayQueues: [next], vouchers }, answer: true }
    })
    if (isCommitted) await this.#broadcast(signed.signedTransaction)
  }

  /** Where a nonce before ours was given away elsewhere and never used, something must use it. */
  async #fillGap(lowest: Relay | undefined, { pendingNonce }: RelayerAccount): Promise<void> {
    if (lowest === undefined || lowest.nonce <= pendingNonce || !this.#isStale(lowest)) return
    const signed = await this.#relayer.fill(pendingNonce)
    const isCommitted = await decideAndCommit(this.#app, null, async () => {
      const queue = await findRelayQueue(this.#app, this.#relayer)
      if (queue.relays.some(({ nonce }) => nonce === pendingNonce)) return { change: null, answer: false }
      const nowMs = this.#app.clock()
      const next = addRelay(queue, signed, null, nowMs)
      if (!this.#isWithinCap(spentWei(next, nowMs))) return { change: null, answer: false }
      return { change: { relayQueues: [next] }, answer: true }
    })
    if (isCommitted) await this.#broadcast(signed.signedTransaction)
  }

  #isWithinCap(wei: bigint): boolean {
    const isWithin = wei <= this.#relayer.dailyCapWei
    const { network } = this.#relayer
    if (!isWithin) this.#app.log.warn({ network }, 'relays are stuck: the daily cap of the relayer is reached')
    return isWithin
  }

  async #broadcast(signedTransaction: Hex): Promise<void> {
    try {
      await this.#chain.broadcast(signedTransaction)
    } catch (error) {
      if (!(error instanceof BroadcastRefused)) throw error
      this.#app.log.warn({ network: this.#relayer.network, reason: error.message }, 'the node does not take a relay')
    }
  }
}

/** The settlement waits for whichever of them is mined: one nonce is used once. */
function withTransaction(
  voucher: TermedVoucher & { settlement: Settlement },
  hashes: Hex[],
  { hash, signedTransaction }: SignedRelay,
  nowMs: number,
): TermedVoucher {
  const transactions = voucher.settlement.transactions.map((transaction) =>
    transaction.hash !== null && hashes.includes(transaction.hash)
      ? { ...transaction, hash, signedTransaction, missingSinceMs: null }
      : transaction,
  )
  return trackSettlement(voucher, { ...voucher.settlement, transactions }, nowMs)
}
