import { signal } from '@preact/signals'
import type { VoucherView } from '../../client/index.ts'
import { isToPay, vouchers } from './desk.ts'
import { serverNowMs } from './time.ts'

export type Paid = { voucherIds: readonly string[]; paidAtMs: number }

/** What this page has paid, until its owner puts the receipt away. */
export const receipts = signal<readonly Paid[]>([])

/** Shows a receipt in the place of what was asked for. */
export function showReceipt(voucherIds: readonly string[]): void {
  if (voucherIds.length === 0) return
  const others = receipts.value.filter(({ voucherIds: known }) => !known.some((id) => voucherIds.includes(id)))
  receipts.value = [{ voucherIds, paidAtMs: serverNowMs() }, ...others]
}

/** The vouchers that stand on a receipt; what the chain has undone since is to be paid again, and stands on none. */
export function onReceipts(): readonly string[] {
  return receipts.value.flatMap(({ voucherIds }) => paidOf(voucherIds).map(({ id }) => id))
}

export function paidOf(voucherIds: readonly string[]): VoucherView[] {
  return voucherIds.flatMap((id) => vouchers.value.get(id) ?? []).filter((voucher) => !isToPay(voucher))
}
