import { isDeepStrictEqual } from 'node:util'
import { BroadcastRefused, type Chain } from '../chains/chain.ts'
import { withObserved } from '../domain/observed-payment.ts'
import type { Hex } from '../domain/payment.ts'
import { leastConfirmations, type Settlement, type SettlementTransaction } from '../domain/settlement.ts'
import {
  askingForRemainder,
  besideSettlement,
  confirmSettlement,
  type Failure,
  failSettlement,
  hasTerms,
  resolveVoucher,
  type TermedVoucher,
  trackSettlement,
} from '../domain/voucher.ts'
import type { Change, Claim, StoredAnswer } from '../store/store.ts'
import type { App } from './app.ts'
import type { Idempotency } from './call.ts'
import { type Decision, decideAndCommit, recordStep, storedAnswer } from './commit.ts'
import { type Examination, examineEach, examinePayments, type FailedExamination } from './examine-payment.ts'
import { noteObserved, type Observation, paymentOfRemainder, stepsOfObservers, unobserved } from './observe-payment.ts'
import { restVoucherCode } from './rest-code.ts'

type PendingVoucher = TermedVoucher & { settlement: Settlement }

/**
 * How long receipts may wait for their block before a voucher that is not resolved yet stops holding its code and its
 * clock for them. A payment that comes even later is a late receipt.
 */
export const PENDING_LIMIT_MS = 12 * 60 * 60 * 1000

/**
 * Looks once at the chain for a voucher whose settlement is PENDING and writes down what has changed: resolved,
 * reorganised, replaced, dropped, failed, deep enough.
 * @throws ChainUnavailable; then nothing is written, and the next look comes
 */
export async function followSettlement(app: App, chain: Chain, followed: TermedVoucher): Promise<TermedVoucher> {
  return decideAndCommit<TermedVoucher>(app, null, async () => {
    const voucher = await findPending(app, followed.id)
    if (voucher === null) return { change: null, answer: (await findTermed(app, followed.id)) ?? followed }
    const { settlement } = voucher
    const nowMs = app.clock()
    const examinations: Examination[] = []
    for (const examination of await examinePayments(app, chain, voucher, settlement.transactions)) {
      examinations.push(await recover(app, chain, examination, nowMs))
    }
    const failed = examinations.find((examination) => examination.state === 'failed')
    // What moved is written down first; the settlement's end then builds on that.
    if (failed && (await noteLeft(app, chain, voucher, failed, examinations))) {
      return { change: null, answer: await followSettlement(app, chain, voucher) }
    }
    if (failed) return failure(app, voucher, examinations, failureOf(failed), nowMs)
    const waiting = examinations.find(({ state }) => state !== 'proven')
    if (waiting && isOverdue(voucher, nowMs)) {
      const { hash } = waiting.transaction
      const reason = `it found no block in 12 hours; ${MAY_STILL_BE_MINED}`
      return failure(app, voucher, examinations, { reason, hash, mayStillBeMined: true }, nowMs)
    }
    return advanceSettlement(app, chain, { voucher, settlement, examinations, idempotency: null, nowMs })
  })
}

/**
 * Writes down what has moved where a settlement fails: by what failed, and in parts of the amount that are still there.
 * @returns whether anything was new
 */
async function noteLeft(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  { observed = [] }: FailedExamination,
  examinations: Examination[],
): Promise<boolean> {
  const left: Observation[] = [...observed]
  for (const { state, transaction } of examinations) {
    const { partUnits, partKeys: _, ...whole } = transaction
    if (state !== 'proven' || partUnits === undefined) continue
    for (const alone of await examineEach(app, chain, voucher, [whole])) {
      if (alone.state === 'failed') left.push(...(alone.observed ?? []))
    }
  }
  return noteObserved(app, voucher.id, left)
}

const MAY_STILL_BE_MINED = 'nobody has used its nonce, so it may still be mined, and is looked for'

function failureOf({ transaction, reason, mayStillBeMined }: FailedExamination): Failure {
  return { reason, hash: transaction.hash, mayStillBeMined: mayStillBeMined === true }
}

function isOverdue({ status, settlement }: PendingVoucher, nowMs: number): boolean {
  return status !== 'RESOLVED' && nowMs - settlement.submittedAtMs >= PENDING_LIMIT_MS
}

/**
 * Ends a PENDING settlement that waits for a transaction which the node neither takes nor has, as the last look showed.
 * @returns whether it did: a settlement that waits for others, or for nothing any more, goes on
 */
export async function failUnsent(app: App, voucherId: string, hash: Hex | null, reason: string): Promise<boolean> {
  return decideAndCommit(app, null, async () => {
    const voucher = await findPending(app, voucherId)
    const isUnsent = (transaction: SettlementTransaction) =>
      transaction.hash === hash && transaction.missingSinceMs !== null
    if (!voucher?.settlement.transactions.some(isUnsent)) return { change: null, answer: false }
    const nowMs = app.clock()
    const failure = { reason, hash, mayStillBeMined: true }
    return {
      change: recordStep(failSettlement(voucher, voucher.settlement, failure, nowMs), nowMs).change,
      answer: true,
    }
  })
}

/**
 * The next step of a settlement of which nothing has failed: RESOLVED as soon as every payment is proven, CONFIRMED
 * when the blocks lie deep enough, else a note of where the transactions are.
 */
export async function advanceSettlement(
  app: App,
  chain: Chain,
  at: {
    voucher: TermedVoucher
    settlement: Settlement
    examinations: Examination[]
    idempotency: Idempotency | null
    nowMs: number
  },
): Promise<Decision<TermedVoucher>> {
  const { voucher, examinations, nowMs } = at
  const transactions = examinations.map(({ transaction }) => transaction)
  const head = await chain.head()
  const settlement = { ...at.settlement, transactions, confirmations: leastConfirmations(transactions, head.number) }
  const claims = examinations.flatMap((examination) => (examination.state === 'proven' ? examination.claims : []))
  const proven = examinations.every(({ state }) => state === 'proven')
  if (proven && voucher.status !== 'RESOLVED') {
    const { voucher: resolved, event } = resolveVoucher(voucher, settlement, nowMs)
    const noted = await withBeside(app, resolved, examinations, nowMs)
    const { change, view } = recordStep({ voucher: noted.voucher, event }, nowMs)
    return {
      change: {
        ...(await withObservers(app, voucher.id, change, claims, nowMs)),
        claims: [...claims, ...noted.claims],
        ...answerFor(settlement, at.idempotency, view),
      },
      answer: noted.voucher,
      committed: () => restVoucherCode(app, voucher, nowMs),
    }
  }
  // Paid again after a failure, it stays RESOLVED.
  const paid = proven ? { ...voucher, ...besideSettlement(voucher, settlement, nowMs) } : voucher
  const { voucher: counted, claims: observed } = await withBeside(app, paid, examinations, nowMs)
  claims.push(...observed)
  const settledDepth = proven ? await leastSettledDepth(chain, settlement) : null
  if (settledDepth !== null) {
    const step = confirmSettlement(counted, { ...settlement, confirmations: settledDepth }, nowMs)
    const { change } = recordStep(step, nowMs)
    return {
      change: { ...(await withObservers(app, voucher.id, change, claims, nowMs)), claims },
      answer: step.voucher,
    }
  }
  if (isDeepStrictEqual(settlement, voucher.settlement)) return { change: null, answer: voucher }
  const next = trackSettlement(counted, settlement, nowMs)
  const change = await withObservers(app, voucher.id, { vouchers: [next] }, claims, nowMs)
  return { change: { ...change, claims }, answer: next }
}

/** The change with what it changes for vouchers that have observed what it claims. */
async function withObservers(
  app: App,
  voucherId: string,
  change: Change,
  claims: Claim[],
  nowMs: number,
): Promise<Change> {
  const steps = await stepsOfObservers(app, voucherId, claims)
  const others = steps.map((step) => recordStep(step, nowMs).change)
  return {
    ...change,
    vouchers: [change, ...others].flatMap(({ vouchers = [] }) => vouchers),
    events: [change, ...others].flatMap(({ events = [] }) => events),
  }
}

/** The voucher with what moved along with the parts that pay it, where no part is needed any more. */
async function withBeside<V extends TermedVoucher>(
  app: App,
  voucher: V,
  examinations: Examination[],
  nowMs: number,
): Promise<{ voucher: V; claims: Claim[] }> {
  const beside = examinations.flatMap((examination) =>
    examination.state === 'proven' ? (examination.beside ?? []) : [],
  )
  if (beside.length === 0) return { voucher, claims: [] }
  const { payments, claims } = await unobserved(app, voucher, beside, nowMs)
  const observedPayments = withObserved(voucher.observedPayments ?? [], payments)
  return observedPayments === null ? { voucher, claims: [] } : { voucher: { ...voucher, observedPayments }, claims }
}

/** The stored answer of the call that handed the receipts in, whether it still waits or died in a crash. */
function answerFor(
  { answerTo }: Settlement,
  idempotency: Idempotency | null,
  view: unknown,
): { answer?: Change['answer'] } {
  if (idempotency) return { answer: { ...storedAnswer(idempotency, view), ifAbsent: true } }
  if (answerTo === null) return {}
  const answer: StoredAnswer = { ...answerTo, body: JSON.stringify(view), ifAbsent: true }
  return { answer }
}

/** How deep the least deep of the transactions lies; null while one is not as deep as required. */
async function leastSettledDepth(chain: Chain, { transactions }: Settlement): Promise<number | null> {
  const depths: number[] = []
  for (const { block } of transactions) {
    const { depth, settled } = block === null ? NOT_MINED : await chain.depthOf(block)
    if (!settled) return null
    depths.push(depth)
  }
  return Math.min(...depths)
}

const NOT_MINED = { depth: 0, settled: false }

/**
 * What to do about a transaction that the node does not know (any more): broadcast it again where the payer handed it
 * in signed, wait a while for it or its replacement to come, and then wait for it no more, but go on looking for it. A node that refuses it proves
 * nothing yet: a replacement may be in its pool, or the money that it spends may come back with the next block.
 */
async function recover(app: App, chain: Chain, examination: Examination, nowMs: number): Promise<Examination> {
  if (examination.state !== 'unknown') return examination
  const { transaction } = examination
  const missing = { ...transaction, block: null, missingSinceMs: transaction.missingSinceMs ?? nowMs }
  const refusal = await broadcastAgain(chain, transaction)
  if (refusal === null) return { state: 'unknown', transaction: { ...missing, missingSinceMs: null } }
  if (nowMs - missing.missingSinceMs < app.times.dropGraceMs) return { state: 'unknown', transaction: missing }
  const reason = `it has not been seen for ${app.times.dropGraceMs / 1000} s: ${refusal}; ${MAY_STILL_BE_MINED}`
  return { state: 'failed', transaction: missing, reason, mayStillBeMined: true }
}

/** @returns null where the node has the transaction again, else why it has not */
async function broadcastAgain(chain: Chain, { signedTransaction }: SettlementTransaction): Promise<string | null> {
  if (signedTransaction === null) return 'the node has lost it'
  try {
    await chain.broadcast(signedTransaction)
    return null
  } catch (error) {
    if (error instanceof BroadcastRefused) return `the node does not take it (${error.message})`
    throw error
  }
}

function failure(
  app: App,
  voucher: PendingVoucher,
  examinations: Examination[],
  why: Failure,
  nowMs: number,
): Decision<TermedVoucher> {
  const transactions = examinations.map(({ transaction }) => transaction)
  const step = failSettlement(voucher, { ...voucher.settlement, transactions }, why, nowMs)
  // What is left of a payment in parts is not asked for again.
  const next = askingForRemainder(step.voucher, (failed) => paymentOfRemainder(app, failed))
  return { change: recordStep({ ...step, voucher: next }, nowMs).change, answer: next }
}

async function findTermed(app: App, voucherId: string): Promise<TermedVoucher | null> {
  const voucher = await app.store.voucher(voucherId)
  return voucher !== null && hasTerms(voucher) ? voucher : null
}

async function findPending(app: App, voucherId: string): Promise<PendingVoucher | null> {
  const voucher = await findTermed(app, voucherId)
  if (voucher?.settlement?.status !== 'PENDING') return null
  return { ...voucher, settlement: voucher.settlement }
}
