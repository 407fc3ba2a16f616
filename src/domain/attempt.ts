import type { Hex } from './hex.ts'
import type { SettlementTransaction } from './settlement.ts'

/**
 * Transactions that were handed in together and that nobody waits for any more, though they may still be mined: their
 * nonces are unused. They are looked for, so that money which moves after all is never out of sight.
 */
export type Attempt = { transactions: SettlementTransaction[]; sinceMs: number }

/** More than a payer tries for one voucher. */
const MAX_ATTEMPTS = 5

/** How long an attempt is looked for. Pools forget what they do not mine within hours; a wallet may send it again. */
export const ATTEMPT_TTL_MS = 7 * 24 * 60 * 60 * 1000

/** The attempts with one more, the newest last; beyond the bound the oldest is given up. */
export function withAttempt(
  attempts: readonly Attempt[],
  transactions: SettlementTransaction[],
  nowMs: number,
): Attempt[] {
  const isThere = attempts.some((attempt) => isSameAttempt(attempt.transactions, transactions))
  if (isThere) return [...attempts]
  // What is only looked for is never sent again: the payer may have paid in another way since.
  const looked = transactions.map((transaction) => ({ ...transaction, signedTransaction: null, block: null }))
  return [...attempts, { transactions: looked, sinceMs: nowMs }].slice(-MAX_ATTEMPTS)
}

/** The attempts without those that these transactions are, by hash or by nonce: one nonce is used once. */
export function withoutAttempts(
  attempts: readonly Attempt[],
  transactions: readonly SettlementTransaction[],
): Attempt[] {
  return attempts.filter((attempt) => !isSameAttempt(attempt.transactions, transactions))
}

/** Whether each of the transactions of one attempt is, or takes the nonce of, one of these. */
export function isSameAttempt(
  attempted: readonly SettlementTransaction[],
  transactions: readonly SettlementTransaction[],
): boolean {
  return attempted.every((one) => transactions.some((other) => isSame(one, other)))
}

function isSame(one: SettlementTransaction, other: SettlementTransaction): boolean {
  if (one.hash === other.hash) return true
  return one.nonce !== null && one.nonce === other.nonce && one.from !== null && one.from === other.from
}

/** The hashes that may still be mined. */
export function hashesOf(attempts: readonly Attempt[]): Hex[] {
  return [...new Set(attempts.flatMap(({ transactions }) => transactions.flatMap(({ hash }) => hash ?? [])))]
}
