import type { CodeFormat } from '../protocol/codes.ts'
import type { Hex } from './payment.ts'
import { Refusal } from './refusal.ts'

/**
 * A payer's offer to be asked for payments, found by a code.
 *
 *   OPEN ──close──► CLOSED
 *
 * The code is looked up for a limited time only (`codeExpiresAtMs`); the context itself stays open until it is closed.
 */
export type Context = {
  id: string
  version: number
  status: 'OPEN' | 'CLOSED'
  code: string
  /** False once the code may be dealt again. */
  codeHeld: boolean
  codeExpiresAtMs: number
  format: CodeFormat
  /** The account of the payer. */
  payerId: string
  /** Addresses that the payer may pay from. */
  payers: Hex[]
  /** The payee that the payer named when closing. */
  closedWithPayeeId: string | null
  createdAtMs: number
  updatedAtMs: number
}

/** @param input.codeExpiresAtMs until when the code can be looked up */
export function openContext(input: {
  id: string
  code: string
  format: CodeFormat
  payerId: string
  payers: Hex[]
  codeExpiresAtMs: number
  nowMs: number
}): Context {
  const { nowMs, ...rest } = input
  return {
    ...rest,
    version: 1,
    status: 'OPEN',
    codeHeld: true,
    closedWithPayeeId: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  }
}

/** @throws Refusal `already_closed` */
export function closeContext(context: Context, payeeId: string | null, nowMs: number): Context {
  if (context.status === 'CLOSED') throw new Refusal('already_closed', 'The context is closed already.')
  return {
    ...context,
    version: context.version + 1,
    status: 'CLOSED',
    codeHeld: false,
    closedWithPayeeId: payeeId,
    updatedAtMs: nowMs,
  }
}

/**
 * Counts a session that opens under the context as a change of it: a close that has not seen the session loses, looks
 * again and closes it too. Nothing but the version changes.
 */
export function admitSession(context: Context): Context {
  return { ...context, version: context.version + 1 }
}

/** Gives the code back once it can no longer be looked up. Nothing that a caller sees changes. */
export function releaseContextCode(context: Context): Context {
  return { ...context, version: context.version + 1, codeHeld: false }
}

/** Whether a payee that names the code now finds an offer. */
export function isReachableByCode(context: Context, nowMs: number): boolean {
  return context.status === 'OPEN' && nowMs < context.codeExpiresAtMs
}

/**
 * Checks that payees may still reach the context by its code.
 * @throws Refusal `invalid_code`
 */
export function assertReachableByCode(context: Context, nowMs: number): void {
  if (context.status === 'CLOSED') {
    throw new Refusal('invalid_code', 'The payer has closed this context. Ask the payer for a new code.')
  }
  if (nowMs >= context.codeExpiresAtMs) {
    throw new Refusal('invalid_code', 'The context code has expired. Ask the payer for a new code.')
  }
}
