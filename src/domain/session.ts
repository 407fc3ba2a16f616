import { Refusal } from './refusal.ts'

/**
 * Several vouchers of one checkout under one context. Their fates are never coupled.
 *
 *   OPEN ──close, or the context closes, or 24 h pass──► CLOSED
 *
 * The payer may join an open session once.
 */
export type Session = {
  id: string
  version: number
  status: 'OPEN' | 'CLOSED'
  code: string
  type: 'SESSION_DEFAULT'
  contextId: string
  payerId: string
  payeeId: string
  payeeInfo: Record<string, unknown> | null
  joinedAtMs: number | null
  closesAtMs: number
  createdAtMs: number
  updatedAtMs: number
}

/** A session closes by itself after this time. */
export const SESSION_LIFETIME_MS = 24 * 60 * 60 * 1000

export function openSession(input: {
  id: string
  code: string
  contextId: string
  payerId: string
  payeeId: string
  payeeInfo: Record<string, unknown> | null
  nowMs: number
}): Session {
  const { nowMs, ...rest } = input
  return {
    ...rest,
    version: 1,
    status: 'OPEN',
    type: 'SESSION_DEFAULT',
    joinedAtMs: null,
    closesAtMs: nowMs + SESSION_LIFETIME_MS,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  }
}

/** The session as the clock has it: past its life it reads CLOSED, whether or not the sweep has come by. */
export function sessionAsOf(session: Session, nowMs: number): Session {
  return session.status === 'OPEN' && nowMs >= session.closesAtMs ? endSession(session, nowMs) : session
}

/** @throws Refusal `session_closed` */
export function assertSessionOpen(session: Session, nowMs: number): void {
  if (sessionAsOf(session, nowMs).status === 'CLOSED') {
    throw new Refusal('session_closed', 'The session is closed. Open a new one to reserve more vouchers.')
  }
}

/** @throws Refusal `session_closed`, `already_joined` */
export function joinSession(session: Session, nowMs: number): Session {
  assertSessionOpen(session, nowMs)
  if (session.joinedAtMs !== null) throw new Refusal('already_joined', 'The payer has joined this session already.')
  return { ...session, version: session.version + 1, joinedAtMs: nowMs, updatedAtMs: nowMs }
}

/** @throws Refusal `already_closed` */
export function closeSession(session: Session, nowMs: number): Session {
  if (sessionAsOf(session, nowMs).status === 'CLOSED') {
    throw new Refusal('already_closed', 'The session is closed already.')
  }
  return endSession(session, nowMs)
}

/** Closes a session whose context closed or whose life is over. It lived no longer than that, whenever it is noticed. */
export function endSession(session: Session, nowMs: number): Session {
  const endedAtMs = Math.min(nowMs, session.closesAtMs)
  return { ...session, version: session.version + 1, status: 'CLOSED', updatedAtMs: endedAtMs }
}
