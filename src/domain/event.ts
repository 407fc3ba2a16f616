import type { EventType } from '../protocol/events.ts'

/** The type makes the list complete. */
const EVERY_TYPE: Record<EventType, true> = {
  'context.opened': true,
  'context.closed': true,
  'session.opened': true,
  'session.joined': true,
  'session.closed': true,
  'voucher.reserved': true,
  'voucher.redeemed': true,
  'voucher.negotiated': true,
  'voucher.signed': true,
  'voucher.resolved': true,
  'voucher.settled': true,
  'voucher.settlement_failed': true,
  'voucher.payment_observed': true,
  'voucher.discarded': true,
  'voucher.expired': true,
}

export const EVENT_TYPES: readonly string[] = Object.keys(EVERY_TYPE)

export function isEventType(word: string): word is EventType {
  return Object.hasOwn(EVERY_TYPE, word)
}

/** One line of the log that streams and webhooks read. Written in the commit that it tells of. */
export type Event = {
  id: string
  type: EventType
  createdAtMs: number
  /** The context, session or voucher that changed. */
  subjectId: string
  /** The subject's version after the change; grows per subject. */
  version: number
  /** Who may see it: the payer's account, and the payee where one is involved. */
  payerId: string
  payeeId: string | null
  /** The subject after the change, as the API shows it. */
  data: Record<string, unknown>
}
