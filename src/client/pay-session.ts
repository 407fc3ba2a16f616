import type { SessionPaymentsView, SessionResolvedView, VoucherView } from '../protocol/schemas.ts'
import { PaymentFailedError, ProblemError, SixpenceError, UnresolvedError } from './errors.ts'
import {
  type PayHooks,
  payVoucher,
  type SentCalls,
  type SentPayment,
  sendAgain,
  sendAndTell,
  UNKNOWN_END,
  untilResolved,
} from './pay.ts'
import type { PayerActions } from './payer-actions.ts'
import type { PayerWallet } from './wallet.ts'

export type PaySessionOptions = PayHooks<SentPayment | SentCalls>

/** What became of one voucher of a session. Each has a fate of its own. */
export type PaidOrNot = { voucherId: string } & ({ voucher: VoucherView } | { error: unknown })

type Batch = SessionPaymentsView['batches'][number]
type WalletBatch = NonNullable<PayerWallet['batch']>

/**
 * Pays all that is to be paid in a session: together where the wallet can make several calls in one transaction
 * (EIP-5792), and one after the other where it cannot.
 */
export async function paySession(
  payer: PayerActions,
  sessionId: string,
  wallet: PayerWallet,
  options: PaySessionOptions = {},
): Promise<PaidOrNot[]> {
  const { signal, sent = [] } = options
  const results = new Map<string, PaidOrNot>()
  const record = (some: PaidOrNot[]) => {
    for (const result of some) results.set(result.voucherId, result)
  }
  for (const earlier of sent) {
    if ('callsId' in earlier) record(await takeUp(payer, sessionId, wallet, earlier, options))
  }
  const plan = await payer.getSessionPayments(sessionId, { wallet: wallet.address }, { signal })
  for (const batch of plan.batches) {
    record(await payTogether(payer, plan, batch, wallet, options))
  }
  for (const { voucherId } of plan.vouchers) {
    if (!results.has(voucherId)) record([await payAlone(payer, plan, voucherId, wallet, options)])
  }
  return [...results.values()]
}

/** @returns nothing where the vouchers have to be paid one by one */
async function payTogether(
  payer: PayerActions,
  { sessionId }: SessionPaymentsView,
  { chainId, paymentIds, voucherIds, request, simulation }: Batch,
  wallet: PayerWallet,
  options: PaySessionOptions,
): Promise<PaidOrNot[]> {
  // What was begun goes on one by one, from where it stands.
  const isBegun = options.sent?.some((one) => idsOf(one).some((id) => paymentIds.includes(id)))
  // What would fail together is reviewed one by one, to find out which of it is at fault.
  const isDoomed = simulation.status === 'REVERTS' || simulation.status === 'NO_EFFECT'
  if (paymentIds.length < 2 || isBegun || isDoomed || !(await wallet.batch?.isPossible(chainId))) return []
  try {
    options.signal?.throwIfAborted()
    await options.onAsk?.(paymentIds)
    const calls = await sendCalls(batchOf(wallet), { request, paymentIds }, options)
    return calls === null ? [] : await handInCalls(payer, sessionId, wallet, calls, options)
  } catch (error) {
    return voucherIds.map((voucherId) => ({ voucherId, error }))
  }
}

function idsOf(sent: SentPayment | SentCalls): string[] {
  return 'callsId' in sent ? sent.paymentIds : [sent.paymentId]
}

/** @returns null where the wallet cannot do it after all */
async function sendCalls(
  batch: WalletBatch,
  { request, paymentIds }: Pick<Batch, 'request' | 'paymentIds'>,
  options: PaySessionOptions,
): Promise<SentCalls | null> {
  try {
    return await sendAndTell<SentCalls>(
      (onSigned) => batch.sendCalls(request, onSigned),
      (callsId) => ({ callsId, paymentIds }),
      options,
    )
  } catch (error) {
    if (isUnsupported(error)) return null
    throw error
  }
}

/**
 * What an earlier call has sent; where the chain did not carry it out, it is still to be paid. Where nothing of it is open any
 * more, what the wallet says of it does not matter.
 */
async function takeUp(
  ...[payer, sessionId, wallet, earlier, options]: Parameters<typeof handInCalls>
): Promise<PaidOrNot[]> {
  try {
    await sendCallsAgain(payer, sessionId, wallet, earlier)
    return await handInCalls(payer, sessionId, wallet, earlier, options)
  } catch (error) {
    if (error instanceof PaymentFailedError) return []
    const open = await openPayments(payer, sessionId, wallet).catch(() => null)
    if (open !== null && !earlier.paymentIds.some((id) => open.has(id))) return []
    throw error
  }
}

/** Only where all that they pay is still to be paid. */
async function sendCallsAgain(
  payer: PayerActions,
  sessionId: string,
  wallet: PayerWallet,
  { callsId, paymentIds, signedTransaction }: SentCalls,
): Promise<void> {
  if (signedTransaction === undefined) return
  const open = await openPayments(payer, sessionId, wallet)
  if (paymentIds.every((id) => open.has(id))) await sendAgain(wallet, { transactionHash: callsId, signedTransaction })
}

/** The ids of all that is still to be paid. */
async function openPayments(payer: PayerActions, sessionId: string, wallet: PayerWallet): Promise<Set<string>> {
  const { vouchers } = await payer.getSessionPayments(sessionId, { wallet: wallet.address })
  return new Set(vouchers.flatMap(({ payments }) => payments.map(({ id }) => id)))
}

async function handInCalls(
  payer: PayerActions,
  sessionId: string,
  wallet: PayerWallet,
  calls: SentCalls,
  { signal }: PaySessionOptions,
): Promise<PaidOrNot[]> {
  const { paymentIds } = calls
  const transactionHash = await waitForCalls(batchOf(wallet), calls)
  const receipts = paymentIds.map((paymentId) => ({ paymentId, transactionHash }))
  const { results } = await payer.resolveSession(sessionId, receipts).catch((error) => {
    throw new UnresolvedError(receipts, error)
  })
  return Promise.all(results.map((result) => readResult(payer, result, receipts, signal)))
}

/**
 * @returns the hash of the transaction that carried the calls out
 * @throws PaymentFailedError where nothing was paid; UnresolvedError, which keeps their id, where the wallet cannot tell
 */
async function waitForCalls(batch: WalletBatch, calls: SentCalls): Promise<string> {
  const { callsId } = calls
  const { transactionHash, hasSucceeded } = await batch.waitForCalls(callsId).catch((error) => {
    throw new UnresolvedError([calls], error, UNKNOWN_END)
  })
  if (!hasSucceeded) throw new PaymentFailedError(transactionHash, callsId)
  if (transactionHash) return transactionHash
  const unnamed = `The wallet says that its calls ${callsId} are done, and does not name their transaction.`
  throw new UnresolvedError([calls], new SixpenceError('unresolved', unnamed), UNKNOWN_END)
}

async function readResult(
  payer: PayerActions,
  { voucherId, voucher, problem }: SessionResolvedView['results'][number],
  receipts: SentPayment[],
  signal: AbortSignal | undefined,
): Promise<PaidOrNot> {
  if (problem) {
    return { voucherId, error: new UnresolvedError(receipts, new ProblemError(problem, `voucher ${voucherId}`)) }
  }
  return attempt(voucherId, async () => untilResolved(payer, voucher ?? (await payer.getVoucher(voucherId)), signal))
}

/** What only another quote makes payable. */
const TO_NEGOTIATE = new Set(['quote_expired', 'other_wallet'])

async function payAlone(
  payer: PayerActions,
  { separate }: SessionPaymentsView,
  voucherId: string,
  wallet: PayerWallet,
  { sent = [], ...hooks }: PaySessionOptions,
): Promise<PaidOrNot> {
  const hindrance = separate.find((one) => one.voucherId === voucherId && TO_NEGOTIATE.has(one.reason))
  if (hindrance) return { voucherId, error: new SixpenceError('not_payable', hindrance.detail) }
  const receipts = sent.filter((earlier) => 'paymentId' in earlier)
  return attempt(voucherId, () => payVoucher(payer, voucherId, wallet, { ...hooks, sent: receipts }))
}

async function attempt(voucherId: string, pay: () => Promise<VoucherView>): Promise<PaidOrNot> {
  try {
    return { voucherId, voucher: await pay() }
  } catch (error) {
    return { voucherId, error }
  }
}

function batchOf({ batch }: PayerWallet): WalletBatch {
  if (batch) return batch
  throw new SixpenceError('not_payable', 'This wallet cannot tell what became of calls that were sent together.')
}

/** What wallets say that cannot do it (EIP-1193, EIP-5792, JSON-RPC). None of these has sent anything. */
const UNSUPPORTED = new Set([4200, 5700, 5710, 5740, 5750, 5760, -32601, -32004])

/** Looks through what wrappers have put around it. */
function isUnsupported(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof UnresolvedError) return false
  return ('code' in error && UNSUPPORTED.has(Number(error.code))) || isUnsupported(error.cause)
}
