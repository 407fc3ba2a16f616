import { sessionAsOf } from '../domain/session.ts'
import { type Voucher, voucherAsOf } from '../domain/voucher.ts'
import type { SessionQuery, SessionView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { findSessionAsParty, partyOf } from './find.ts'
import { pageOf } from './page.ts'
import { sessionView } from './views.ts'

/** The session with its vouchers, oldest voucher first. @throws Refusal `not_found` */
export async function getSession(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  sessionId: string,
): Promise<SessionView> {
  const session = await findSessionAsParty(app, call, sessionId)
  return sessionView(session, await vouchersInSession(app, call, sessionId))
}

/** The vouchers of a session, oldest first, as the clock has them. */
export async function vouchersInSession(app: App, call: Call, sessionId: string): Promise<Voucher[]> {
  const vouchers = await app.store.vouchersOf(sessionId)
  return vouchers.map((voucher) => voucherAsOf(voucher, call.nowMs))
}

/** Sessions of which the caller is a party, newest first: how a wallet finds the session that it is to join. */
export async function listSessions(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  query: SessionQuery,
): Promise<SessionView[]> {
  const sessions = await app.store.sessions({
    ...pageOf(query),
    party: partyOf(call.caller),
    contextId: query.contextId ?? null,
  })
  return sessions.map((session) => sessionView(sessionAsOf(session, call.nowMs)))
}
