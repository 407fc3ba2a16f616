import { admitSession, assertReachableByCode } from '../domain/context.ts'
import { openSession as open } from '../domain/session.ts'
import { newId } from '../protocol/ids.ts'
import type { OpenSessionBody, SessionView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { decideAndCommit, sessionEvent } from './commit.ts'
import { withSessionCode } from './deal-code.ts'
import { findContextByCode } from './find.ts'
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
  return withSessionCode((code) =>
    decideAndCommit(app, call.idempotency, async () => {
      const context = await findContextByCode(app, call, body.code)
      assertReachableByCode(context, call.nowMs)
      const session = open({
        id: newId('ses', call.nowMs),
        code,
        contextId: context.id,
        payerId: context.payerId,
        payeeId: call.caller.payeeId,
        payeeInfo: body.payeeInfo ?? null,
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
