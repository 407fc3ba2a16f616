import type { ContextView, SessionView, VoucherView } from './schemas.ts'

type ContextEventType = 'context.opened' | 'context.closed'
type SessionEventType = 'session.opened' | 'session.joined' | 'session.closed'
export type VoucherEventType =
  | 'voucher.reserved'
  | 'voucher.redeemed'
  | 'voucher.negotiated'
  | 'voucher.signed'
  | 'voucher.resolved'
  | 'voucher.settled'
  | 'voucher.settlement_failed'
  | 'voucher.payment_observed'
  | 'voucher.discarded'
  | 'voucher.expired'

/** Every type of event that streams and webhooks tell of. */
export type EventType = ContextEventType | SessionEventType | VoucherEventType

/** An event as it is told: `data` is its subject after the change. */
export type EventView = { id: string; createdAt: string } & (
  | { type: ContextEventType; data: ContextView }
  | { type: SessionEventType; data: SessionView }
  | { type: VoucherEventType; data: VoucherView }
)
