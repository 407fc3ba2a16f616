import { invalidField, Refusal } from '../domain/refusal.ts'
import { hasTerms, type TermedVoucher, type Voucher, waysToPay } from '../domain/voucher.ts'
import type { Receipt, SessionResolvedView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { keepAnswer } from './commit.ts'
import { findSessionAsPayer, findVoucherAsPayer } from './find.ts'
import { collect } from './page.ts'
import { transactionNamedIn } from './read-receipts.ts'
import { VouchersInSession } from './read-sessions.ts'
import { isRelayedHere } from './relay-order.ts'
import { areSignatures } from './relay-payment.ts'
import { resolveVoucher } from './resolve-voucher.ts'
import { problemView, voucherView } from './views.ts'

type Result = SessionResolvedView['results'][number]

/** The receipts of one voucher, each with its place among those that were handed in. */
type VoucherReceipts = { voucherId: string; receipts: { receipt: Receipt; place: number }[] }

/**
 * The payer hands in receipts for many vouchers of a session. Each voucher is resolved on its own, at the same time as
 * the others: what is wrong with one keeps none of them back. Receipts that have resolved their voucher already are
 * taken again, so that a call which broke off in the middle can be repeated.
 * @throws Refusal `not_found`, `validation_failed` for a receipt that names no payment of the session
 */
export async function resolveSession(
  app: App,
  call: Call<User>,
  sessionId: string,
  receipts: Receipt[],
): Promise<SessionResolvedView> {
  await findSessionAsPayer(app, call, sessionId)
  const vouchers = await app.sessionLooks.run(() => vouchersPaidBy(app, call, sessionId, receipts))
  const groups = groupByVoucher(vouchers, sharingSigned(receipts))
  const answer = { sessionId, results: await endingAll(groups.map((group) => resolveGroup(app, call, group))) }
  return isToBeKept(answer.results) ? keepAnswer(app, call.idempotency, answer) : answer
}

/** Those vouchers of the session that the receipts name, oldest first. */
async function vouchersPaidBy(app: App, call: Call, sessionId: string, receipts: Receipt[]): Promise<TermedVoucher[]> {
  const named = new Set(receipts.map(({ paymentId }) => paymentId))
  const slices = new VouchersInSession(app, call, sessionId)
  const { read, take } = slices.reading()
  const vouchers: TermedVoucher[] = []
  const keep = (voucher: Voucher) => {
    if (hasTerms(voucher) && paymentIds(voucher).some(([id]) => named.has(id))) vouchers.push(voucher)
    take()
  }
  await collect({ limit: receipts.length, read, view: () => undefined, take: keep })
  return vouchers
}

/** What one receipt brings signed serves all that name its hash: a batch is long, and has many receipts. */
function sharingSigned(receipts: Receipt[]): Receipt[] {
  const named = receipts.map((receipt) => ({ receipt, ...transactionNamedIn(receipt) }))
  return named.map(({ receipt, hash }) => {
    const signed = named.find((other) => other.hash === hash && other.signedTransaction !== null)
    return signed?.signedTransaction ? { ...receipt, signedTransaction: signed.signedTransaction } : receipt
  })
}

/** In the order of the vouchers. */
function groupByVoucher(vouchers: TermedVoucher[], receipts: Receipt[]): VoucherReceipts[] {
  const voucherOf = new Map(vouchers.flatMap(paymentIds))
  const placed = receipts.map((receipt, place) => {
    const voucherId = voucherOf.get(receipt.paymentId)
    if (voucherId === undefined) {
      throw invalidField(`/receipts/${place}/paymentId`, 'names no payment of this session')
    }
    return { receipt, place, voucherId }
  })
  const groups = Map.groupBy(placed, ({ voucherId }) => voucherId)
  return vouchers.flatMap(({ id }) => {
    const group = groups.get(id)
    return group === undefined ? [] : [{ voucherId: id, receipts: group }]
  })
}

function paymentIds(voucher: TermedVoucher): [paymentId: string, voucherId: string][] {
  return waysToPay(voucher).flatMap(({ payments }) => payments.map(({ id }): [string, string] => [id, voucher.id]))
}

/** Waits for all of them, whatever becomes of one; then throws what went wrong, if anything did. */
async function endingAll<T>(running: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(running)
  return Promise.all(running)
}

/** @throws what is no refusal: then nobody knows how the voucher stands, and the call is to be repeated */
async function resolveGroup(app: App, call: Call<User>, { voucherId, receipts }: VoucherReceipts): Promise<Result> {
  const own = receipts.map(({ receipt }) => receipt)
  try {
    return { voucherId, voucher: await resolveVoucher(app, { ...call, idempotency: null }, voucherId, own) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const voucher = error.code === 'already_resolved' ? await findVoucherAsPayer(app, call, voucherId) : null
    if (voucher !== null && isResolvedBy(app, voucher, own)) return { voucherId, voucher: voucherView(voucher) }
    return { voucherId, problem: problemView(atPlaces(error, receipts)) }
  }
}

function isResolvedBy(app: App, voucher: Voucher, receipts: Receipt[]): boolean {
  if (voucher.status !== 'RESOLVED') return false
  if (areSignatures(receipts)) return isRelayedHere(app, voucher)
  const { transactions } = voucher.settlement
  return receipts.every((receipt) => {
    const { hash } = transactionNamedIn(receipt)
    return transactions.some((counted) => counted.paymentId === receipt.paymentId && counted.hash === hash)
  })
}

/** A fault in one of the voucher's receipts, under the place that the receipt has in the whole call. */
function atPlaces(refusal: Refusal, receipts: VoucherReceipts['receipts']): Refusal {
  const [fault] = refusal.errors ?? []
  if (fault === undefined) return refusal
  const path = fault.path.replace(/^\/receipts\/(\d+)/, (all, index) => {
    const place = receipts[Number(index)]?.place
    return place === undefined ? all : `/receipts/${place}`
  })
  return invalidField(path, fault.message)
}

/** A call that was refused altogether, or that a node or the store could not answer in part, may go again with its key. */
function isToBeKept(results: Result[]): boolean {
  const isPassing = ({ problem }: Result) => problem !== undefined && problem.status >= 500
  return results.some(({ voucher }) => voucher !== undefined) && !results.some(isPassing)
}
