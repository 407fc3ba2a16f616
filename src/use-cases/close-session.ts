import { closeSession as close } from '../domain/session.ts'
import type { SessionView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { decideAndCommit, sessionEvent } from './commit.ts'
import { findSessionAsPayee } from './find.ts'
import { sessionView } from './views.ts'

/**
 * The payee closes its session; the vouchers go on.
 * @throws Refusal `not_found`, `already_closed`
 */
export async function closeSession(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  sessionId: string,
): Promise<SessionView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const closed = close(await findSessionAsPayee(app, call, sessionId), call.nowMs)
    return {
      change: { sessions: [closed], events: [sessionEvent('session.closed', closed, call.nowMs)] },
      answer: sessionView(closed),
    }
  })
}
