import { type Chain, ChainUnavailable } from '../chains/chain.ts'
import { hasTerms, type TermedVoucher, type Voucher } from '../domain/voucher.ts'
import type { App } from './app.ts'
import { followSettlement } from './follow-settlement.ts'

/** How many settlements are looked at in one round, and how many at a time. */
const ROUND_SIZE = 5000
const AT_ONCE = 8

/**
 * One round over all PENDING settlements. A settlement that cannot be looked at now is looked at in the next round;
 * its trouble is nobody else's.
 */
export async function watchSettlements(app: App): Promise<void> {
  const queue = (await app.store.settling(ROUND_SIZE)).filter(({ id }) => !app.followed.has(id))
  const worker = async () => {
    for (let voucher = queue.shift(); voucher; voucher = queue.shift()) await lookAt(app, voucher)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function lookAt(app: App, voucher: Voucher): Promise<void> {
  if (!hasTerms(voucher)) return
  const chain = chainOf(app, voucher)
  if (!chain) return
  try {
    await followSettlement(app, chain, voucher)
  } catch (error) {
    const message = 'a settlement could not be looked at; the next round will'
    if (error instanceof ChainUnavailable) app.log.warn({ voucherId: voucher.id, reason: error.message }, message)
    else app.log.error({ voucherId: voucher.id, error }, message)
  }
}

function chainOf(app: App, { settlement }: TermedVoucher): Chain | undefined {
  return settlement === null ? undefined : app.chains.get(settlement.network)
}
