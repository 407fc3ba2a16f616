import { signal } from '@preact/signals'
import {
  NotPaidError,
  type Payer,
  type PayerWallet,
  PaymentFailedError,
  ProblemError,
  type SentCalls,
  type SentPayment,
  type SessionPaymentsView,
  SixpenceError,
  UnresolvedError,
  type VoucherView,
} from '../../client/index.ts'
import { parseAmount } from '../../protocol/amounts.ts'
import { currencies, isReachable, look, missServer, payer, take, vouchers } from './desk.ts'
import { type Asking, dropAsking, dropSent, keepAsking, keepSent, kept, keptSent, type Sent } from './keep.ts'
import { isTransferOf, onlyShown, onlyTransfer, type Shown, type Transfer } from './shown.ts'
import { account, wallet } from './wallets.ts'

/** How far paying has come: of a voucher, or of a session. */
export type Step = { is: 'signing' | 'sent' } | { is: 'stopped'; why: string }

/** By the id of the voucher or the session. */
export const steps = signal<ReadonlyMap<string, Step>>(new Map())

/** What a wallet of the browser was asked when the page went: nobody here knows whether it was paid. */
export const unsure = signal<readonly Asking[]>([])

/** Whether a voucher or a session is being paid by this page. */
export function isBusyWith(id: string): boolean {
  const step = steps.value.get(id)
  return step?.is === 'signing' || step?.is === 'sent'
}

/** The server has the receipts, so the browser need not remember them. After a failure it may be another receipt. */
function isTaken({ status, settlement }: VoucherView, sent: Sent): boolean {
  if (settlement?.status !== 'FAILED' || 'callsId' in sent) return status === 'RESOLVED' || settlement !== undefined
  return settlement.transactions.some(({ transactionHash }) => transactionHash === sent.transactionHash)
}

/** What is to be paid: asked for and not on its way, or gone wrong on the chain. */
export function isToPay({ status, settlement }: VoucherView): boolean {
  return settlement === undefined ? status === 'REDEEMED' : settlement.status === 'FAILED'
}

/** Has the wallet sign what was shown, and hands in the receipts. */
export function payVoucher(id: string, shown: Shown): Promise<void> {
  return pay(id, shown, async (seat, signer) => {
    const hooks = hooksFor<SentPayment>(id, (receipt) => ({ voucherId: id, ...receipt }))
    take(await seat.pay(id, onlyShown(signer, shown), { ...hooks, sent: sentFor(id) }))
  })
}

/** Signs a transfer that somebody else sends: whoever runs the server pays the gas. */
export function payGasless(id: string, shown: Shown, transfer: Transfer): Promise<void> {
  return pay(id, shown, async (seat, signer) => {
    take(await seat.payGasless(id, onlyTransfer(signer, transfer)))
  })
}

/**
 * What the browser keeps while something is paid, so that it is not paid twice whatever becomes of the page. A key of the
 * page's own says what it has signed before it sends it; a wallet of the browser can only be known to have been asked.
 */
function hooksFor<One>(id: string, name: (sent: One) => Sent) {
  const hear = (sent: One) => {
    keepSent(name(sent))
    setStep(id, { is: 'sent' })
  }
  return {
    onAsk: (paymentIds: readonly string[]) => {
      if (account.value?.kind === 'extension') keepAsking({ id, paymentIds })
    },
    onSigned: hear,
    onSent: (sent: One) => {
      hear(sent)
      dropAsking((asking) => asking.id === id)
    },
  }
}

/** @returns what a signature of the wallet could move instead of a transaction; null where the server offers none */
export function gaslessTransfer(voucher: VoucherView, from: string): Transfer | null {
  const { expectedPayment, payments: [payment] = [] } = voucher
  if (!expectedPayment || !payment) return null
  const { network, currencyAddress: token, amount, wallet: payee } = expectedPayment
  const currency = currencies.value.find((one) => one.network === network && one.address === token)
  const units = currency && parseAmount(amount, currency.decimals)
  if (typeof units !== 'bigint') return null
  const transfer = { chainId: payment.chainId, token, from, to: payee.address, units }
  return payment.alternatives?.some(({ typedData }) => isTransferOf(typedData, transfer)) ? transfer : null
}

/** Pays all of a session that is to be paid, with one signature where the wallet can. */
export function paySession(plan: SessionPaymentsView, shown: Shown): Promise<void> {
  const { sessionId } = plan
  return pay(sessionId, shown, async (seat, signer) => {
    assertWouldSucceed(await seat.getSessionPayments(sessionId, { wallet: signer.address }))
    const voucherOf = new Map(
      plan.vouchers.flatMap(({ voucherId, payments }) => payments.map(({ id }) => [id, voucherId])),
    )
    const sent = keptSent().filter((one) =>
      'callsId' in one
        ? one.sessionId === sessionId
        : plan.vouchers.some(({ voucherId }) => voucherId === one.voucherId),
    )
    const hooks = hooksFor<SentPayment | SentCalls>(sessionId, (one) =>
      'callsId' in one ? { sessionId, ...one } : { voucherId: voucherOf.get(one.paymentId) ?? '', ...one },
    )
    const results = await seat.paySession(sessionId, onlyShown(signer, shown), { ...hooks, sent })
    const troubles = results.flatMap((result) => ('error' in result ? [explain(result.error)] : []))
    for (const result of results) if ('voucher' in result) take(result.voucher)
    if (troubles.length > 0) throw new Error([...new Set(troubles)].join(' '))
  })
}

/** One that fails takes all the others of its batch with it. */
function assertWouldSucceed({ batches, vouchers: asked }: SessionPaymentsView): void {
  for (const { simulation } of batches) {
    if (simulation.status !== 'REVERTS' && simulation.status !== 'NO_EFFECT') continue
    const culprit = asked.find(({ payments }) => payments.some(({ id }) => id === simulation.paymentId))
    const which = culprit ? `Request ${culprit.code} would fail` : 'Paying them together would fail'
    throw new Error(`${which}: ${simulation.reason ?? 'it would move nothing'}. Nothing was signed.`)
  }
}

export async function refuse(voucherId: string): Promise<void> {
  try {
    const discarded = await payer.value?.discardVoucher(voucherId)
    if (discarded) take(discarded)
  } catch (error) {
    setStep(voucherId, { is: 'stopped', why: explain(error) })
    await look(voucherId)
  }
}

const LOCK = 'sixpence.wallet.pay'

/** A wallet pays one thing after the other, over all tabs: two that pay the same at once would pay twice. */
function alone(work: () => Promise<void>): Promise<void> {
  return 'locks' in navigator ? navigator.locks.request(LOCK, work) : work()
}

/** Leaves it where something is being paid. */
function aloneOrNot(work: () => Promise<void>): Promise<void> {
  if (!('locks' in navigator)) return work()
  return navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await work()
  })
}

type Work = (seat: Payer, signer: PayerWallet) => Promise<void>

async function pay(id: string, shown: Shown, work: Work): Promise<void> {
  const { value: seat } = payer
  const { value: signer } = wallet
  if (seat === null || signer === null) return
  setStep(id, { is: 'signing' })
  try {
    await alone(async () => {
      forgetTaken()
      assertNotUnderWay(id, shown)
      await work(seat, signer).finally(() => dropAsking((asking) => asking.id === id))
    })
    setStep(id, null)
  } catch (error) {
    if (error instanceof PaymentFailedError) dropHash(error.transactionHash)
    if (error instanceof NotPaidError) take(error.voucher)
    if (isAway(error)) missServer()
    setStep(id, { is: 'stopped', why: explain(error) })
  } finally {
    forgetTaken()
    if (isReachable.value && vouchers.value.has(id)) await look(id).catch(() => undefined)
  }
}

/** Another tab may have been left, or have sent some of it together with more, since the button was drawn. */
function assertNotUnderWay(id: string, shown: Shown): void {
  takeUpAsking()
  const ids = shown.map((payment) => payment.id)
  if (isUnsure(ids)) throw new Error('This may have been paid already. Nothing was signed.')
  const calls = sentTogether(ids)
  if (calls && calls.sessionId !== id) throw new Error('This was sent together with others. Nothing was signed.')
}

/** Whoever asks a wallet holds the lock: what is found while nobody does was asked by a page that is gone. */
export function lookForAsking(): Promise<void> {
  return aloneOrNot(async () => takeUpAsking())
}

function takeUpAsking(): void {
  unsure.value = kept('asking') ?? []
}

/** Whether nobody knows if some of these payments were made. */
export function isUnsure(paymentIds: readonly string[]): boolean {
  return unsure.value.some((asking) => asking.paymentIds.some((id) => paymentIds.includes(id)))
}

/** The calls that some of these payments were sent with, which the server has not taken yet. */
export function sentTogether(paymentIds: readonly string[]) {
  return keptSent()
    .filter((sent) => 'callsId' in sent)
    .find((sent) => sent.paymentIds.some((id) => paymentIds.includes(id)))
}

/** The payer has looked: the wallet did not send it. */
export function wasNotSent(asking: Asking): void {
  dropAsking(({ paymentIds }) => paymentIds.join() === asking.paymentIds.join())
  takeUpAsking()
}

/** The payer has looked: the wallet sent it, as the transaction of this hash. */
export async function wasSent(asking: Asking, transactionHash: string): Promise<void> {
  for (const paymentId of asking.paymentIds) {
    const voucher = voucherPaidBy([paymentId])
    if (voucher) keepSent({ voucherId: voucher.id, paymentId, transactionHash })
  }
  wasNotSent(asking)
  await handInKept()
}

/** The first voucher that has one of these payments. */
export function voucherPaidBy(paymentIds: readonly string[]): VoucherView | undefined {
  return vouchersPaidBy(paymentIds)[0]
}

function vouchersPaidBy(paymentIds: readonly string[]): VoucherView[] {
  const isPaidBy = ({ payments = [] }: VoucherView) => payments.some(({ id }) => paymentIds.includes(id))
  return [...vouchers.value.values()].filter(isPaidBy)
}

function dropHash(hash: string): void {
  dropSent((sent) => ('callsId' in sent ? sent.callsId : sent.transactionHash) === hash)
}

function setStep(id: string, step: Step | null): void {
  const next = new Map(steps.value)
  if (step === null) next.delete(id)
  else next.set(id, step)
  steps.value = next
}

/** Forgets what the server has acknowledged; nothing else. */
function forgetTaken(): void {
  dropSent((sent) => {
    const paid = vouchersOf(sent)
    return paid.length > 0 && paid.every((voucher) => isTaken(voucher, sent))
  })
}

function vouchersOf(sent: Sent): VoucherView[] {
  if ('callsId' in sent) return vouchersPaidBy(sent.paymentIds)
  const voucher = vouchers.value.get(sent.voucherId)
  return voucher ? [voucher] : []
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

/** What the wallet has sent for a voucher by itself. */
export function sentFor(voucherId: string): SentPayment[] {
  return keptSent()
    .filter((sent) => 'voucherId' in sent)
    .filter((sent) => sent.voucherId === voucherId)
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
  const sent = await wallet.value?.batch?.waitForCalls(callsId)
  if (sent && !sent.hasSucceeded) {
    dropHash(callsId)
    throw new PaymentFailedError(sent.transactionHash)
  }
  return sent?.transactionHash ?? null
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

/** What was sent for vouchers that are over: only its receipt is missing. */
export function sentTooLate(): VoucherView[] {
  const ids = new Set(keptSent().flatMap((sent) => vouchersOf(sent).filter((voucher) => !isTaken(voucher, sent))))
  return [...ids].filter((voucher) => !isToPay(voucher))
}

/** Gives up what was sent for a voucher or session: its owner has seen that it never reached the chain. */
export function giveUp(id: string): void {
  dropSent((sent) => id === ('voucherId' in sent ? sent.voucherId : sent.sessionId))
  setStep(id, null)
}

/** What the EIP-1193 wallets say whose owner says no. */
const DECLINED = 4001

/** An error in words for the payer. */
export function explain(error: unknown): string {
  if (isDeclined(error)) return 'You declined in the wallet. Nothing was paid.'
  if (error instanceof UnresolvedError) return explain(error.cause)
  if (error instanceof ProblemError) return error.detail
  if (isAway(error)) return 'The server cannot be reached just now.'
  if (isChainAway(error)) return 'The chain cannot be reached just now.'
  if (error instanceof Error && 'shortMessage' in error) return `${error.shortMessage}`
  return error instanceof Error ? error.message : 'Something went wrong.'
}

function isAway(error: unknown): boolean {
  if (error instanceof UnresolvedError) return isAway(error.cause)
  return error instanceof SixpenceError && (error.code === 'connection' || error.code === 'timeout')
}

/** As viem says it. */
function isChainAway(error: unknown): boolean {
  return error instanceof Error && (error.name === 'HttpRequestError' || isChainAway(error.cause))
}

function isDeclined(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === DECLINED) || isDeclined(error.cause)
}
