import { closeContext as close } from '../domain/context.ts'
import { endSession } from '../domain/session.ts'
import type { CloseContextBody, ContextView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { contextEvent, decideAndCommit, sessionEvent } from './commit.ts'
import { findOwnContext } from './find.ts'
import { restContextCode } from './rest-code.ts'
import { contextView } from './views.ts'

/**
 * The payer closes a context: its code is dead, its sessions close, its vouchers go on.
 * @throws Refusal `not_found`, `already_closed`
 */
export async function closeContext(
  app: App,
  call: Call<User>,
  contextId: string,
  body: CloseContextBody,
): Promise<ContextView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const context = await findOwnContext(app, call, contextId)
    const closed = close(context, body.payeeId, call.nowMs)
    const sessions = (await app.store.openSessionsOf(contextId)).map((session) => endSession(session, call.nowMs))
    return {
      change: {
        contexts: [closed],
        sessions,
        events: [
          contextEvent('context.closed', closed, call.nowMs),
          ...sessions.map((session) => sessionEvent('session.closed', session, call.nowMs)),
        ],
      },
      answer: contextView(closed),
      committed: () => restContextCode(app, context, call.nowMs),
    }
  })
}
