import { assertReachableByCode, type Context } from '../domain/context.ts'
import { Refusal } from '../domain/refusal.ts'
import { assertSessionOpen } from '../domain/session.ts'
import { reserveVoucher as reserve } from '../domain/voucher.ts'
import { newId } from '../protocol/ids.ts'
import type { ReservedView } from '../protocol/schemas.ts'
import type { AliveFilter, Change } from '../store/store.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { type Decision, decideAndCommit, decideOnRecent, recordStep } from './commit.ts'
import { withVoucherCode } from './deal-code.ts'
import { findContextByCode, findSessionAsPayee } from './find.ts'
import { PENDING_LIMIT_MS } from './follow-settlement.ts'
import { reservedView } from './views.ts'

type PayeeCall = Call<User | Payee | KeyHolder>

/**
 * A payee reserves a voucher under the context whose code the payer told.
 * @throws Refusal `invalid_code`, `not_found`, `rate_limit`, `codes_exhausted`
 */
export async function reserveVoucher(app: App, call: PayeeCall, contextCode: string): Promise<ReservedView> {
  return withVoucherCode(app, call.nowMs, (code) =>
    decideOnRecent(app, call.idempotency, async (rows) => {
      const context = await findContextByCode(app, call, contextCode, rows)
      assertReachableByCode(context, call.nowMs)
      await takeRoom(app, call, context.payerId)
      return reservation(app, call, { code, context, sessionId: null, unchanged: { contexts: [context] } })
    }),
  )
}

/**
 * A payee reserves a voucher in a session that it opened. The session outlives its context's code.
 * @throws Refusal `not_found`, `session_closed`, `codes_exhausted`
 */
export async function reserveVoucherInSession(app: App, call: PayeeCall, sessionId: string): Promise<ReservedView> {
  return withVoucherCode(app, call.nowMs, (code) =>
    decideAndCommit(app, call.idempotency, async () => {
      const session = await findSessionAsPayee(app, call, sessionId)
      assertSessionOpen(session, call.nowMs)
      const context = await app.store.context(session.contextId)
      if (context === null) throw new Refusal('unexpected', `The context of session ${sessionId} is gone.`)
      await takeRoom(app, call, context.payerId)
      const inSession = {
        what: 'vouchers of any age',
        of: { session_id: sessionId },
        sinceMs: 0,
        nowMs: call.nowMs,
      } as const
      await app.alive.take('vouchersInSession', inSession)
      return reservation(app, call, { code, context, sessionId, unchanged: { sessions: [session] } })
    }),
  )
}

/** @throws Refusal `rate_limit` where payee or payer has as many vouchers alive as it may */
async function takeRoom(app: App, { caller, nowMs }: PayeeCall, payerId: string): Promise<void> {
  const { payeeId } = caller
  // What waits for its block holds its clock for as long as it may wait.
  const sinceMs = nowMs - app.times.reserveTtlMs - app.times.signingTtlMs - PENDING_LIMIT_MS
  const vouchers = (of: AliveFilter['of']): AliveFilter => ({ what: 'vouchers', of, sinceMs, nowMs })
  const atPayer = vouchers({ payee_id: payeeId, payer_id: payerId })
  await app.alive.take('vouchersOfPayeeAtPayer', atPayer)
  await app.alive.take('vouchersOfPayee', vouchers({ payee_id: payeeId }))
  // Whoever has the payer's code can fill this: it is not to keep out a shop that asks for little.
  await app.alive.take('vouchersOfPayer', vouchers({ payer_id: payerId }), atPayer)
}

function reservation(
  app: App,
  call: PayeeCall,
  of: { code: string; context: Context; sessionId: string | null; unchanged: NonNullable<Change['unchanged']> },
): Decision<ReservedView> {
  const step = reserve({
    id: newId('vch', call.nowMs),
    code: of.code,
    contextId: of.context.id,
    sessionId: of.sessionId,
    payerId: of.context.payerId,
    payers: of.context.payers,
    payeeId: call.caller.payeeId,
    nowMs: call.nowMs,
    lifetimeMs: app.times.reserveTtlMs,
  })
  return {
    change: { ...recordStep(step, call.nowMs).change, unchanged: of.unchanged },
    answer: reservedView(step.voucher),
  }
}
