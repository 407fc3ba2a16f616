import type { Context } from '../domain/context.ts'
import type { Event } from '../domain/event.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Session } from '../domain/session.ts'
import type { VoucherStep } from '../domain/voucher.ts'
import type { EventType } from '../protocol/events.ts'
import { newId } from '../protocol/ids.ts'
import type { VoucherView } from '../protocol/schemas.ts'
import { type Change, Conflict, type ConflictKind, type StoredAnswer } from '../store/store.ts'
import type { App } from './app.ts'
import type { Idempotency } from './call.ts'
import type { Rows } from './recent-rows.ts'
import { contextView, sessionView, voucherView } from './views.ts'

/** What a use case decided: the change to make and the answer to give once it is durable. */
export type Decision<Answer> = {
  /** Null: there is nothing to change. */
  change: Change | null
  answer: Answer
  /** What this process notes for itself once the change is durable, such as a code that may rest now. */
  committed?: () => void
}

/** Whoever loses so would lose again, whatever it decides. */
const FINAL: ReadonlySet<ConflictKind> = new Set(['answer', 'code', 'fence'])

/** More losers in a row than real races make; then the caller is asked to come back. */
const MOST_ATTEMPTS = 40

/**
 * Decides and commits. Who loses a race decides again on what the winner left, and then gives the documented error.
 * The stored answer of an idempotency key goes into the same commit.
 * @throws whatever `decide` throws; Conflict `answer` when the idempotency key was answered meanwhile, `code` when the
 *   dealt code is taken, and `fence` when the lease is lost
 */
export async function decideAndCommit<Answer>(
  app: App,
  idempotency: Idempotency | null,
  decide: () => Promise<Decision<Answer>>,
): Promise<Answer> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const { change, answer, committed } = await decide()
    if (change === null) return keepAnswer(app, idempotency, answer)
    try {
      await commit(app, withAnswer(change, idempotency, answer))
      committed?.()
      return answer
    } catch (error) {
      if (!(error instanceof Conflict) || FINAL.has(error.kind)) throw error
    }
  }
  throw new Refusal('overloaded', 'Too many calls change this at once. Try again.', { retryAfterSeconds: 1 })
}

/**
 * Decides on rows as this node knows them and commits, which saves the question; where they turn out to be old, or the
 * decision is a refusal that they may be to blame for, it decides again on the stored ones. `decide` must change
 * something, and its change must depend on the version of each row that it was given.
 * @throws as `decideAndCommit`
 */
export async function decideOnRecent<Answer>(
  app: App,
  idempotency: Idempotency | null,
  decide: (rows: Rows) => Promise<Decision<Answer>>,
): Promise<Answer> {
  const recalled = app.recent.recall()
  let isFirst = true
  try {
    return await decideAndCommit(app, idempotency, () => {
      const rows = isFirst ? recalled : app.recent.reread()
      isFirst = false
      return decide(rows)
    })
  } catch (error) {
    if (!(error instanceof Refusal) || !recalled.isOld()) throw error
    return decideAndCommit(app, idempotency, () => decide(app.recent.reread()))
  }
}

/**
 * Stores the answer of a call that changes nothing else.
 * @throws Conflict `answer` when the idempotency key was answered meanwhile
 */
export async function keepAnswer<Answer>(app: App, idempotency: Idempotency | null, answer: Answer): Promise<Answer> {
  if (idempotency) await commit(app, withAnswer({}, idempotency, answer))
  return answer
}

/**
 * The answer of a call that others may have answered on its way, such as the watcher that resolved its voucher: the one
 * that is stored under its key, and this one where there is none yet. So a repeat never gets another answer.
 * @throws Conflict `answer` when the idempotency key was answered meanwhile, or answered a call with another body
 */
export async function firstAnswer<Answer>(app: App, idempotency: Idempotency | null, answer: Answer): Promise<Answer> {
  if (idempotency === null) return answer
  const stored = await app.store.answer(idempotency.scope, app.clock())
  if (stored?.requestHash !== idempotency.requestHash) return keepAnswer(app, idempotency, answer)
  return idempotency.decode(stored.body) as Answer
}

/** Commits what depends on no decision but the caller's own, under the lease of the work, if there is one. */
export async function commit(app: App, change: Change): Promise<void> {
  await app.store.commit(app.fence === null ? change : { ...change, fence: app.fence })
  app.recent.note(change)
}

function withAnswer(change: Change, idempotency: Idempotency | null, answer: unknown): Change {
  if (idempotency === null || change.answer) return change
  return { ...change, answer: storedAnswer(idempotency, answer) }
}

export function storedAnswer(idempotency: Idempotency, answer: unknown): StoredAnswer {
  const { scope, requestHash, expiresAtMs, encode } = idempotency
  return { scope, requestHash, expiresAtMs, body: encode(answer) }
}

/** The rows and the event of one step of a voucher, and the voucher as the event and the answer show it. */
export function recordStep(step: VoucherStep, nowMs: number): { change: Change; view: VoucherView } {
  const view = voucherView(step.voucher)
  return { change: { vouchers: [step.voucher], events: [eventOf(step.event, step.voucher, nowMs, view)] }, view }
}

/** @param toPayeeId the payee that is told beside the payer; null: nobody is */
export function contextEvent(
  type: 'context.opened' | 'context.closed',
  context: Context,
  { toPayeeId, nowMs }: { toPayeeId: string | null; nowMs: number },
): Event {
  return eventOf(type, { ...context, payeeId: toPayeeId }, nowMs, contextView(context))
}

export function sessionEvent(
  type: 'session.opened' | 'session.joined' | 'session.closed',
  session: Session,
  nowMs: number,
): Event {
  return eventOf(type, session, nowMs, sessionView(session))
}

type Subject = { id: string; version: number; payerId: string; payeeId: string | null }

function eventOf(type: EventType, subject: Subject, nowMs: number, data: Record<string, unknown>): Event {
  return {
    id: newId('evt', nowMs),
    type,
    createdAtMs: nowMs,
    subjectId: subject.id,
    version: subject.version,
    payerId: subject.payerId,
    payeeId: subject.payeeId,
    data,
  }
}
