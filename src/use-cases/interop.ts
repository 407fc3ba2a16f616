import type { Payment } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import type { SettlementStatus } from '../domain/settlement.ts'
import { hasTerms, paymentsOf, type TermedVoucher } from '../domain/voucher.ts'
import type { InteropQuery } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { keepAnswer } from './commit.ts'
import { findVoucherAsPayer } from './find.ts'

/**
 * The public API's way to follow one payment of a voucher: `id` or `paymentIndex` names the payment (the first where
 * neither does), `vid` repeats the voucher. Here every payment settles on its own chain, so there is nothing to relay:
 * the id of the payment is what can be asked for.
 * @throws Refusal `not_found`, `validation_failed`
 */
export async function initInterop(
  app: App,
  call: Call<User>,
  voucherId: string,
  query: InteropQuery,
): Promise<{ id: string }> {
  const payment = await findPayment(app, call, voucherId, query)
  return keepAnswer(app, call.idempotency, { id: payment.id })
}

/** @throws Refusal `not_found`, `validation_failed` */
export async function getInteropInfo(
  app: App,
  call: Call<User>,
  voucherId: string,
  query: InteropQuery,
): Promise<{ status: 'PENDING' | 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' }> {
  await findPayment(app, call, voucherId, query)
  const { settlement } = await findTermed(app, call, voucherId, query)
  return { status: settlement === null ? 'UNKNOWN' : INTEROP_STATUS[settlement.status] }
}

const INTEROP_STATUS = {
  PENDING: 'PENDING',
  CONFIRMED: 'SUCCEEDED',
  FAILED: 'FAILED',
  UNVERIFIED: 'UNKNOWN',
} as const satisfies Record<SettlementStatus, string>

async function findTermed(
  app: App,
  call: Call<User>,
  voucherId: string,
  { vid }: InteropQuery,
): Promise<TermedVoucher> {
  const voucher = await findVoucherAsPayer(app, call, voucherId)
  if (vid !== undefined && vid !== voucherId) throw invalidField('/vid', 'is not the voucher in the path')
  if (!hasTerms(voucher)) throw new Refusal('not_found', 'The voucher has no payments yet.')
  return voucher
}

async function findPayment(app: App, call: Call<User>, voucherId: string, query: InteropQuery): Promise<Payment> {
  const named = paymentsOf(await findTermed(app, call, voucherId, query)).find(
    (payment, index) => payment.id === query.id || (query.id === undefined && index === (query.paymentIndex ?? 0)),
  )
  if (!named) throw new Refusal('not_found', 'The voucher has no such payment.')
  return named
}
