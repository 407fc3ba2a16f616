import { joinSession as join } from '../domain/session.ts'
import type { SessionView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { decideAndCommit, sessionEvent } from './commit.ts'
import { findSessionAsPayer } from './find.ts'
import { firstVouchers } from './read-sessions.ts'
import { sessionView } from './views.ts'

/**
 * The payer joins a session that a payee opened under one of its contexts.
 * @throws Refusal `not_found`, `session_closed`, `already_joined`
 */
export async function joinSession(app: App, call: Call<User>, sessionId: string): Promise<SessionView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const joined = join(await findSessionAsPayer(app, call, sessionId), call.nowMs)
    return {
      change: { sessions: [joined], events: [sessionEvent('session.joined', joined, call.nowMs)] },
      answer: { ...sessionView(joined), ...(await firstVouchers(app, call, sessionId)) },
    }
  })
}
