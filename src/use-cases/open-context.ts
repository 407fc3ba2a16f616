import { type Context, openContext as open } from '../domain/context.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { newId } from '../protocol/ids.ts'
import type { ContextView, OpenContextBody } from '../protocol/schemas.ts'
import type { Claim } from '../store/store.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { contextEvent, decideAndCommit } from './commit.ts'
import { withContextCode } from './deal-code.ts'
import { invitationKey } from './find-invited-context.ts'
import { contextView } from './views.ts'

/**
 * A payer opens a context and gets the code to tell to payees. Where it answers an invitation, the payee that made that
 * one finds the code by itself.
 * @throws Refusal `validation_failed`, `codes_exhausted`, `already_exists` where the invitation has been answered
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
      await assertUnanswered(app, body.invitation)
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
        claims: answerOf(body.invitation, context),
        events: [contextEvent('context.opened', context, { toPayeeId: null, nowMs: call.nowMs })],
      }
      return { change, answer: contextView(context) }
    }),
  )
}

async function assertUnanswered(app: App, invitation: string | undefined): Promise<void> {
  if (invitation === undefined || (await app.store.claimOwners([invitationKey(invitation)])).size === 0) return
  throw new Refusal('already_exists', 'This invitation has been answered already. Ask the payee for a new one.')
}

function answerOf(invitation: string | undefined, context: Context): Claim[] {
  if (invitation === undefined) return []
  return [{ key: invitationKey(invitation), ownerId: context.id, forgetAtMs: context.codeExpiresAtMs }]
}

function readPayer(app: App, text: string, index: number): Hex {
  const address = app.rules.readAddress(text)
  if (address === null) throw invalidField(`/payers/${index}/address`, 'must be a wallet address such as 0x7099…79C8')
  return address
}
