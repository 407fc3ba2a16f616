import { type Context, openContext as open } from '../domain/context.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField } from '../domain/refusal.ts'
import { newId } from '../protocol/ids.ts'
import type { ContextView, OpenContextBody } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { contextEvent, decideAndCommit } from './commit.ts'
import { withContextCode } from './deal-code.ts'
import { contextView } from './views.ts'

/**
 * A payer opens a context and gets the code to tell to payees.
 * @throws Refusal `validation_failed`, `codes_exhausted`
 */
export async function openContext(app: App, call: Call<User>, body: OpenContextBody): Promise<ContextView> {
  const payers = body.payers.map(({ address }, index) => readPayer(app, address, index))
  const { accountId } = call.caller
  const filter = {
    what: 'contexts',
    of: { payer_id: accountId },
    sinceMs: call.nowMs - app.times.contextTtlMs,
  } as const
  await app.alive.take('contextsOfPayer', { ...filter, nowMs: call.nowMs })
  const format = body.format === 'numeric' ? 'numeric' : 'alphanum'
  return withContextCode(app, format, call.nowMs, (code) =>
    decideAndCommit(app, call.idempotency, async () => {
      const context: Context = open({
        id: newId('ctx', call.nowMs),
        code,
        format,
        payerId: call.caller.accountId,
        payers: [...new Set(payers)],
        codeExpiresAtMs: call.nowMs + app.times.contextTtlMs,
        nowMs: call.nowMs,
      })
      const change = {
        contexts: [context],
        events: [contextEvent('context.opened', context, { toPayeeId: null, nowMs: call.nowMs })],
      }
      return { change, answer: contextView(context) }
    }),
  )
}

function readPayer(app: App, text: string, index: number): Hex {
  const address = app.rules.readAddress(text)
  if (address === null) throw invalidField(`/payers/${index}/address`, 'must be a wallet address such as 0x7099…79C8')
  return address
}
