import type { VoucherView } from '../../client/index.ts'
import { type Asked, recordOf, type Sale, type SaleLine, type VoucherRecord } from './sale.ts'

/**
 * What becomes of the sales that are known when the server shows vouchers: a voucher of a sale that is known goes to its
 * line, and any other is a sale from elsewhere, together with those of its session. Vouchers that ask for nothing yet,
 * and calls, which have no amount, are left out.
 * @returns the sales that are new or have changed
 */
export function salesWith(known: ReadonlyMap<string, Sale>, vouchers: readonly VoucherView[]): Sale[] {
  const saleIds = saleIdsByVoucher(known)
  const changed = new Map<string, Sale>()
  for (const voucher of vouchers) {
    const asked = askedBy(voucher)
    if (asked === null) continue
    const id = saleIds.get(voucher.id) ?? homeOf(voucher, known)
    const before = changed.get(id) ?? known.get(id)
    const after = withVoucher(before ?? newSale(id, voucher), asked, voucher)
    if (after !== before) changed.set(id, after)
  }
  return [...changed.values()]
}

function saleIdsByVoucher(known: ReadonlyMap<string, Sale>): Map<string, string> {
  const ids = new Map<string, string>()
  for (const { id, lines } of known.values()) for (const { voucher } of lines) if (voucher) ids.set(voucher.id, id)
  return ids
}

/** A register asks in the name of its sale; it may have been closed before it knew of the voucher. */
function homeOf({ id, orderId, sessionId }: VoucherView, known: ReadonlyMap<string, Sale>): string {
  return orderId !== undefined && known.has(orderId) ? orderId : (sessionId ?? id)
}

function askedBy({ expectedPayment }: VoucherView): Asked | null {
  if (expectedPayment === undefined) return null
  const { amount, currency, network, currencyAddress, wallet } = expectedPayment
  return { amount, symbol: currency, network, currencyAddress, recipient: wallet.address }
}

function newSale(id: string, { sessionId, orderId, payeeInfo, createdAt }: VoucherView): Sale {
  const name = payeeInfo?.name
  return {
    ...{ id, startedAtMs: Date.parse(createdAt), code: '', token: null, trouble: null, lines: [] },
    shopName: typeof name === 'string' ? name : '',
    session: sessionId === undefined ? null : { id: sessionId, code: '' },
    elsewhere: { orderId: orderId ?? id },
  }
}

/** @returns the same sale where nothing has changed */
function withVoucher(sale: Sale, asked: Asked, voucher: VoucherView): Sale {
  const own = sale.lines.findIndex((line) => line.voucher?.id === voucher.id)
  const place = own >= 0 ? own : sale.lines.findIndex((line) => line.voucher === null && isAlike(line, asked))
  const before = sale.lines[place]?.voucher ?? null
  const record = recordOf(voucher, before)
  // Time alone ends a voucher without a new version.
  if (before !== null && (before.version > voucher.version || isSame(before, record))) return sale
  const isLeft = before === null && sale.elsewhere !== undefined
  // How long ago the server's answer was true is not known for a voucher that somebody else watches.
  const line = { ...asked, voucher: isLeft ? { ...record, endsAtMs: Date.parse(voucher.expiresAt) } : record }
  const lines =
    place >= 0 ? sale.lines.map((one, at) => (at === place ? line : one)) : [...sale.lines, line].sort(byTime)
  return { ...sale, lines }
}

function isSame(one: VoucherRecord, other: VoucherRecord): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function isAlike(one: Asked, other: Asked): boolean {
  return (
    one.amount === other.amount &&
    one.recipient === other.recipient &&
    one.network === other.network &&
    one.currencyAddress === other.currencyAddress
  )
}

function byTime(one: SaleLine, other: SaleLine): number {
  return (one.voucher?.askedAtMs ?? 0) - (other.voucher?.askedAtMs ?? 0)
}
