import type { Hex } from '../domain/payment.ts'
import { invalidField } from '../domain/refusal.ts'
import { planPayments } from '../domain/session-payments.ts'
import type { SessionPaymentsQuery, SessionPaymentsView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { findOwnContext, findSessionAsPayer } from './find.ts'
import { vouchersInSession } from './read-sessions.ts'
import { sessionPaymentsView } from './views.ts'

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
  return sessionPaymentsView(sessionId, wallet, planPayments(vouchers, wallet, call.nowMs))
}

function readWallet({ rules }: App, asked: string | undefined, payers: Hex[]): Hex {
  const wallet = asked === undefined ? payers[0] : rules.readAddress(asked)
  if (!wallet || !payers.includes(wallet)) {
    throw invalidField('/wallet', `is no address of the context's payer; those are ${payers.join(', ')}`)
  }
  return wallet
}
