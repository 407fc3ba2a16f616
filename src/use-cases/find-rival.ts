import type { ChainRules, ProofQuestion } from '../chains/chain.ts'
import type { Hex } from '../domain/payment.ts'
import {
  canBePaid,
  expectationFor,
  isSettling,
  type SettlingVoucher,
  type TermedVoucher,
  type Voucher,
  waysToPay,
} from '../domain/voucher.ts'
import { type WalletId, walletsAt } from '../domain/wallet.ts'
import type { App } from './app.ts'
import { accountsOf, isSignedByOne } from './wallet-holders.ts'

/** A payer may be late, but not for ever: others who pay from the same address are not to wait longer than this. */
const RIVAL_LIFE_MS = 24 * 60 * 60 * 1000
/** More vouchers than a person is asked for in that time. */
const MOST_RIVALS = 1000

/** What is about to be claimed for a payment: the parts of a transaction, which one address of the payer has paid. */
export type Counted = { network: string; chainId: number; question: ProofQuestion; parts: string[]; payer: Hex }

/**
 * Why a payment is not to count for a voucher, or not yet: a voucher of another payer could count the very same, and comes
 * first. That is so where that payer has shown to hold the address that paid, and else where it was first to hand the
 * transaction in. An address that is only named may be anybody's.
 * @returns null where nobody comes first, and for a payer who holds the address itself
 */
export async function rivalReason(app: App, voucher: TermedVoucher, counted: Counted): Promise<string | null> {
  const { parts, payer, chainId } = counted
  const wallets = walletsAt(chainId, payer)
  if (parts.length === 0 || isSignedByOne(voucher, wallets)) return null
  const accountIds = await accountsOf(app, wallets)
  if (accountIds.includes(voucher.payerId)) return null
  const [holders, others] = await Promise.all([
    vouchersOfHolders(app, wallets, accountIds),
    vouchersBefore(app, voucher, counted.question.sighting.transaction.hash),
  ])
  const isRival = (other: Voucher) =>
    other.payerId !== voucher.payerId && canBePaid(other) && couldCount(app.rules, other, counted)
  if (holders.some(isRival)) return inWords(payer, 'has shown to hold that address')
  return others.some(isRival) ? inWords(payer, 'was first to hand the transaction in') : null
}

function vouchersOfHolders(app: App, wallets: WalletId[], accountIds: string[]): Promise<Voucher[]> {
  const sinceMs = app.clock() - RIVAL_LIFE_MS
  return app.store.vouchersOfHolders({ wallets, accountIds, sinceMs, limit: MOST_RIVALS })
}

/** Vouchers of others whose receipts named the transaction before those of this one did. */
async function vouchersBefore(app: App, voucher: TermedVoucher, hash: Hex): Promise<Voucher[]> {
  const others = await app.store.settlingWith({ hash, exceptPayerId: voucher.payerId, limit: MOST_RIVALS })
  return others.filter((other) => isSettling(other) && isBefore(other, voucher))
}

/** Of two that name it in one millisecond, either one, but always the same. */
function isBefore(other: SettlingVoucher, voucher: TermedVoucher): boolean {
  if (!isSettling(voucher)) return true
  const waitMs = voucher.settlement.submittedAtMs - other.settlement.submittedAtMs
  return waitMs > 0 || (waitMs === 0 && other.id < voucher.id)
}

function inWords(payer: Hex, better: string): string {
  return (
    `another payer is asked for the same payment from ${payer} and ${better}. ` +
    `Sign this voucher with ${payer} (sign-voucher), or wait until the other is paid, and hand in the receipt again`
  )
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
