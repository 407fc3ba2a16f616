import {
  type Payer,
  PaymentFailedError,
  type SentCalls,
  type SentPayment,
  type VoucherView,
} from '../../client/index.ts'
import { isToPay, payer, take, vouchers } from './desk.ts'
import { dropSent, keptSent, type Sent } from './keep.ts'
import { setStep, steps } from './steps.ts'
import { account, wallet } from './wallets.ts'
import { explain, isAway } from './words.ts'

/** What was sent, kept until the server has its receipts; and that nothing is sent twice meanwhile. */

const LOCK = 'sixpence.wallet.pay'

/** A wallet pays one thing after the other, over all tabs: two that pay the same at once would pay twice. */
export function alone(work: () => Promise<void>): Promise<void> {
  return 'locks' in navigator ? navigator.locks.request(LOCK, work) : work()
}

/** Leaves it where something is being paid. */
export function aloneOrNot(work: () => Promise<void>): Promise<void> {
  if (!('locks' in navigator)) return work()
  return navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await work()
  })
}

/** What the wallet has sent for a voucher by itself. */
export function sentFor(voucherId: string): SentPayment[] {
  return keptSent()
    .filter((sent) => 'voucherId' in sent)
    .filter((sent) => sent.voucherId === voucherId)
}

/** The calls that some of these payments were sent with, which the server has not taken yet. */
export function sentTogether(paymentIds: readonly string[]) {
  return keptSent()
    .filter((sent) => 'callsId' in sent)
    .find((sent) => sent.paymentIds.some((id) => paymentIds.includes(id)))
}

/** What was sent for vouchers that are over: only its receipt is missing. */
export function sentTooLate(): VoucherView[] {
  const sent = keptSent()
  const isLacking = (voucher: VoucherView) => sent.some((one) => isFor(one, voucher) && !isTaken(voucher, one))
  return [...vouchers.value.values()].filter((voucher) => !isToPay(voucher) && isLacking(voucher))
}

/** The first voucher that has one of these payments. */
export function voucherPaidBy(paymentIds: readonly string[]): VoucherView | undefined {
  return [...vouchers.value.values()].find((voucher) => hasAnyOf(voucher, paymentIds))
}

function hasAnyOf({ payments = [] }: VoucherView, paymentIds: readonly string[]): boolean {
  return payments.some(({ id }) => paymentIds.includes(id))
}

function isFor(sent: Sent, voucher: VoucherView): boolean {
  return 'callsId' in sent ? hasAnyOf(voucher, sent.paymentIds) : sent.voucherId === voucher.id
}

/** The server has the receipts, so the browser need not remember them. After a failure it may be another receipt. */
function isTaken({ status, settlement }: VoucherView, sent: Sent): boolean {
  if (settlement?.status !== 'FAILED' || 'callsId' in sent) return status === 'RESOLVED' || settlement !== undefined
  return settlement.transactions.some(({ transactionHash }) => transactionHash === sent.transactionHash)
}

/** Forgets what the server has acknowledged; nothing else. */
export function forgetTaken(): void {
  dropSent((sent) => {
    const paid = [...vouchers.value.values()].filter((voucher) => isFor(sent, voucher))
    return paid.length > 0 && paid.every((voucher) => isTaken(voucher, sent))
  })
}

export function dropHash(hash: string): void {
  dropSent((sent) => ('callsId' in sent ? sent.callsId : sent.transactionHash) === hash)
}

/** Gives up what was sent for a voucher or session: its owner has seen that it never reached the chain. */
export function giveUp(id: string): void {
  dropSent((sent) => id === ('voucherId' in sent ? sent.voucherId : sent.sessionId))
  setStep(id, null)
}

/** Hands in what was sent before the page was left, or while the server was away. No key is needed for it. */
export async function handInKept(): Promise<void> {
  if (keptSent().length === 0) return
  await aloneOrNot(async () => {
    forgetTaken()
    const { value: seat } = payer
    if (seat === null) return
    for (const voucherId of paidInFull()) await handIn(seat, voucherId)
    for (const sent of keptSent()) if ('callsId' in sent) await handInCalls(seat, sent)
    forgetTaken()
  })
}

/** The vouchers that lack nothing but their receipts. The rest of others has to be signed first, when their owner wants to. */
function paidInFull(): string[] {
  const paid = new Set(keptSent().flatMap((sent) => ('voucherId' in sent ? [sent.paymentId] : [])))
  const isPaid = ({ payments = [] }: VoucherView) => payments.length > 0 && payments.every(({ id }) => paid.has(id))
  return [...vouchers.value.values()].filter(isPaid).map(({ id }) => id)
}

async function handIn(seat: Payer, voucherId: string): Promise<void> {
  const receipts = sentFor(voucherId).map(({ paymentId, transactionHash }) => ({ paymentId, transactionHash }))
  await report(voucherId, async () => take(await seat.resolveVoucher(voucherId, receipts)))
}

async function handInCalls(seat: Payer, { sessionId, callsId, paymentIds }: SentCalls & { sessionId: string }) {
  await report(sessionId, async () => {
    const transactionHash = await hashOf(callsId)
    if (transactionHash === null) return
    const receipts = paymentIds.map((paymentId) => ({ paymentId, transactionHash }))
    const { results } = await seat.resolveSession(sessionId, receipts)
    for (const { voucher, problem } of results) {
      if (voucher) take(voucher)
      if (problem) throw new Error(problem.detail)
    }
  })
}

/** The built-in wallet sends calls as one transaction; others have to be asked which one it was. */
async function hashOf(callsId: string): Promise<string | null> {
  if (account.value?.kind === 'key') return callsId
  const finished = await wallet.value?.batch?.waitForCalls(callsId)
  if (finished === undefined) return null
  if (!finished.hasSucceeded) {
    dropHash(callsId)
    throw new PaymentFailedError(finished.transactionHash, callsId)
  }
  if (finished.transactionHash !== null) return finished.transactionHash
  throw new Error(
    'Your wallet says that it has paid, and does not say in which transaction: look there before you pay again.',
  )
}

/** What the server refuses is said, and the receipt stays: only its owner gives it up. */
async function report(id: string, work: () => Promise<void>): Promise<void> {
  // What is tried again in vain does not come and go on the screen.
  if (steps.value.get(id)?.is !== 'stopped') setStep(id, { is: 'sent' })
  try {
    await work()
    setStep(id, null)
  } catch (error) {
    setStep(id, { is: 'stopped', why: explain(error) })
    if (isAway(error)) throw error
  }
}
