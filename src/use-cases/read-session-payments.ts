import type { Hex } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { type Batch, planPayments } from '../domain/session-payments.ts'
import type { SessionPaymentsQuery, SessionPaymentsView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { findOwnContext, findSessionAsPayer } from './find.ts'
import { vouchersInSession } from './read-sessions.ts'
import { simulatePayments } from './simulate-payments.ts'
import { type BatchSimulation, sessionPaymentsView } from './views.ts'

/**
 * What the payer still has to pay in a session, and how one signature pays it.
 * @throws Refusal `not_found`, `validation_failed` for a wallet that is not the payer's
 */
export async function readSessionPayments(
  app: App,
  call: Call<User>,
  sessionId: string,
  query: SessionPaymentsQuery,
): Promise<SessionPaymentsView> {
  const session = await findSessionAsPayer(app, call, sessionId)
  const { payers } = await findOwnContext(app, call, session.contextId)
  const wallet = readWallet(app, query.wallet, payers)
  const vouchers = await vouchersInSession(app, call, sessionId)
  const plan = planPayments(vouchers, wallet, call.nowMs)
  const simulations = await Promise.all(plan.batches.map((batch) => simulateBatch(app, wallet, batch)))
  return sessionPaymentsView(sessionId, wallet, plan, simulations)
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
