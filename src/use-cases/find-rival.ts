import type { ChainRules, ProofQuestion } from '../chains/chain.ts'
import type { Hex } from '../domain/payment.ts'
import { canBePaid, expectationFor, type TermedVoucher, type Voucher, waysToPay } from '../domain/voucher.ts'
import type { App } from './app.ts'

/** A payer may be late, but not for ever: others who pay from the same address are not to wait longer than this. */
const RIVAL_LIFE_MS = 24 * 60 * 60 * 1000
/** More vouchers than a person is asked for in that time. */
const MOST_RIVALS = 1000

/** What is about to be claimed for a payment: the parts of a transaction, which one address of the payer has paid. */
export type Counted = { network: string; question: ProofQuestion; parts: string[]; payer: Hex }

/**
 * A voucher of somebody else that what is about to be claimed would pay as well, where its payer has shown to hold the
 * address that paid, and the payer of this voucher has not. Then that one comes first: an address that is only named may be
 * anybody's.
 * @returns null where nobody has a better right
 */
export async function findRival(app: App, voucher: TermedVoucher, counted: Counted): Promise<Voucher | null> {
  const { parts, payer } = counted
  if (parts.length === 0 || voucher.signedBy === payer) return null
  const accountId = (await app.store.credential('wallet', payer))?.accountId ?? null
  if (accountId === voucher.payerId) return null
  const sinceMs = app.clock() - RIVAL_LIFE_MS
  const candidates = await app.store.vouchersOfHolders({ address: payer, accountId, sinceMs, limit: MOST_RIVALS })
  const isRival = (other: Voucher) =>
    other.payerId !== voucher.payerId && canBePaid(other) && couldCount(app.rules, other, counted)
  return candidates.find(isRival) ?? null
}

/** Whether one of these parts could be claimed for a voucher, in any way to pay it that its payer was ever offered. */
function couldCount(rules: ChainRules, voucher: TermedVoucher, { network, question, parts, payer }: Counted): boolean {
  const { headNumber } = voucher.redemption
  if (headNumber === null || !voucher.payers.includes(payer)) return false
  const payments = waysToPay(voucher).flatMap((way) => way.payments)
  return payments.some((payment) => {
    if (payment.network !== network) return false
    const expectation = expectationFor(voucher, payment.id)
    // Where several parts would do, it is to choose these.
    const own = new Set(parts)
    const proof = rules.prove({ ...question, expectation, payers: [payer], afterBlockNumber: headNumber, own })
    return proof.proven && proof.parts.some((part) => own.has(part))
  })
}
