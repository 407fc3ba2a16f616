import { isSettling, isWatched, paymentsOf, type Voucher } from './voucher.ts'

/** What decides when a watched voucher is next looked at: kept beside the voucher, which may be large and is not read for that. */
export type WatchNote = {
  network: string
  payerId: string
  /** When the receipts came that wait for their blocks (Unix milliseconds); null where only attempts are looked for. */
  pendingSinceMs: number | null
  /** Whether each of these receipts has a block. */
  isMined: boolean
  /** When the newest attempt began (Unix milliseconds); null where there is none. */
  attemptedAtMs: number | null
}

/** @returns null where nothing of the voucher is watched */
export function watchNoteOf(voucher: Voucher): WatchNote | null {
  if (!isWatched(voucher)) return null
  const pending = isSettling(voucher) ? voucher.settlement : null
  const attempts = (voucher.attempts ?? []).map(({ sinceMs }) => sinceMs)
  return {
    network: paymentsOf(voucher)[0]?.network ?? '',
    payerId: voucher.payerId,
    pendingSinceMs: pending?.submittedAtMs ?? null,
    isMined: pending?.transactions.every(({ block }) => block !== null) ?? false,
    attemptedAtMs: attempts.length === 0 ? null : Math.max(...attempts),
  }
}

/** What has waited longer than this for its block is looked at more and more seldom. */
const PENDING_PATIENCE_MS = 60 * 60 * 1000
const MIN_ATTEMPT_INTERVAL_MS = 2_000
const MAX_ATTEMPT_INTERVAL_MS = 15 * 60 * 1000
const MAX_PENDING_INTERVAL_MS = 60_000

/**
 * How long to wait from one look to the next (milliseconds): the longer something has not been mined, the longer; what is mined is
 * looked at in each round.
 */
export function lookIntervalMs({ pendingSinceMs, isMined, attemptedAtMs }: WatchNote, nowMs: number): number {
  if (pendingSinceMs !== null) {
    const ageMs = nowMs - pendingSinceMs
    return isMined || ageMs < PENDING_PATIENCE_MS ? 0 : Math.min(MAX_PENDING_INTERVAL_MS, ageMs / 120)
  }
  const ageMs = nowMs - (attemptedAtMs ?? nowMs)
  return Math.min(MAX_ATTEMPT_INTERVAL_MS, Math.max(MIN_ATTEMPT_INTERVAL_MS, ageMs / 10))
}
