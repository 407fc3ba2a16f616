import type { VoucherStatus } from '../../src/domain/voucher.ts'
import type { EventType } from '../../src/protocol/events.ts'
import type { ProblemCode } from '../../src/protocol/problems.ts'

/**
 * The protocol in a page: contexts, sessions and vouchers of one payer, as plain data. It knows nothing of HTTP, of the
 * store, or of the server's code; each function says what the server must answer, and does it.
 */
export type Model = { nowMs: number; contexts: ModelContext[]; sessions: ModelSession[]; vouchers: ModelVoucher[] }

/** Who calls: the payer of everything here, two shops, and a user who has no part in it. */
export type Who = 'payer' | 'shop' | 'rival' | 'stranger'

/** What an entity went through; its number of events is its version. */
type Told = { id: string; events: EventType[] }

export type ModelContext = Told & { code: string; isOpen: boolean; codeEndsAtMs: number }
export type ModelSession = Told & {
  context: ModelContext
  payee: Who
  isOpen: boolean
  isJoined: boolean
  closesAtMs: number
}
export type ModelVoucher = Told & {
  context: ModelContext
  session: ModelSession | null
  payee: Who
  status: VoucherStatus
  endsAtMs: number
  /** Null until there are terms. */
  paymentId: string | null
}

const MINUTE_MS = 60_000
const RESERVED_MS = 2 * MINUTE_MS
const SIGNING_MS = 10 * MINUTE_MS
const CODE_MS = 10 * MINUTE_MS
const SESSION_MS = 24 * 60 * MINUTE_MS

/** Null: the call succeeds. */
type Verdict = ProblemCode | null

export const newModel = (nowMs: number): Model => ({ nowMs, contexts: [], sessions: [], vouchers: [] })

/** Moves the clock; whatever it ends has ended. */
export function advance(model: Model, ms: number): void {
  model.nowMs += ms
  for (const voucher of model.vouchers) {
    if (!isLive(voucher) || model.nowMs < voucher.endsAtMs) continue
    voucher.status = 'EXPIRED'
    voucher.events.push('voucher.expired')
  }
  for (const session of model.sessions) {
    if (model.nowMs >= session.closesAtMs) endSession(session)
  }
}

const isLive = ({ status }: ModelVoucher) => status === 'RESERVED' || status === 'REDEEMED'

function endSession(session: ModelSession): void {
  if (!session.isOpen) return
  session.isOpen = false
  session.events.push('session.closed')
}

export function addContext(model: Model, { id, code }: { id: string; code: string }): void {
  const codeEndsAtMs = model.nowMs + CODE_MS
  model.contexts.push({ id, code, isOpen: true, codeEndsAtMs, events: ['context.opened'] })
}

export function closeContext(model: Model, context: ModelContext, by: Who): Verdict {
  if (isShop(by)) return 'forbidden'
  if (by !== 'payer') return 'not_found'
  if (!context.isOpen) return 'already_closed'
  context.isOpen = false
  context.events.push('context.closed')
  for (const session of model.sessions) if (session.context === context) endSession(session)
  return null
}

const isShop = (who: Who) => who === 'shop' || who === 'rival'

/** Whether vouchers and sessions can be asked for by the code: anybody may who has it. */
export function reachByCode(model: Model, context: ModelContext): Verdict {
  return context.isOpen && model.nowMs < context.codeEndsAtMs ? null : 'invalid_code'
}

export function addSession(model: Model, context: ModelContext, payee: Who, id: string): void {
  const closesAtMs = model.nowMs + SESSION_MS
  model.sessions.push({ id, context, payee, isOpen: true, isJoined: false, closesAtMs, events: ['session.opened'] })
}

export function joinSession(session: ModelSession, by: Who): Verdict {
  if (isShop(by)) return 'forbidden'
  if (by !== 'payer') return 'not_found'
  if (!session.isOpen) return 'session_closed'
  if (session.isJoined) return 'already_joined'
  session.isJoined = true
  session.events.push('session.joined')
  return null
}

export function closeSession(session: ModelSession, by: Who): Verdict {
  if (by !== session.payee) return 'not_found'
  if (!session.isOpen) return 'already_closed'
  endSession(session)
  return null
}

export function reserveInSession(session: ModelSession, by: Who): Verdict {
  if (by !== session.payee) return 'not_found'
  return session.isOpen ? null : 'session_closed'
}

export function addVoucher(model: Model, of: Pick<ModelVoucher, 'id' | 'context' | 'session' | 'payee'>): void {
  const endsAtMs = model.nowMs + RESERVED_MS
  const events: EventType[] = ['voucher.reserved']
  model.vouchers.push({ ...of, status: 'RESERVED', endsAtMs, paymentId: null, events })
}

export function redeem(voucher: ModelVoucher, by: Who, termsAreGood: boolean): Verdict {
  if (by !== voucher.payee) return 'not_found'
  switch (voucher.status) {
    case 'RESERVED':
      return termsAreGood ? null : 'validation_failed'
    case 'EXPIRED':
    case 'DISCARDED':
      return 'expired'
    default:
      return 'already_redeemed'
  }
}

export function addTerms(model: Model, voucher: ModelVoucher, paymentId: string): void {
  voucher.status = 'REDEEMED'
  voucher.paymentId = paymentId
  voucher.endsAtMs = model.nowMs + SIGNING_MS
  voucher.events.push('voucher.redeemed')
}

export function sign(voucher: ModelVoucher, by: Who): Verdict {
  if (isShop(by)) return 'forbidden'
  if (by !== 'payer') return 'not_found'
  if (voucher.status !== 'REDEEMED') return 'validation_failed'
  voucher.events.push('voucher.signed')
  return null
}

export function resolve(voucher: ModelVoucher, by: Who, receiptsAreGood: boolean): Verdict {
  if (isShop(by)) return 'forbidden'
  if (by !== 'payer') return 'not_found'
  if (voucher.paymentId === null) return 'not_redeemed'
  if (voucher.status === 'RESOLVED') return 'already_resolved'
  if (!receiptsAreGood) return 'validation_failed'
  if (voucher.status !== 'REDEEMED') return 'receipt_rejected'
  voucher.status = 'RESOLVED'
  voucher.events.push('voucher.resolved')
  return null
}

export function discard(voucher: ModelVoucher, by: Who): Verdict {
  if (!mayRead(voucher, by)) return 'not_found'
  if (!isLive(voucher)) return 'already_resolved'
  voucher.status = 'DISCARDED'
  voucher.events.push('voucher.discarded')
  return null
}

export const mayRead = ({ payee }: { payee: Who }, by: Who): boolean => by === 'payer' || by === payee
