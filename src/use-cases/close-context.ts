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
 * The payer closes a context: its code is dead, its sessions close, its vouchers go on. The payee that it names is told.
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
    const toPayeeId = await metPayee(app, context.payerId, body.payeeId)
    const sessions = (await app.store.openSessionsOf(contextId)).map((session) => endSession(session, call.nowMs))
    return {
      change: {
        contexts: [closed],
        sessions,
        events: [
          contextEvent('context.closed', closed, { toPayeeId, nowMs: call.nowMs }),
          ...sessions.map((session) => sessionEvent('session.closed', session, call.nowMs)),
        ],
      },
      answer: contextView(closed),
      committed: () => restContextCode(app, context, call.nowMs),
    }
  })
}

/** Anybody may be named. Only a payee that has asked something of the payer is told, so that nobody writes to strangers. */
async function metPayee(app: App, payerId: string, payeeId: string | null): Promise<string | null> {
  return payeeId !== null && (await app.store.haveMet(payerId, payeeId)) ? payeeId : null
}
