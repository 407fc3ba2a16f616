import { signal } from '@preact/signals'
import {
  NotPaidError,
  type Payer,
  type PayerWallet,
  PaymentFailedError,
  type SentCalls,
  type SentPayment,
  type SessionPaymentsView,
  type VoucherView,
} from '../../client/index.ts'
import { parseAmount } from '../../protocol/amounts.ts'
import { currencies, isReachable, look, missServer, payer, take, vouchers } from './desk.ts'
import { type Asking, dropAsking, keepAsking, keepSent, kept, keptSent, type Sent } from './keep.ts'
import { showReceipt } from './paid.ts'
import {
  alone,
  aloneOrNot,
  dropHash,
  forgetTaken,
  handInKept,
  sentFor,
  sentTogether,
  voucherPaidBy,
} from './receipts.ts'
import { isTransferOf, onlyShown, onlyTransfer, type Shown, type Transfer } from './shown.ts'
import { setStep } from './steps.ts'
import { account, wallet } from './wallets.ts'
import { explain, isAway } from './words.ts'

/** What a wallet of the browser was asked when the page went: nobody here knows whether it was paid. */
export const unsure = signal<readonly Asking[]>([])

/** Has the wallet sign what was shown, and hands in the receipts. */
export function payVoucher(id: string, shown: Shown): Promise<void> {
  return pay(id, shown, async (seat, signer) => {
    const hooks = hooksFor<SentPayment>(id, (receipt) => ({ voucherId: id, ...receipt }))
    take(await seat.pay(id, onlyShown(signer, shown), { ...hooks, sent: sentFor(id) }))
    showReceipt([id])
  })
}

/** Signs a transfer that somebody else sends: whoever runs the server pays the gas. */
export function payGasless(id: string, shown: Shown, transfer: Transfer): Promise<void> {
  return pay(id, shown, async (seat, signer) => {
    take(await seat.payGasless(id, onlyTransfer(signer, transfer)))
    showReceipt([id])
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
    const now = await seat.getSessionPayments(sessionId, { wallet: signer.address })
    assertSame(plan, now)
    assertWouldSucceed(now)
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
    const paid = results.flatMap((result) => ('voucher' in result ? [result.voucher] : []))
    for (const voucher of paid) take(voucher)
    showReceipt(paid.map((voucher) => voucher.id))
    if (troubles.length > 0) throw new Error([...new Set(troubles)].join(' '))
  })
}

/** What was added since the button was drawn has not been read. */
function assertSame(shown: SessionPaymentsView, now: SessionPaymentsView): void {
  const known = new Set(shown.vouchers.map(({ voucherId }) => voucherId))
  const added = now.vouchers.filter(({ voucherId }) => !known.has(voucherId)).map(({ code }) => code)
  if (added.length === 0) return
  throw new Error(`Request ${added.join(', ')} was added meanwhile. Nothing was signed: read it again.`)
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
    if (error instanceof PaymentFailedError && error.transactionHash !== null) dropHash(error.transactionHash)
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
