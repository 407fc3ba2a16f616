import { closeContext as close } from '../domain/context.ts'
import type { Event } from '../domain/event.ts'
import { endSession, type Session } from '../domain/session.ts'
import type { CloseContextBody, ContextView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { contextEvent, decideAndCommit, sessionEvent } from './commit.ts'
import { findOwnContext } from './find.ts'
import { restContextCode } from './rest-code.ts'
import { contextView } from './views.ts'

/** Sessions that one commit closes, and those that may have been opened since the last slice. */
const SLICE = 50
const MAX_LATECOMERS = 1000

/**
 * The payer closes a context: its code is dead, its sessions close, its vouchers go on. The payee that it names is told.
 * Many sessions close slice by slice, and the context with the last of them: where it reads CLOSED, all of them do. Whoever
 * calls again after a crash finds the rest.
 * @throws Refusal `not_found`, `already_closed`
 */
export async function closeContext(
  app: App,
  call: Call<User>,
  contextId: string,
  body: CloseContextBody,
): Promise<ContextView> {
  while (await closeSlice(app, call, contextId));
  return decideAndCommit(app, call.idempotency, async () => {
    const context = await findOwnContext(app, call, contextId)
    const closed = close(context, body.payeeId, call.nowMs)
    const toPayeeId = await metPayee(app, context.payerId, body.payeeId)
    const sessions = await endedSessions(app, call, contextId, MAX_LATECOMERS)
    return {
      change: {
        contexts: [closed],
        sessions,
        events: [
          contextEvent('context.closed', closed, { toPayeeId, nowMs: call.nowMs }),
          ...closingEvents(sessions, call.nowMs),
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

/** @returns whether there may be more than a slice to close before the context */
async function closeSlice(app: App, call: Call<User>, contextId: string): Promise<boolean> {
  return decideAndCommit(app, null, async () => {
    close(await findOwnContext(app, call, contextId), null, call.nowMs)
    const sessions = await endedSessions(app, call, contextId, SLICE)
    if (sessions.length < SLICE) return { change: null, answer: false }
    return { change: { sessions, events: closingEvents(sessions, call.nowMs) }, answer: true }
  })
}

async function endedSessions(app: App, call: Call<User>, contextId: string, limit: number): Promise<Session[]> {
  const open = await app.store.openSessionsOf(contextId, limit)
  return open.map((session) => endSession(session, call.nowMs))
}

function closingEvents(sessions: Session[], nowMs: number): Event[] {
  return sessions.map((session) => sessionEvent('session.closed', session, nowMs))
}
