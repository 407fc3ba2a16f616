import { expireVoucher as expire, lapsesAtMs, type Voucher } from '../domain/voucher.ts'
import type { App } from './app.ts'
import { decideAndCommit, recordStep } from './commit.ts'
import { restVoucherCode } from './rest-code.ts'

/** Writes down that the clock has ended a voucher, if it has. Readers see it ended before that. */
export async function expireVoucher(app: App, voucherId: string, nowMs: number): Promise<void> {
  await decideAndCommit(app, null, async () => {
    const voucher = await app.store.voucher(voucherId)
    if (voucher === null || !hasLapsed(voucher, nowMs)) return { change: null, answer: undefined }
    const step = expire(voucher)
    return {
      change: recordStep(step, nowMs).change,
      answer: undefined,
      committed: () => restVoucherCode(app, voucher, step.voucher.endedAtMs),
    }
  })
}

function hasLapsed(voucher: Voucher, nowMs: number): voucher is Parameters<typeof expire>[0] {
  return lapsesAtMs(voucher) <= nowMs
}
