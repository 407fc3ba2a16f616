import { isDeepStrictEqual } from 'node:util'
import type { Chain } from '../chains/chain.ts'
import { ATTEMPT_TTL_MS, type Attempt, isSameAttempt } from '../domain/attempt.ts'
import { isObserved } from '../domain/observed-payment.ts'
import { beginSettlement, type SettlementTransaction } from '../domain/settlement.ts'
import {
  addAttempt,
  canBePaid,
  dropAttempt,
  hasTerms,
  heldBy,
  type TermedVoucher,
  updateAttempt,
} from '../domain/voucher.ts'
import type { App } from './app.ts'
import { type Decision, decideAndCommit } from './commit.ts'
import { duplicateOf, type Examination, examinePayments } from './examine-payment.ts'
import { expireVoucher } from './expire-voucher.ts'
import { advanceSettlement } from './follow-settlement.ts'
import { noteObserved, type Observation } from './observe-payment.ts'

const NOTHING: Decision<undefined> = { change: null, answer: undefined }

/**
 * Goes on looking for transactions that hold a voucher no more but may still be mined. What is proven resolves the voucher;
 * where another was quicker, it is written down as paid twice.
 */
export async function rememberAttempt(
  app: App,
  voucherId: string,
  transactions: SettlementTransaction[],
): Promise<void> {
  await decideAndCommit(app, null, async () => {
    const voucher = await findTermed(app, voucherId)
    const next = voucher && addAttempt(voucher, transactions, app.clock())
    return next === null ? NOTHING : { change: { vouchers: [next] }, answer: undefined }
  })
}

/**
 * Looks once for what a voucher's attempts have come to.
 * @throws ChainUnavailable; then nothing is written, and the next look comes
 */
export async function followAttempts(app: App, chain: Chain, followed: TermedVoucher): Promise<void> {
  for (const { transactions } of followed.attempts ?? []) {
    while (await lookFor(app, chain, followed.id, transactions));
  }
}

/** @returns whether there is more to write down: each step is a commit of its own, and finds what was written before it */
async function lookFor(
  app: App,
  chain: Chain,
  voucherId: string,
  transactions: SettlementTransaction[],
): Promise<boolean> {
  const observed: Observation[] = []
  // Who pays after its time is late, also where nobody has noted yet that the time is over.
  await expireVoucher(app, voucherId, app.clock())
  await decideAndCommit(app, null, async () => {
    observed.length = 0
    const voucher = await findTermed(app, voucherId)
    const attempt = voucher?.attempts?.find((one) => isSameAttempt(one.transactions, transactions))
    if (voucher === null || attempt === undefined) return NOTHING
    const examinations = await examinePayments(app, chain, voucher, attempt.transactions)
    const { seen, decision } = await decide(app, chain, voucher, attempt, examinations)
    const isNew = ({ payment, partKeys }: Observation) =>
      !isObserved(voucher.observedPayments ?? [], { ...payment, partKeys })
    observed.push(...seen.filter(isNew))
    // What moved is written down before the attempt is given up.
    return observed.length > 0 ? NOTHING : decision
  })
  return noteObserved(app, voucherId, observed)
}

async function decide(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  attempt: Attempt,
  examinations: Examination[],
): Promise<{ seen: Observation[]; decision: Decision<undefined> }> {
  const nowMs = app.clock()
  const transactions = examinations.map(({ transaction }) => transaction)
  const giveUp: Decision<undefined> = {
    change: { vouchers: [dropAttempt(voucher, attempt, nowMs)] },
    answer: undefined,
  }
  if (isSameAttempt(transactions, heldBy(voucher))) return { seen: [], decision: giveUp }
  if (examinations.every(({ state }) => state === 'proven')) {
    if (!canBePaid(voucher)) return { seen: duplicateOf(voucher, examinations), decision: giveUp }
    const settlement = beginSettlement({ chain, transactions, answerTo: null, nowMs })
    const at = { voucher, settlement, examinations, idempotency: null, nowMs }
    return { seen: [], decision: { ...(await advanceSettlement(app, chain, at)), answer: undefined } }
  }
  const failed = examinations.filter((examination) => examination.state === 'failed')
  if (failed.length > 0) return { seen: failed.flatMap(({ observed }) => observed ?? []), decision: giveUp }
  if (nowMs - attempt.sinceMs >= ATTEMPT_TTL_MS) return { seen: [], decision: giveUp }
  const known = updateAttempt(voucher, attempt, transactions, nowMs)
  const isNews = !isDeepStrictEqual(known.attempts, voucher.attempts)
  return { seen: [], decision: isNews ? { change: { vouchers: [known] }, answer: undefined } : NOTHING }
}

async function findTermed(app: App, voucherId: string): Promise<TermedVoucher | null> {
  const voucher = await app.store.voucher(voucherId)
  return voucher !== null && hasTerms(voucher) ? voucher : null
}
