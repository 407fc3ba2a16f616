import type { Hex } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { type Batch, isToBePaid, planPayments } from '../domain/session-payments.ts'
import type { Voucher } from '../domain/voucher.ts'
import type { SessionPaymentsQuery, SessionPaymentsView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { type Call, inLineAs, type User } from './call.ts'
import { findOwnContext, findSessionAsPayer } from './find.ts'
import { collect } from './page.ts'
import { MAX_LIMIT, VouchersInSession } from './read-sessions.ts'
import { simulatePayments } from './simulate-payments.ts'
import { type BatchSimulation, sessionPaymentsView, voucherView } from './views.ts'

/**
 * What the payer still has to pay in a session, and how one signature pays it.
 * @returns `next`: what of the query leads on, where a page does not hold all of it
 * @throws Refusal `not_found`, `validation_failed` for a wallet that is not the payer's
 */
export async function readSessionPayments(
  app: App,
  call: Call<User>,
  sessionId: string,
  query: SessionPaymentsQuery,
): Promise<{ payments: SessionPaymentsView; next: { offset: number } | null }> {
  const session = await findSessionAsPayer(app, call, sessionId)
  const { payers } = await findOwnContext(app, call, session.contextId)
  const wallet = readWallet(app, query.wallet, payers)
  const { vouchers, next } = await vouchersToPay(app, call, sessionId, query)
  const plan = planPayments(vouchers, wallet, call.nowMs)
  const simulations = await Promise.all(plan.batches.map((batch) => simulateBatch(app, wallet, batch)))
  return { payments: sessionPaymentsView(sessionId, wallet, plan, simulations), next }
}

/** What is still to be paid, as many as a page holds. */
function vouchersToPay(app: App, call: Call, sessionId: string, { limit = MAX_LIMIT, offset }: SessionPaymentsQuery) {
  return app.lists.run(inLineAs(call), async () => {
    const slices = new VouchersInSession(app, call, sessionId, offset)
    const vouchers: Voucher[] = []
    const view = (voucher: Voucher) => (isToBePaid(voucher) ? voucherView(voucher) : undefined)
    const { read, take } = slices.reading()
    const taken = (voucher: Voucher) => {
      if (isToBePaid(voucher)) vouchers.push(voucher)
      take()
    }
    const { isCut } = await collect({ limit, read, view, take: taken })
    return { vouchers, next: isCut ? { offset: slices.passed } : null }
  })
}

/** How a batch would end: as the first of its payments that would not end well, or well. */
async function simulateBatch(app: App, wallet: Hex, { network, payments }: Batch): Promise<BatchSimulation> {
  try {
    const simulations = await simulatePayments(app, app.chains.get(network), wallet, payments)
    const fault = simulations.findIndex(({ status }) => status !== 'OK')
    return { status: 'OK', ...simulations[fault], paymentId: payments[fault]?.id }
  } catch (error) {
    // A wallet has a node of its own: what is to be paid is worth knowing while the server's is away.
    if (error instanceof Refusal) return { status: 'UNKNOWN', reason: error.message }
    throw error
  }
}

function readWallet({ rules }: App, asked: string | undefined, payers: Hex[]): Hex {
  const wallet = asked === undefined ? payers[0] : rules.readAddress(asked)
  if (!wallet || !payers.includes(wallet)) {
    throw invalidField('/wallet', `is no address of the context's payer; those are ${payers.join(', ')}`)
  }
  return wallet
}
