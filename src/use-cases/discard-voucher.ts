import { discardVoucher as discard } from '../domain/voucher.ts'
import type { VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { decideAndCommit, recordStep } from './commit.ts'
import { findVoucherAsParty, sideOf } from './find.ts'
import { restVoucherCode } from './rest-code.ts'

/**
 * Payee or payer calls a voucher off before it is paid.
 * @throws Refusal `not_found`, `already_resolved`
 */
export async function discardVoucher(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  voucherId: string,
): Promise<VoucherView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const voucher = await findVoucherAsParty(app, call, voucherId)
    const step = discard(voucher, sideOf(call.caller, voucher), call.nowMs)
    const { change, view } = recordStep(step, call.nowMs)
    return {
      change,
      answer: view,
      committed: () => restVoucherCode(app, voucher, call.nowMs),
    }
  })
}
