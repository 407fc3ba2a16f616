import { BroadcastRefused, type Chain, ChainUnavailable } from '../chains/chain.ts'
import type { Hex } from '../domain/payment.ts'
import { Refusal } from '../domain/refusal.ts'
import {
  beginSettlement,
  type Settlement,
  type SettlementTransaction,
  unseenTransaction,
  unverifiedSettlement,
} from '../domain/settlement.ts'
import {
  assertResolvable,
  failSettlement,
  isLate,
  isSettling,
  outdatedReason,
  paymentsOf,
  resolveVoucher as resolve,
  type SettlingVoucher,
  type TermedVoucher,
  type Voucher,
  type VoucherStatus,
  wayOf,
} from '../domain/voucher.ts'
import type { Receipt, VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import type { Call, Idempotency, User } from './call.ts'
import { type Decision, decideAndCommit, firstAnswer, recordStep } from './commit.ts'
import { duplicateOf, type Examination, examinePayments } from './examine-payment.ts'
import { expireVoucher } from './expire-voucher.ts'
import { findVoucherAsPayer } from './find.ts'
import { rememberAttempt } from './follow-attempts.ts'
import { advanceSettlement, failUnsent, followSettlement } from './follow-settlement.ts'
import { noteObserved } from './observe-payment.ts'
import { readReceipts, transactionNamedIn } from './read-receipts.ts'
import { areSignatures, relayPayment, unrelayed } from './relay-payment.ts'
import { restVoucherCode } from './rest-code.ts'
import { voucherView } from './views.ts'
import { nextLook } from './wait.ts'

/**
 * The payer hands in receipts. RESOLVED is a promise: where the server has a node, the chain has proven every payment.
 * Waits for the block for a while; after that the answer shows the settlement PENDING and the server goes on by itself.
 * @throws Refusal `not_found`, `not_redeemed`, `already_resolved`, `validation_failed`, `receipt_rejected`, `overloaded`
 */
export async function resolveVoucher(
  app: App,
  call: Call<User>,
  voucherId: string,
  receipts: Receipt[],
): Promise<VoucherView> {
  const voucher = await findVoucherAsPayer(app, call, voucherId)
  await notePaidAgain(app, voucher, receipts)
  assertResolvable(voucher)
  const chain = nodeFor(app, voucher)
  const isSigned = areSignatures(receipts)
  if (chain === null && isSigned) throw unrelayed()
  const transactions = isSigned ? [] : await readReceipts(app, voucher, receipts, chain)
  if (chain === null) return resolveUnverified(app, call, voucherId, transactions)
  app.followed.add(voucherId)
  try {
    const first = isSigned
      ? await submitSignatures(app, call, chain, voucherId, receipts)
      : await submit(app, call, chain, voucherId, transactions)
    const last = await waitForBlock(app, chain, first)
    return await firstAnswer(app, call.idempotency, voucherView(last))
  } finally {
    app.followed.delete(voucherId)
  }
}

/** Writes down what was sent for a voucher that another transaction has paid; the call is refused all the same. */
async function notePaidAgain(app: App, voucher: Voucher, receipts: Receipt[]): Promise<void> {
  if (voucher.status !== 'RESOLVED' || voucher.settlement.status === 'FAILED') return
  const chain = nodeFor(app, voucher)
  if (chain === null || wayOf(voucher, receipts) === null) return
  const transactions = receipts.flatMap((receipt) => {
    const { hash } = transactionNamedIn(receipt)
    return hash === null ? [] : [unseenTransaction({ paymentId: receipt.paymentId, hash, signedTransaction: null })]
  })
  const counted = new Set(voucher.settlement.transactions.map(({ hash }) => hash))
  if (transactions.length < receipts.length || transactions.every(({ hash }) => counted.has(hash))) return
  const examinations = await askChain(chain, () => examinePayments(app, chain, voucher, transactions))
  if (isOnItsWay(examinations)) return rememberAttempt(app, voucher.id, seenIn(examinations))
  await noteMoved(app, voucher, examinations)
  if (examinations.some(({ state }) => state !== 'proven')) return
  await noteObserved(app, voucher.id, duplicateOf(voucher, examinations))
}

/** True where the chain knows the transactions, may still carry them out, and has not yet. */
function isOnItsWay(examinations: Examination[]): boolean {
  return (
    examinations.every(({ state }) => state === 'waiting' || state === 'proven') &&
    examinations.some(({ state }) => state === 'waiting')
  )
}

function seenIn(examinations: Examination[]): SettlementTransaction[] {
  return examinations.map(({ transaction }) => transaction)
}

/** The chain that can prove the voucher's payments: the server had a node for it at redemption, and has one now. */
function nodeFor(app: App, voucher: TermedVoucher): Chain | null {
  const network = paymentsOf(voucher)[0]?.network
  return (voucher.redemption.headNumber !== null && network !== undefined && app.chains.get(network)) || null
}

/** Late receipts count where the chain proves them; the payer's word cannot undo an end. */
function unprovableLate(status: VoucherStatus): Refusal {
  return new Refusal(
    'receipt_rejected',
    `The voucher is ${status}, and there is no node here that could prove a late payment. Settle it with the payee.`,
  )
}

/** Without a node the payer's word is all there is, and the settlement says so. */
async function resolveUnverified(
  app: App,
  call: Call<User>,
  voucherId: string,
  transactions: SettlementTransaction[],
): Promise<VoucherView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const voucher = await findResolvable(app, call, voucherId)
    if (isLate(voucher)) throw unprovableLate(voucher.status)
    const outdated = outdatedReason(voucher, transactions, call.nowMs)
    if (outdated !== null)
      throw new Refusal('receipt_rejected', `${outdated}, and there is no node here that could prove the payment.`)
    const network = paymentsOf(voucher)[0]?.network ?? ''
    const step = resolve(voucher, unverifiedSettlement(network, transactions, call.nowMs), call.nowMs)
    const { change, view } = recordStep(step, call.nowMs)
    return {
      change,
      answer: view,
      committed: () => restVoucherCode(app, voucher, call.nowMs),
    }
  })
}

/** The voucher with its end by the clock written down, so that the next step starts from what is stored. */
async function findResolvable(app: App, call: Call<User>, voucherId: string): Promise<TermedVoucher> {
  await expireVoucher(app, voucherId, call.nowMs)
  const voucher = await findVoucherAsPayer(app, call, voucherId)
  assertResolvable(voucher)
  return voucher
}

/**
 * Looks at the transactions and commits what they show: RESOLVED where all are proven, else PENDING, durable before
 * anything is broadcast.
 */
async function submit(
  app: App,
  call: Call<User>,
  chain: Chain,
  voucherId: string,
  transactions: SettlementTransaction[],
): Promise<TermedVoucher> {
  const voucher = await findResolvable(app, call, voucherId)
  if (isSettling(voucher) && isPendingWith(voucher, transactions)) return voucher
  await untilKnown(app, call, chain, voucher, transactions)
  const submitted = await decideAndCommit<TermedVoucher>(app, null, async () => {
    const voucher = await findResolvable(app, call, voucherId)
    if (isSettling(voucher) && isPendingWith(voucher, transactions)) return { change: null, answer: voucher }
    return askChain(chain, () => decideSubmission(app, call.idempotency, chain, voucher, transactions))
  })
  await broadcastSigned(app, chain, submitted)
  return submitted
}

/** The relayer's transaction is broadcast as one that a payer handed in. */
async function submitSignatures(
  app: App,
  call: Call<User>,
  chain: Chain,
  voucherId: string,
  receipts: Receipt[],
): Promise<TermedVoucher> {
  const submitted = await relayPayment(app, call, chain, receipts, () => findResolvable(app, call, voucherId))
  await broadcastSigned(app, chain, submitted)
  return submitted
}

/** The same receipts again wait with those that are pending. */
function isPendingWith({ settlement }: SettlingVoucher, transactions: SettlementTransaction[]): boolean {
  const pending = new Set(settlement.transactions.map(({ hash }) => hash))
  return transactions.every(({ hash }) => pending.has(hash))
}

/**
 * What is proven wins at once; what is not mined yet waits only where nothing else does.
 * @throws Refusal `receipt_rejected`
 */
function refuseBesidePending(voucher: TermedVoucher, examinations: Examination[]): void {
  if (!isSettling(voucher) || examinations.every(({ state }) => state === 'proven')) return
  const pending = voucher.settlement.transactions.map(({ hash }) => hash)
  throw new Refusal(
    'receipt_rejected',
    `Other receipts are pending already (${pending.join(', ')}), so these count once they are mined: hand them in again then. A replacement with the same nonce is found by itself.`,
  )
}

/** Gives the node a few seconds to hear of transactions that the payer has just sent. */
async function untilKnown(
  app: App,
  call: Call<User>,
  chain: Chain,
  voucher: TermedVoucher,
  transactions: SettlementTransaction[],
): Promise<void> {
  const startMs = app.clock()
  const deadlineMs = startMs + app.times.unknownGraceMs
  for (;;) {
    const examinations = await askChain(chain, () => examinePayments(app, chain, voucher, transactions))
    await noteReverted(app, voucher, chain, examinations)
    await noteMoved(app, voucher, examinations)
    refuseFailed(examinations)
    const foreign = examinations.find((examination) => isForeign(voucher, examination))
    const isOver = app.clock() >= startMs + app.times.resolveWaitMs || app.stopping.aborted
    if (isOnItsWay(examinations) && !mayWait(voucher, examinations, call.nowMs)) {
      await rememberAttempt(app, voucher.id, seenIn(examinations))
    }
    refuseBesidePending(voucher, examinations)
    refuseOutdated(voucher, examinations, call.nowMs)
    if (foreign && isOver) refuseForeign(voucher, examinations)
    const missing = examinations.find(({ state, transaction }) => state === 'unknown' && !transaction.signedTransaction)
    if (!missing && !foreign) return
    if (missing && app.clock() >= deadlineMs) {
      throw new Refusal(
        'receipt_rejected',
        `The ${chain.network} node has never heard of transaction ${missing.transaction.hash}. Send it, then hand in the receipt again.`,
      )
    }
    await nextLook(chain)
  }
}

/** Whether what is not mined yet may hold the voucher: it follows the way to pay now, a payer sent it, and it is alone. */
function mayWait(voucher: TermedVoucher, examinations: Examination[], nowMs: number): boolean {
  if (isSettling(voucher) || outdatedReason(voucher, seenIn(examinations), nowMs) !== null) return false
  return !examinations.some((examination) => isForeign(voucher, examination))
}

/** Anybody can send something that is never mined: only what a payer itself has sent holds a voucher before it is. */
function isForeign({ payers }: TermedVoucher, { state, transaction }: Examination): boolean {
  const { from } = transaction
  if (state === 'proven' || from === null) return false
  return !payers.some((payer) => payer.toLowerCase() === from.toLowerCase())
}

/** @throws Refusal `receipt_rejected` where one of them waits for a block and was sent by nobody of the payer */
function refuseForeign(voucher: TermedVoucher, examinations: Examination[]): void {
  const foreign = examinations.find((examination) => isForeign(voucher, examination))
  if (foreign === undefined) return
  const { hash, from } = foreign.transaction
  throw new Refusal(
    'receipt_rejected',
    `Transaction ${hash} is not mined yet, and was sent by ${from}, which is not an address of the payer: a contract or a bundler may send a payment, but it counts once it is mined. It is looked for; hand in the receipt again when it is in a block, and do not pay again before.`,
  )
}

async function decideSubmission(
  app: App,
  idempotency: Idempotency | null,
  chain: Chain,
  voucher: TermedVoucher,
  transactions: SettlementTransaction[],
): Promise<Decision<TermedVoucher>> {
  const nowMs = app.clock()
  const examinations = await examinePayments(app, chain, voucher, transactions)
  refuseFailed(examinations)
  refuseBesidePending(voucher, examinations)
  refuseOutdated(voucher, examinations, nowMs)
  refuseForeign(voucher, examinations)
  const settlement = beginSettlement({ chain, transactions, answerTo: idempotency, nowMs })
  return advanceSettlement(app, chain, { voucher, settlement, examinations, idempotency, nowMs })
}

/** Writes down that a payment reverted, before the receipts are refused: nothing moved, and whoever looks should see why. */
async function noteReverted(
  app: App,
  voucher: TermedVoucher,
  chain: Chain,
  examinations: Examination[],
): Promise<void> {
  const reverted = examinations.find((examination) => examination.state === 'failed' && examination.hasReverted)
  if (reverted?.state !== 'failed') return
  await decideAndCommit(app, null, async () => {
    const current = await app.store.voucher(voucher.id)
    if (current === null || current.version !== voucher.version || current.status !== 'REDEEMED') return NOTHING
    if (isSettling(current)) return NOTHING
    const nowMs = app.clock()
    const transactions = examinations.map(({ transaction }) => transaction)
    if (isFailedWith(current.settlement, transactions)) return NOTHING
    const begun = beginSettlement({ chain, transactions, answerTo: null, nowMs })
    const failure = { reason: reverted.reason, hash: reverted.transaction.hash, mayStillBeMined: false }
    const step = failSettlement(current, begun, failure, nowMs)
    return { change: recordStep(step, nowMs).change, answer: undefined }
  })
}

/** Writes down what moved without being what was asked, before the receipts are refused. */
async function noteMoved(app: App, voucher: TermedVoucher, examinations: Examination[]): Promise<void> {
  const failed = examinations.filter((examination) => examination.state === 'failed')
  await noteObserved(
    app,
    voucher.id,
    failed.flatMap(({ observed = [] }) => observed),
  )
}

function isFailedWith(settlement: Settlement | null, transactions: SettlementTransaction[]): boolean {
  const failed = new Set(settlement?.transactions.map(({ hash }) => hash))
  return settlement?.status === 'FAILED' && transactions.every(({ hash }) => failed.has(hash))
}

const NOTHING: Decision<undefined> = { change: null, answer: undefined }

/** @throws Refusal `receipt_rejected` where one of them can never count */
function refuseFailed(examinations: Examination[]): void {
  for (const examination of examinations) {
    if (examination.state === 'failed') throw rejected(examination.transaction.hash, examination.reason)
  }
}

/** @throws Refusal `receipt_rejected` where one of them counts only when it is mined, and is not */
function refuseOutdated(voucher: TermedVoucher, examinations: Examination[], nowMs: number): void {
  const reason = outdatedReason(
    voucher,
    examinations.map(({ transaction }) => transaction),
    nowMs,
  )
  if (reason === null || examinations.every(({ state }) => state === 'proven')) return
  throw new Refusal(
    'receipt_rejected',
    `${reason}, so only what is mined counts. If the transaction is still mined, hand in the receipt again; else negotiate anew.`,
  )
}

function rejected(hash: string | null, reason: string): Refusal {
  return new Refusal('receipt_rejected', `Transaction ${hash} does not pay this voucher: ${reason}.`)
}

/** Broadcasts what the payer handed in signed, now that it cannot be forgotten. */
async function broadcastSigned(app: App, chain: Chain, voucher: TermedVoucher): Promise<void> {
  for (const { hash, signedTransaction, block } of voucher.settlement?.transactions ?? []) {
    if (signedTransaction === null || block !== null) continue
    try {
      await chain.broadcast(signedTransaction)
    } catch (error) {
      if (error instanceof BroadcastRefused) await endUnsent(app, chain, voucher, hash, error.message)
      // A node that cannot be asked now is asked again while the settlement is followed.
      else app.log.warn({ network: chain.network, transaction: hash, err: error }, 'not broadcast yet')
    }
  }
}

/** Ends a settlement whose transaction the node refuses, unless another look shows that a replacement was quicker. */
async function endUnsent(app: App, chain: Chain, voucher: TermedVoucher, hash: Hex | null, reason: string) {
  await followWhileWaiting(app, chain, voucher)
  if (await failUnsent(app, voucher.id, hash, reason)) throw rejected(hash, reason)
}

/**
 * Follows the settlement until every transaction is in a block or one has failed, or the wait is over.
 * @throws Refusal `receipt_rejected`
 */
async function waitForBlock(app: App, chain: Chain, first: TermedVoucher): Promise<TermedVoucher> {
  const deadlineMs = app.clock() + app.times.resolveWaitMs
  let voucher = first
  while (isWaiting(voucher) && app.clock() < deadlineMs && !app.stopping.aborted) {
    await nextLook(chain)
    voucher = await followWhileWaiting(app, chain, voucher)
  }
  if (voucher.settlement?.status === 'FAILED') {
    const { failedHash, transactions, failure } = voucher.settlement
    throw rejected(failedHash ?? transactions[0]?.hash ?? null, failure ?? 'it failed')
  }
  return voucher
}

function isWaiting({ settlement }: TermedVoucher): boolean {
  return settlement?.status === 'PENDING' && settlement.transactions.some(({ block }) => block === null)
}

/** A node that goes away while the call waits ends nothing: the receipts are safe, the wait goes on. */
async function followWhileWaiting(app: App, chain: Chain, voucher: TermedVoucher): Promise<TermedVoucher> {
  try {
    return await followSettlement(app, chain, voucher)
  } catch (error) {
    if (error instanceof ChainUnavailable) return voucher
    throw error
  }
}
