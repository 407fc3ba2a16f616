import { admitSession, assertReachableByCode } from '../domain/context.ts'
import { openSession as open, SESSION_LIFETIME_MS } from '../domain/session.ts'
import { newId } from '../protocol/ids.ts'
import type { OpenSessionBody, SessionView } from '../protocol/schemas.ts'
import type { AliveFilter } from '../store/store.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { decideAndCommit, sessionEvent } from './commit.ts'
import { withSessionCode } from './deal-code.ts'
import { findContextByCode } from './find.ts'
import { readPayeeInfo } from './read-payee-info.ts'
import { sessionView } from './views.ts'

/**
 * A payee opens a session under the context whose code the payer told.
 * @throws Refusal `invalid_code`, `not_found`, `rate_limit`
 */
export async function openSession(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  body: OpenSessionBody,
): Promise<SessionView> {
  const payeeInfo = readPayeeInfo(body.payeeInfo)
  return withSessionCode((code) =>
    decideAndCommit(app, call.idempotency, async () => {
      const context = await findContextByCode(app, call, body.code)
      assertReachableByCode(context, call.nowMs)
      await takeRoom(app, call, context.id)
      const session = open({
        id: newId('ses', call.nowMs),
        code,
        contextId: context.id,
        payerId: context.payerId,
        payeeId: call.caller.payeeId,
        payeeInfo,
        nowMs: call.nowMs,
      })
      return {
        change: {
          sessions: [session],
          contexts: [admitSession(context)],
          events: [sessionEvent('session.opened', session, call.nowMs)],
        },
        answer: sessionView(session),
      }
    }),
  )
}

/** @throws Refusal `rate_limit` where payee or context has as many sessions open as it may */
async function takeRoom(app: App, { caller, nowMs }: Call<User | Payee | KeyHolder>, contextId: string): Promise<void> {
  const sessions = (of: AliveFilter['of']): AliveFilter => ({
    what: 'sessions',
    of,
    sinceMs: nowMs - SESSION_LIFETIME_MS,
    nowMs,
  })
  await app.alive.take('sessionsOfPayee', sessions({ payee_id: caller.payeeId }))
  await app.alive.take('sessionsInContext', sessions({ context_id: contextId }))
}
