import { isDeepStrictEqual } from 'node:util'
import type { Chain } from '../chains/chain.ts'
import { ATTEMPT_TTL_MS, type Attempt, isSameAttempt } from '../domain/attempt.ts'
import { isObserved, type Movement } from '../domain/observed-payment.ts'
import { beginSettlement, type SettlementTransaction } from '../domain/settlement.ts'
import {
  addAttempt,
  canBePaid,
  dropAttempt,
  hasTerms,
  heldBy,
  lapsesAtMs,
  type TermedVoucher,
  updateAttempt,
} from '../domain/voucher.ts'
import type { Change } from '../store/store.ts'
import type { App } from './app.ts'
import { decideAndCommit } from './commit.ts'
import { duplicateOf, type Examination, examinePayments } from './examine-payment.ts'
import { expireVoucher } from './expire-voucher.ts'
import { advanceSettlement } from './follow-settlement.ts'
import { noteObserved, type Observation } from './observe-payment.ts'

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
    return { change: next && { vouchers: [next] }, answer: undefined }
  })
}

/**
 * Looks once for what a voucher's attempts have come to.
 * @throws ChainUnavailable; then nothing is written, and the next look comes
 */
export async function followAttempts(app: App, chain: Chain, followed: TermedVoucher): Promise<void> {
  const { id, attempts = [] } = followed
  if (attempts.length === 0) return
  // Who pays after its time is late, also where nobody has noted yet that the time is over.
  const nowMs = app.clock()
  if (lapsesAtMs(followed) <= nowMs) await expireVoucher(app, id, nowMs)
  for (const { transactions } of attempts) await followAttempt(app, chain, id, transactions)
}

/** What moved is written down, in a commit of its own, before the attempt is given up. */
async function followAttempt(
  app: App,
  chain: Chain,
  voucherId: string,
  transactions: SettlementTransaction[],
): Promise<void> {
  const noted: Observation[] = []
  for (;;) {
    const observed = await lookFor(app, chain, voucherId, transactions, noted)
    if (observed.length === 0) return
    // What another voucher has observed already is not written down again, and is nothing to wait for.
    await noteObserved(app, voucherId, observed)
    noted.push(...observed)
  }
}

/** @returns what is to be written down first; nothing has changed then */
async function lookFor(
  app: App,
  chain: Chain,
  voucherId: string,
  transactions: SettlementTransaction[],
  noted: Observation[],
): Promise<Observation[]> {
  return decideAndCommit<Observation[]>(app, null, async () => {
    const voucher = await findTermed(app, voucherId)
    const attempt = voucher?.attempts?.find((one) => isSameAttempt(one.transactions, transactions))
    if (voucher === null || attempt === undefined) return { change: null, answer: [] }
    const examinations = await examinePayments(app, chain, voucher, attempt.transactions)
    const { seen, change } = await decide(app, chain, voucher, attempt, examinations)
    const known: Movement[] = [...(voucher.observedPayments ?? []), ...noted.map(movementOf)]
    const observed = seen.filter((one) => !isObserved(known, movementOf(one)))
    return observed.length > 0 ? { change: null, answer: observed } : { change, answer: [] }
  })
}

function movementOf({ payment, partKeys }: Observation): Movement {
  return { ...payment, partKeys }
}

async function decide(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  attempt: Attempt,
  examinations: Examination[],
): Promise<{ seen: Observation[]; change: Change | null }> {
  const nowMs = app.clock()
  const transactions = examinations.map(({ transaction }) => transaction)
  const giveUp: Change = { vouchers: [dropAttempt(voucher, attempt, nowMs)] }
  if (isSameAttempt(transactions, heldBy(voucher))) return { seen: [], change: giveUp }
  if (examinations.every(({ state }) => state === 'proven')) {
    if (!canBePaid(voucher)) return { seen: duplicateOf(voucher, examinations), change: giveUp }
    const settlement = beginSettlement({ chain, transactions, answerTo: null, nowMs })
    const at = { voucher, settlement, examinations, idempotency: null, nowMs }
    return { seen: [], change: (await advanceSettlement(app, chain, at)).change }
  }
  const failed = examinations.filter((examination) => examination.state === 'failed')
  if (failed.length > 0) return { seen: failed.flatMap(({ observed }) => observed ?? []), change: giveUp }
  if (nowMs - attempt.sinceMs >= ATTEMPT_TTL_MS) return { seen: [], change: giveUp }
  const known = updateAttempt(voucher, attempt, transactions, nowMs)
  const isNews = !isDeepStrictEqual(known.attempts, voucher.attempts)
  return { seen: [], change: isNews ? { vouchers: [known] } : null }
}

async function findTermed(app: App, voucherId: string): Promise<TermedVoucher | null> {
  const voucher = await app.store.voucher(voucherId)
  return voucher !== null && hasTerms(voucher) ? voucher : null
}
