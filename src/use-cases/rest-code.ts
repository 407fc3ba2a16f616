import type { Context } from '../domain/context.ts'
import type { Voucher } from '../domain/voucher.ts'
import type { App } from './app.ts'

/** Gives the code of a context back to its pool, to rest. `before` is the context as it was while it held the code. */
export function restContextCode(app: App, before: Context, endedAtMs: number): void {
  if (before.codeHeld && before.format === 'numeric') app.codes.context.release(before.code, endedAtMs)
}

/** Gives the code of a voucher back to its pool, to rest. `before` is the stored voucher before its end. */
export function restVoucherCode(app: App, before: Voucher, endedAtMs: number): void {
  if (before.status === 'RESERVED' || before.status === 'REDEEMED') app.codes.voucher.release(before.code, endedAtMs)
}
