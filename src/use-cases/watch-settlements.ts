import { type Chain, ChainUnavailable } from '../chains/chain.ts'
import { hasTerms, type TermedVoucher, type Voucher } from '../domain/voucher.ts'
import { StoreUnavailable } from '../store/store.ts'
import type { App } from './app.ts'
import { followSettlement } from './follow-settlement.ts'
import { isLeaseLost, whileHolding } from './while-holding.ts'

/** How many settlements are read at a time, and how many are looked at at a time. */
const PAGE_SIZE = 1000
const AT_ONCE = 8

/**
 * One round over the PENDING settlements of a network, which one node at a time makes. A settlement that cannot be looked
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
  for (let offset = 0; ; offset += PAGE_SIZE) {
    const page = await app.store.settling(PAGE_SIZE, offset)
    const queue = page.filter((voucher) => isUp(app, chain, voucher))
    if (!(await lookAtAll(app, chain, queue))) return false
    if (page.length < PAGE_SIZE) return true
  }
}

/** Whether a voucher is this round's to look at: a call that waits looks by itself. */
function isUp(app: App, chain: Chain, voucher: Voucher): voucher is TermedVoucher {
  return hasTerms(voucher) && voucher.settlement?.network === chain.network && !app.followed.has(voucher.id)
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
    await followSettlement(app, chain, voucher)
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
