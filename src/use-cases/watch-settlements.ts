import { type Chain, ChainUnavailable } from '../chains/chain.ts'
import { hasTerms, type TermedVoucher, type Voucher } from '../domain/voucher.ts'
import type { App } from './app.ts'
import { followSettlement } from './follow-settlement.ts'

/** How many settlements are read at a time, and how many are looked at at a time. */
const PAGE_SIZE = 1000
const AT_ONCE = 8

/**
 * One round over the PENDING settlements of a network. A settlement that cannot be looked at now is looked at in the
 * next round; its trouble is nobody else's, and neither is that of a whole network.
 */
export async function watchSettlements(app: App, chain: Chain): Promise<void> {
  for (let offset = 0; ; offset += PAGE_SIZE) {
    const page = await app.store.settling(PAGE_SIZE, offset)
    await lookAtAll(
      app,
      chain,
      page.filter((voucher) => isUp(app, chain, voucher)),
    )
    if (page.length < PAGE_SIZE) return
  }
}

/** Whether a voucher is this round's to look at: a call that waits looks by itself. */
function isUp(app: App, chain: Chain, voucher: Voucher): voucher is TermedVoucher {
  return hasTerms(voucher) && voucher.settlement?.network === chain.network && !app.followed.has(voucher.id)
}

async function lookAtAll(app: App, chain: Chain, queue: TermedVoucher[]): Promise<void> {
  const worker = async () => {
    for (let voucher = queue.shift(); voucher; voucher = queue.shift()) await lookAt(app, chain, voucher)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function lookAt(app: App, chain: Chain, voucher: TermedVoucher): Promise<void> {
  try {
    await followSettlement(app, chain, voucher)
  } catch (error) {
    const message = 'a settlement could not be looked at; the next round will'
    if (error instanceof ChainUnavailable) app.log.warn({ voucherId: voucher.id, reason: error.message }, message)
    else app.log.error({ voucherId: voucher.id, err: error }, message)
  }
}
