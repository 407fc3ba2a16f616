import type { VoucherView } from '../protocol/schemas.ts'
import type { CallOptions, PostOptions } from './client.ts'
import { NotPaidError, PaymentFailedError, ProblemError, SixpenceError, UnresolvedError } from './errors.ts'
import { abortBy } from './pause.ts'
import type { PayerActions } from './payer-actions.ts'
import type { OnSigned, PayerWallet, SignedTransaction } from './wallet.ts'

/** The receipt of a payment that the wallet has sent, or at least signed. */
export type SentPayment = { paymentId: string; transactionHash: string; signedTransaction?: string }

/** Calls that the wallet has sent together, or at least signed: then their id is the hash. */
export type SentCalls = { callsId: string; paymentIds: string[]; signedTransaction?: string }

/**
 * How an interrupted payment goes on. Whatever `onSigned` and `onSent` hear may be money on its way: keep it, and give it
 * back in `sent` when the program begins again. Then nothing is paid twice, and no receipt is lost.
 */
export type PayHooks<Sent> = {
  /** Heard of before the wallet is asked for these payments, and awaited. What it throws stops it. */
  onAsk?: (paymentIds: readonly string[]) => void | Promise<void>
  /**
   * Heard of before it goes out, and awaited, where the wallet signs by itself (`viemWallet` with `keccak256`); `onSent`
   * does not hear of it again. What it throws stops it.
   */
  onSigned?: (signed: Sent & { signedTransaction: string }) => void | Promise<void>
  /** Heard of as soon as the wallet says that it has sent it, and awaited. What it throws holds up no receipt. */
  onSent?: (sent: Sent) => void | Promise<void>
  /** What an earlier, interrupted call has sent: as a hook heard it, or as `UnresolvedError` has it. */
  sent?: readonly (SentPayment | SentCalls)[]
  /** Ends it before the next signature. What has been paid in full is handed in all the same. */
  signal?: AbortSignal | undefined
}

export type PayOptions = PayHooks<SentPayment>

/**
 * Pays a voucher: reviews it, has the wallet send each payment in order, and hands in the receipts.
 * @returns the voucher, RESOLVED
 * @throws SixpenceError `not_payable` before anything is sent; PaymentFailedError, NotPaidError; UnresolvedError for all that
 * goes wrong once something is sent; what the wallet throws when it is asked to send
 */
export async function payVoucher(
  payer: PayerActions,
  voucherId: string,
  wallet: PayerWallet,
  options: PayOptions = {},
): Promise<VoucherView> {
  const { signal, sent = [] } = options
  const voucher = await payer.getVoucher(voucherId, { signal })
  if (isOnItsWay(voucher)) return untilResolved(payer, voucher, signal)
  const payments = voucher.payments ?? []
  const known = new Map(receiptsFor(payments, sent).map((receipt) => [receipt.paymentId, receipt]))
  if (!payments.every(({ id }) => known.has(id))) await assertPayable(payer, voucher, wallet, signal)
  const receipts: SentPayment[] = []
  for (const { id, chainId, input } of payments) {
    // The next may build on it, as a swap does on its approval.
    const previous = receipts.at(-1)
    if (previous) receipts[receipts.length - 1] = await mined(wallet, previous, receipts)
    const { to, value, data } = input
    const earlier = known.get(id)
    if (earlier && isOpen(voucher)) await sendAgain(wallet, earlier)
    const receipt = earlier ?? (await send(id, { chainId, to, value: BigInt(value), data }, wallet, options))
    receipts.push({ paymentId: id, transactionHash: receipt.transactionHash })
  }
  return untilResolved(payer, await handIn(payer, voucherId, wallet, receipts), signal)
}

/**
 * Pays a voucher by a signature, without a transaction of the payer's and without gas, where the server offers that for
 * this wallet (`payments[].alternatives`). The same signature may be handed in again.
 * @returns the voucher, RESOLVED
 * @throws SixpenceError `not_payable` where there is nothing that this wallet could sign; NotPaidError
 */
export async function payGasless(
  payer: PayerActions,
  voucherId: string,
  wallet: PayerWallet,
  { signal }: CallOptions = {},
): Promise<VoucherView> {
  const voucher = await payer.getVoucher(voucherId, { signal })
  if (isOnItsWay(voucher)) return untilResolved(payer, voucher, signal)
  const [payment] = voucher.payments ?? []
  const alternative = payment?.alternatives?.find(({ from }) => isSameAddress(from, wallet.address))
  if (!payment || !alternative || !wallet.signTypedData) {
    throw new SixpenceError('not_payable', `Voucher ${voucher.code} cannot be paid by a signature of this wallet.`)
  }
  signal?.throwIfAborted()
  const signature = await wallet.signTypedData(alternative.typedData)
  const resolved = await payer.resolveVoucher(voucherId, [{ paymentId: payment.id, signature }])
  return untilResolved(payer, resolved, signal)
}

/** Attaches the wallet's signature of the terms, for payees that want one before the payment. */
export async function signTerms(
  payer: PayerActions,
  voucherId: string,
  wallet: PayerWallet,
  options: PostOptions = {},
): Promise<VoucherView> {
  const { code, status, signingMessage } = await payer.getVoucher(voucherId, { signal: options.signal })
  if (signingMessage === undefined) throw new SixpenceError('not_payable', `Voucher ${code} is ${status}.`)
  const signature = await wallet.signMessage(signingMessage)
  return payer.signVoucher(voucherId, { publicKey: wallet.address, signature }, options)
}

/** Waits for a voucher whose receipts the server has, until their block has come. */
export async function untilResolved(
  payer: PayerActions,
  voucher: VoucherView,
  signal?: AbortSignal | undefined,
): Promise<VoucherView> {
  if (voucher.status === 'RESOLVED') return voucher
  const failed = new AbortController()
  const unlink = abortBy(failed, signal)
  const resolved = payer.waitForResolved(voucher.id, {
    signal: failed.signal,
    onProgress: (now) => {
      if (now.settlement?.status !== 'FAILED') return
      failed.abort(new NotPaidError(now, `The payment of voucher ${now.code} has failed: ${now.settlement.failure}.`))
    },
  })
  return resolved.finally(unlink)
}

/**
 * Of what was sent, what pays this voucher.
 * @throws UnresolvedError where it was sent together with others: only their session can tell in which transaction
 */
function receiptsFor(payments: readonly { id: string }[], sent: readonly (SentPayment | SentCalls)[]): SentPayment[] {
  const ids = new Set(payments.map(({ id }) => id))
  const together = sent
    .filter((one) => 'callsId' in one)
    .filter(({ paymentIds }) => paymentIds.some((id) => ids.has(id)))
  if (together.length > 0) {
    throw new UnresolvedError(together, 'give it to paySession', 'it was sent together with others')
  }
  return sent.filter((one) => 'paymentId' in one)
}

/** The server has its receipts, and nothing is wrong with them. */
function isOnItsWay({ status, settlement }: VoucherView): boolean {
  return (status === 'RESOLVED' && settlement?.status !== 'FAILED') || settlement?.status === 'PENDING'
}

/** Whether it is still to be paid. */
function isOpen({ status, settlement }: VoucherView): boolean {
  return status === 'REDEEMED' || settlement?.status === 'FAILED'
}

async function assertPayable(
  payer: PayerActions,
  voucher: VoucherView,
  wallet: PayerWallet,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { id, code, status, suppliedPayment } = voucher
  if (!isOpen(voucher)) {
    throw new SixpenceError('not_payable', `Voucher ${code} is ${status}.`)
  }
  const quoted = suppliedPayment?.wallet.address
  if (quoted !== undefined && !isSameAddress(quoted, wallet.address)) {
    throw new SixpenceError('not_payable', `The quote is for ${quoted}. Pay from there, or negotiate again.`)
  }
  const { payments } = await payer.reviewVoucher(id, { wallet: wallet.address }, { signal })
  for (const { summary, simulation } of payments) {
    if (simulation.status !== 'REVERTS' && simulation.status !== 'NO_EFFECT') continue
    throw new SixpenceError('not_payable', `"${summary}" would fail: ${simulation.reason ?? simulation.status}.`)
  }
}

/** Some write addresses with a checksum in their case. */
function isSameAddress(some: string, other: string): boolean {
  return some.toLowerCase() === other.toLowerCase()
}

async function send(
  paymentId: string,
  transaction: Parameters<PayerWallet['sendTransaction']>[0],
  wallet: PayerWallet,
  options: PayOptions,
): Promise<SentPayment> {
  options.signal?.throwIfAborted()
  await options.onAsk?.([paymentId])
  return sendAndTell<SentPayment>(
    (onSigned) => wallet.sendTransaction(transaction, onSigned),
    (transactionHash) => ({ paymentId, transactionHash }),
    options,
  )
}

/**
 * Has a wallet send something, and a hook hear of it: `onSigned` before it goes out where the wallet can tell, or else
 * `onSent`.
 * @throws UnresolvedError where it fails after `onSigned`; what the wallet throws before
 * @param send gives the hash of what it has sent, or its id
 * @param describe makes of that what the hooks hear
 */
export async function sendAndTell<Sent extends SentPayment | SentCalls>(
  send: (onSigned?: OnSigned) => Promise<string>,
  describe: (id: string) => Sent,
  { onSent, onSigned }: Pick<PayHooks<Sent>, 'onSent' | 'onSigned'>,
): Promise<Sent> {
  const told: Sent[] = []
  const hear = async ({ transactionHash, signedTransaction }: SignedTransaction) => {
    const signed = { ...describe(transactionHash), signedTransaction }
    await onSigned?.(signed)
    told.push(signed)
  }
  try {
    const sent = describe(await send(onSigned && hear))
    if (told.length === 0) await tell(sent, onSent)
    return sent
  } catch (error) {
    if (told.length === 0) throw error
    throw new UnresolvedError(told, error, 'it is not known whether it went out')
  }
}

/** Tells the hook; what becomes of that must not keep a receipt from the server. */
async function tell<Sent>(sent: Sent, onSent: PayHooks<Sent>['onSent']): Promise<void> {
  try {
    await onSent?.(sent)
  } catch {
    // The receipt itself is about to be handed in.
  }
}

/** How UnresolvedError puts it where the wallet does not say what became of what it has sent. */
export const UNKNOWN_END = 'what became of it is not known'

/** What was signed and kept may never have gone out. */
export async function sendAgain(
  wallet: PayerWallet,
  { transactionHash, signedTransaction }: Pick<SentPayment, 'transactionHash' | 'signedTransaction'>,
): Promise<void> {
  if (signedTransaction !== undefined) await wallet.sendSigned?.({ transactionHash, signedTransaction })
}

/**
 * @param sent all that was sent so far, for whoever is to go on with it
 * @returns the receipt of what was mined in the end
 */
async function mined(
  wallet: PayerWallet,
  { paymentId, transactionHash: sentHash }: SentPayment,
  sent: readonly SentPayment[],
): Promise<SentPayment> {
  const { transactionHash, hasSucceeded } = await wallet.waitForTransaction(sentHash).catch((error) => {
    throw new UnresolvedError([...sent], error, UNKNOWN_END)
  })
  if (!hasSucceeded) throw new PaymentFailedError(transactionHash)
  return { paymentId, transactionHash }
}

/** At once, so that the server follows it whatever becomes of the wallet; and again where its node had not heard of it. */
async function handIn(
  payer: PayerActions,
  voucherId: string,
  wallet: PayerWallet,
  receipts: SentPayment[],
): Promise<VoucherView> {
  try {
    return await payer.resolveVoucher(voucherId, receipts)
  } catch (error) {
    if (!isRejection(error)) throw new UnresolvedError(receipts, error)
  }
  const certain = await Promise.all(receipts.map((receipt) => mined(wallet, receipt, receipts)))
  return payer.resolveVoucher(voucherId, certain).catch((error) => {
    throw new UnresolvedError(certain, error)
  })
}

function isRejection(error: unknown): boolean {
  return error instanceof ProblemError && error.code === 'receipt_rejected'
}
