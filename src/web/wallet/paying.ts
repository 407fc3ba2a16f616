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
import { dropSent, keepSent, keptSent } from './keep.ts'
import { isTransferOf, onlyShown, onlyTransfer, type Shown, type Transfer } from './shown.ts'
import { account, wallet } from './wallets.ts'

/** How far paying has come: of a voucher, or of a session. */
export type Step = { is: 'signing' | 'sent' } | { is: 'stopped'; why: string }

/** By the id of the voucher or the session. */
export const steps = signal<ReadonlyMap<string, Step>>(new Map())

/** The server has the receipts, so the browser need not remember them. */
function isTaken({ status, settlement }: VoucherView): boolean {
  return status === 'RESOLVED' || settlement !== undefined
}

/** What is to be paid: asked for and not on its way, or gone wrong on the chain. */
export function isToPay({ status, settlement }: VoucherView): boolean {
  return settlement === undefined ? status === 'REDEEMED' : settlement.status === 'FAILED'
}

/** Has the wallet sign what was shown, and hands in the receipts. */
export function payVoucher(id: string, shown: Shown): Promise<void> {
  return pay(id, async (seat, signer) => {
    const onSent = (receipt: SentPayment) => {
      keepSent({ voucherId: id, ...receipt })
      setStep(id, { is: 'sent' })
    }
    take(await seat.pay(id, onlyShown(signer, shown), { onSent, sent: sentFor(id) }))
  })
}

/** Signs a transfer that somebody else sends: whoever runs the server pays the gas. */
export function payGasless(id: string, transfer: Transfer): Promise<void> {
  return pay(id, async (seat, signer) => {
    take(await seat.payGasless(id, onlyTransfer(signer, transfer)))
  })
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
  return pay(sessionId, async (seat, signer) => {
    assertWouldSucceed(await seat.getSessionPayments(sessionId, { wallet: signer.address }))
    const voucherOf = new Map(
      plan.vouchers.flatMap(({ voucherId, payments }) => payments.map(({ id }) => [id, voucherId])),
    )
    const sent = keptSent().filter((one) =>
      'callsId' in one
        ? one.sessionId === sessionId
        : plan.vouchers.some(({ voucherId }) => voucherId === one.voucherId),
    )
    const onSent = (one: SentPayment | SentCalls) => {
      if ('callsId' in one) keepSent({ sessionId, ...one })
      else keepSent({ voucherId: voucherOf.get(one.paymentId) ?? '', ...one })
      setStep(sessionId, { is: 'sent' })
    }
    const results = await seat.paySession(sessionId, onlyShown(signer, shown), { onSent, sent })
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

/** A wallet pays one thing after the other, over all tabs: two that pay the same at once would pay twice. */
function alone(work: () => Promise<void>): Promise<void> {
  return 'locks' in navigator ? navigator.locks.request('sixpence.wallet.pay', work) : work()
}

async function pay(id: string, work: (seat: Payer, signer: PayerWallet) => Promise<void>): Promise<void> {
  const { value: seat } = payer
  const { value: signer } = wallet
  if (seat === null || signer === null) return
  setStep(id, { is: 'signing' })
  try {
    await alone(async () => {
      forgetTaken()
      await work(seat, signer)
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
  dropSent((sent) => vouchersOf(sent).length > 0 && vouchersOf(sent).every(isTaken))
}

function vouchersOf(sent: ReturnType<typeof keptSent>[number]): VoucherView[] {
  if ('voucherId' in sent) return [...vouchers.value.values()].filter(({ id }) => id === sent.voucherId)
  const isPaidBy = ({ payments = [] }: VoucherView) => payments.some(({ id }) => sent.paymentIds.includes(id))
  return [...vouchers.value.values()].filter(isPaidBy)
}

/**
 * Hands in what was sent before the page was left, or while the server was away. No key is needed for it.
 * @returns whether something is left to be handed in
 */
export async function handInKept(): Promise<boolean> {
  if (keptSent().length === 0) return false
  await alone(async () => {
    forgetTaken()
    const { value: seat } = payer
    if (seat === null) return
    for (const voucherId of paidInFull()) await handIn(seat, voucherId)
    for (const sent of keptSent()) if ('callsId' in sent) await handInCalls(seat, sent)
    forgetTaken()
  })
  return paidInFull().length > 0 || keptSent().some((sent) => 'callsId' in sent)
}

/** The vouchers that lack nothing but their receipts. The rest of others has to be signed first, when their owner wants to. */
function paidInFull(): string[] {
  const paid = new Set(keptSent().flatMap((sent) => ('voucherId' in sent ? [sent.paymentId] : [])))
  const isPaid = ({ payments = [] }: VoucherView) => payments.length > 0 && payments.every(({ id }) => paid.has(id))
  return [...vouchers.value.values()].filter(isPaid).map(({ id }) => id)
}

/** What the wallet has sent for a voucher. */
export function sentFor(voucherId: string): SentPayment[] {
  return keptSent().flatMap((sent) =>
    'voucherId' in sent && sent.voucherId === voucherId
      ? [{ paymentId: sent.paymentId, transactionHash: sent.transactionHash }]
      : [],
  )
}

async function handIn(seat: Payer, voucherId: string): Promise<void> {
  await report(voucherId, async () => take(await seat.resolveVoucher(voucherId, sentFor(voucherId))))
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
  setStep(id, { is: 'sent' })
  try {
    await work()
    setStep(id, null)
  } catch (error) {
    setStep(id, { is: 'stopped', why: explain(error) })
    if (isAway(error)) throw error
  }
}

/** Gives up what was sent for a voucher or session: its owner has seen that it never reached the chain. */
export function giveUp(id: string): void {
  dropSent((sent) => ('voucherId' in sent ? sent.voucherId === id : sent.sessionId === id))
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
  if (error instanceof Error && 'shortMessage' in error) return `${error.shortMessage}`
  return error instanceof Error ? error.message : 'Something went wrong.'
}

function isAway(error: unknown): boolean {
  if (error instanceof UnresolvedError) return isAway(error.cause)
  return error instanceof SixpenceError && (error.code === 'connection' || error.code === 'timeout')
}

function isDeclined(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === DECLINED) || isDeclined(error.cause)
}
