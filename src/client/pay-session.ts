import type {
  SessionPaymentsQuery,
  SessionPaymentsView,
  SessionResolvedView,
  VoucherView,
} from '../protocol/schemas.ts'
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

/** Vouchers that one signature pays, and receipts that the server takes at once. */
const MAX_TOGETHER = 100

/** A page, and the query that it answers. */
type Page = Awaited<ReturnType<PayerActions['getSessionPaymentsPage']>> & { query: SessionPaymentsQuery }
type Results = Map<string, PaidOrNot>

/**
 * Pays all that is to be paid in a session as it begins: together where the wallet can make several calls in one
 * transaction (EIP-5792), 100 vouchers at most, and one after the other where it cannot. What the payee asks for
 * meanwhile is left for another call.
 */
export async function paySession(
  payer: PayerActions,
  sessionId: string,
  wallet: PayerWallet,
  options: PaySessionOptions = {},
): Promise<PaidOrNot[]> {
  const { sent = [] } = options
  const results: Results = new Map()
  for (const earlier of sent) {
    if ('callsId' in earlier) record(results, await takeUp(payer, sessionId, wallet, earlier, options))
  }
  const [first, ...further] = await readPages(payer, sessionId, wallet, options)
  const known = new Set([first, ...further].flatMap(({ payments }) => payments.vouchers).map((one) => one.voucherId))
  const read = pageReader(payer, sessionId, known, options)
  for (let page: Page | null = first; page !== null; ) {
    await payPage(page, { payer, wallet, options, results, read })
    page = page.next && (await read({ ...page.next, wallet: wallet.address, limit: MAX_TOGETHER }))
  }
  return [...results.values()]
}

function record(results: Results, some: PaidOrNot[]): void {
  for (const result of some) results.set(result.voucherId, result)
}

/** All that is to be paid now. */
async function readPages(
  payer: PayerActions,
  sessionId: string,
  { address }: PayerWallet,
  { signal }: PaySessionOptions,
): Promise<[Page, ...Page[]]> {
  const read = (next: SessionPaymentsQuery) =>
    readPage(payer, sessionId, { ...next, wallet: address, limit: MAX_TOGETHER }, signal)
  const first = await read({})
  const further: Page[] = []
  for (let { next } = first; next !== null; ) {
    const page = await read(next)
    further.push(page)
    next = page.next
  }
  return [first, ...further]
}

async function readPage(
  payer: PayerActions,
  sessionId: string,
  query: SessionPaymentsQuery,
  signal: AbortSignal | undefined,
): Promise<Page> {
  return { ...(await payer.getSessionPaymentsPage(sessionId, query, { signal })), query }
}

/** Reads pages that hold nothing but what the payer has said yes to: others are passed by, and a page ends before them. */
function pageReader(payer: PayerActions, sessionId: string, known: ReadonlySet<string>, { signal }: PaySessionOptions) {
  const ask = (query: SessionPaymentsQuery) => readPage(payer, sessionId, query, signal)
  return async function read(query: SessionPaymentsQuery): Promise<Page | null> {
    const page = await ask(query)
    const before = page.payments.vouchers.findIndex(({ voucherId }) => !known.has(voucherId))
    if (before === -1) return page
    if (before > 0) return read({ ...query, limit: before })
    const { next } = await ask({ ...query, limit: 1 })
    return next && read({ ...query, ...next, limit: MAX_TOGETHER })
  }
}

type Paying = {
  payer: PayerActions
  wallet: PayerWallet
  options: PaySessionOptions
  results: Results
  read: ReturnType<typeof pageReader>
}

/** Each batch is planned anew once the one before it is paid: quotes end, and others may have paid. */
async function payPage(page: Page, { payer, wallet, options, results, read }: Paying): Promise<void> {
  const tried = new Set<number>()
  for (let plan: Page | null = page; plan !== null; ) {
    const batch: Batch | undefined = plan.payments.batches.find(({ chainId }) => !tried.has(chainId))
    if (batch === undefined) break
    tried.add(batch.chainId)
    // What was sent for a voucher may still pay it, whatever became of that, also where it is planned under other ids by now.
    const isTried = batch.voucherIds.some((id) => results.has(id))
    const paid = isTried ? [] : await payTogether(payer, plan.payments, batch, wallet, options)
    record(results, paid)
    if (plan.payments.batches.length === tried.size || paid.length === 0) continue
    const left = page.payments.vouchers.filter(({ voucherId }) => !isPaid(results.get(voucherId)))
    plan = left.length === 0 ? null : await read({ ...page.query, limit: left.length })
  }
  for (const { voucherId } of page.payments.vouchers) {
    if (!results.has(voucherId)) record(results, [await payAlone(payer, page.payments, voucherId, wallet, options)])
  }
}

function isPaid(result: PaidOrNot | undefined): boolean {
  return result !== undefined && 'voucher' in result
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

/** All that is still to be paid: which voucher each payment is of. */
async function openPayments(
  payer: PayerActions,
  sessionId: string,
  wallet: PayerWallet,
): Promise<ReadonlyMap<string, string>> {
  const pages = await readPages(payer, sessionId, wallet, {})
  const vouchers = pages.flatMap(({ payments }) => payments.vouchers)
  return new Map(vouchers.flatMap(({ voucherId, payments }) => payments.map(({ id }) => [id, voucherId] as const)))
}

/** @throws UnresolvedError with all of the receipts, where the server has not heard all of them; it may hear some again */
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
  const results: PaidOrNot[] = []
  try {
    for (const slice of await slicesOf(receipts, payer, sessionId, wallet)) {
      const resolved = await payer.resolveSession(sessionId, slice)
      results.push(...(await Promise.all(resolved.results.map((one) => readResult(payer, one, receipts, signal)))))
    }
  } catch (error) {
    throw new UnresolvedError(receipts, error)
  }
  return results
}

/** As many receipts as the server takes at once, those of a voucher together: it is paid by all of them or not at all. */
async function slicesOf(
  receipts: SentPayment[],
  payer: PayerActions,
  sessionId: string,
  wallet: PayerWallet,
): Promise<SentPayment[][]> {
  if (receipts.length <= MAX_TOGETHER) return [receipts]
  const open = await openPayments(payer, sessionId, wallet)
  const ofVouchers = new Map<string, SentPayment[]>()
  for (const receipt of receipts) {
    const voucher = open.get(receipt.paymentId) ?? receipt.paymentId
    ofVouchers.set(voucher, [...(ofVouchers.get(voucher) ?? []), receipt])
  }
  const slices: SentPayment[][] = [[]]
  for (const ofVoucher of ofVouchers.values()) {
    const last = slices.at(-1)
    if (last && last.length + ofVoucher.length <= MAX_TOGETHER) last.push(...ofVoucher)
    else slices.push(ofVoucher)
  }
  return slices
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
