import type { VoucherEventType } from '../protocol/events.ts'
import { type Attempt, isSameAttempt, withAttempt, withoutAttempts } from './attempt.ts'
import { mayBeSameParts, type ObservedPayment, withObserved } from './observed-payment.ts'
import { type Expectation, expectationOf, type Hex, type Payment, type SimpleTerms, type Terms } from './payment.ts'
import { type Quote, quotedExpectation, quotedPayments } from './quote.ts'
import { Refusal } from './refusal.ts'
import type { Settlement, SettlementTransaction } from './settlement.ts'
import type { WalletId } from './wallet.ts'

/**
 * One payment that a payee asks of a payer.
 *
 *               redeem                    receipts proven
 *   RESERVED ───────────► REDEEMED ─────────────────────────► RESOLVED
 *     │  │                 │  │  ▲ ▲                             ▲
 *     │  │                 │  │  │ └─ negotiate: another quote   │
 *     │  └───────┐  ┌──────┘  │  └─── receipts not mined yet:    │
 *     │  discard │  │         │       settlement PENDING,        │ late receipts that the chain proves
 *     │          ▼  ▼         │       the clock waits            │ (only after redemption)
 *     │        DISCARDED ─────┼──────────────────────────────────┤
 *     │                       │                                  │
 *     └──── clock ──► EXPIRED ◄─ clock ──────────────────────────┘
 *
 * RESOLVED, DISCARDED and EXPIRED are final but for late receipts. A settlement that FAILED after RESOLVED lets the
 * payer resolve again; the voucher stays RESOLVED. Every function here is pure and returns the next state.
 */
export type Voucher = ReservedVoucher | RedeemedVoucher | ResolvedVoucher | DiscardedVoucher | ExpiredVoucher

export type VoucherStatus = Voucher['status']

type VoucherBase = {
  id: string
  /** Grows by one with each change; a commit states the version that it replaces. */
  version: number
  code: string
  contextId: string
  sessionId: string | null
  /** The account of the payer, who owns the context. */
  payerId: string
  /** Addresses that the payer may pay from. */
  payers: Hex[]
  /** Whoever reserved the voucher, as 64 hex characters. */
  payeeId: string
  createdAtMs: number
  updatedAtMs: number
  expiresAtMs: number
}

/** What the payee stated, fixed for good at redemption. */
export type Redemption = {
  terms: Terms
  payments: Payment[]
  payeeInfo: Record<string, unknown> | null
  orderId: string | null
  redeemedAtMs: number
  /** The head that the server knew at redemption: only later blocks count. Null where it has no node for the network. */
  headNumber: number | null
}

/** A side of a payment. */
export type Party = 'payer' | 'payee'

/** The payer's explicit signature of the terms, where a wallet wants one. */
export type TermsSignature = { publicKey: string; signature: string; signedAtMs: number }

type AfterRedemption = {
  redemption: Redemption
  /** Every price that the payer was given, the newest last: what was signed at an earlier one may still come. */
  quotes?: Quote[]
  /** The quote that the payer pays at; null: as the payee asked. */
  quoteId?: string | null
  signature: TermsSignature | null
  /**
   * The payer's wallet that has last signed for this voucher: the terms, or the payment itself. A negotiation changes
   * nothing in that: who has shown to hold an address still does.
   */
  signedBy?: WalletId | null
  settlement: Settlement | null
  /** What moved towards it without resolving it, the newest last; older vouchers lack the list. */
  observedPayments?: ObservedPayment[]
  /** What was handed in, holds it no more and may still be mined; older vouchers lack the list. */
  attempts?: Attempt[]
  /** What is still to be paid where too little has arrived: takes the place of the payment that was asked. */
  remainder?: Payment | null
}

export type ReservedVoucher = VoucherBase & { status: 'RESERVED' }
export type RedeemedVoucher = VoucherBase & AfterRedemption & { status: 'REDEEMED' }
export type ResolvedVoucher = VoucherBase &
  AfterRedemption & { status: 'RESOLVED'; settlement: Settlement; late: boolean; endedAtMs: number }
type EndedVoucher = VoucherBase & Partial<AfterRedemption> & { endedAtMs: number }
/** `discardedBy` is lacking in vouchers that were discarded before it was written down. */
export type DiscardedVoucher = EndedVoucher & { status: 'DISCARDED'; discardedBy?: Party }
export type ExpiredVoucher = EndedVoucher & { status: 'EXPIRED' }

/** A voucher whose payee has stated terms, in whatever state it is since. */
export type TermedVoucher = Voucher & AfterRedemption

/** A voucher whose receipts wait for blocks. */
export type SettlingVoucher = TermedVoucher & { settlement: Settlement }

/** The next state and what to tell the world about it. */
export type VoucherStep<V extends Voucher = Voucher> = { voucher: V; event: VoucherEventType }

export function reserveVoucher(input: {
  id: string
  code: string
  contextId: string
  sessionId: string | null
  payerId: string
  payers: Hex[]
  payeeId: string
  nowMs: number
  lifetimeMs: number
}): VoucherStep<ReservedVoucher> {
  const { nowMs, lifetimeMs, ...rest } = input
  const voucher: ReservedVoucher = {
    ...rest,
    version: 1,
    status: 'RESERVED',
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    expiresAtMs: nowMs + lifetimeMs,
  }
  return { voucher, event: 'voucher.reserved' }
}

/**
 * The voucher as the clock has it: past its time it reads EXPIRED, whether or not the sweep has come by.
 * The clock waits while receipts are on their way to a block: the payer has acted in time.
 */
export function voucherAsOf(voucher: Voucher, nowMs: number): Voucher {
  return lapsesAtMs(voucher) <= nowMs ? expireVoucher(voucher as ReservedVoucher | RedeemedVoucher).voucher : voucher
}

/** When the clock ends the voucher (Unix milliseconds); Infinity where it does not. */
export function lapsesAtMs(voucher: Voucher): number {
  switch (voucher.status) {
    case 'RESERVED':
      return voucher.expiresAtMs
    case 'REDEEMED':
      return voucher.settlement?.status === 'PENDING' ? Number.POSITIVE_INFINITY : voucher.expiresAtMs
    default:
      return Number.POSITIVE_INFINITY
  }
}

/** True once the payee has stated terms. */
export function hasTerms(voucher: Voucher): voucher is TermedVoucher {
  return 'redemption' in voucher && voucher.redemption !== undefined
}

/** The payments of one way to pay the voucher: as the payee asked (quote null), or at a quote. */
export type WayToPay = { quote: Quote | null; payments: Payment[] }

/** Every way to pay that the payer was ever offered. */
export function waysToPay({ redemption, quotes = [] }: TermedVoucher): WayToPay[] {
  const quoted = quotes.map((quote) => ({ quote, payments: quotedPayments(quote) }))
  return [{ quote: null, payments: redemption.payments }, ...quoted]
}

/** The way to pay that receipts follow: they cover each of its payments, and nothing else; null where there is none. */
export function wayOf(voucher: TermedVoucher, receipts: readonly { paymentId: string }[]): WayToPay | null {
  const named = new Set(receipts.map(({ paymentId }) => paymentId))
  const covers = ({ payments }: WayToPay) =>
    payments.length === receipts.length && payments.every(({ id }) => named.has(id))
  return waysToPay(voucher).find(covers) ?? null
}

/**
 * Why receipts count only once the chain has proven them: they follow a way to pay that is not the one to go now.
 * @returns the reason in plain words; null where they may also wait for their block
 */
export function outdatedReason(
  voucher: TermedVoucher,
  receipts: readonly { paymentId: string }[],
  nowMs: number,
): string | null {
  const quote = chosenQuote(voucher)
  const way = wayOf(voucher, receipts)
  if (way === null || way.quote?.id !== quote?.id) return 'The payer has chosen to pay in another way since'
  if (quote === null || nowMs < quote.expiresAtMs) return null
  return `The quote has expired at ${new Date(quote.expiresAtMs).toISOString()}`
}

/** The payments that the payer is to make now. */
export function paymentsOf(voucher: TermedVoucher): Payment[] {
  const quote = chosenQuote(voucher)
  if (quote !== null) return quotedPayments(quote)
  return voucher.remainder ? [voucher.remainder] : voucher.redemption.payments
}

/** The quote that the payer pays at; null where it pays as the payee asked. */
export function chosenQuote({ quotes = [], quoteId = null }: TermedVoucher): Quote | null {
  return quotes.find(({ id }) => id === quoteId) ?? null
}

/** What the chain must show of a payment that was ever offered. */
export function expectationFor(voucher: TermedVoucher, paymentId: string): Expectation {
  const { redemption, quotes = [] } = voucher
  const { terms } = redemption
  if (terms.type === 'CUSTOM') return expectationOf(terms)
  const quoted = quotes.map((quote) => quotedExpectation(quote, terms, paymentId))
  return quoted.find((expectation) => expectation !== null) ?? expectationOf(terms)
}

/** @throws Refusal `already_redeemed`, `expired` */
export function assertRedeemable(voucher: Voucher): asserts voucher is ReservedVoucher {
  switch (voucher.status) {
    case 'RESERVED':
      return
    case 'EXPIRED':
      throw new Refusal('expired', 'The voucher expired before it was redeemed. Reserve a new one.')
    case 'DISCARDED':
      throw new Refusal('expired', 'The voucher was discarded. Reserve a new one.')
    default:
      throw new Refusal('already_redeemed', 'The voucher has been redeemed already; its terms are fixed.')
  }
}

export function redeemVoucher(
  voucher: ReservedVoucher,
  redemption: Redemption,
  signingWindowMs: number,
): VoucherStep<RedeemedVoucher> {
  const next: RedeemedVoucher = {
    ...voucher,
    version: voucher.version + 1,
    status: 'REDEEMED',
    redemption,
    quotes: [],
    quoteId: null,
    signature: null,
    settlement: null,
    updatedAtMs: redemption.redeemedAtMs,
    expiresAtMs: redemption.redeemedAtMs + signingWindowMs,
  }
  return { voucher: next, event: 'voucher.redeemed' }
}

/** A voucher of a payee who asked for an amount. */
export type SimpleVoucher = TermedVoucher & { redemption: { terms: SimpleTerms } }

/** More prices than a person looks at: each is kept, because what was signed at it may still come. */
const MOST_QUOTES = 20

/**
 * Checks that the payer may choose how to pay: once it was asked, until it has paid, and again after that failed.
 * @throws Refusal `not_redeemed`, `not_simple`
 */
export function assertNegotiable(voucher: Voucher): asserts voucher is SimpleVoucher {
  if (!isPayable(voucher)) {
    throw new Refusal('not_redeemed', `Only a REDEEMED voucher can be negotiated; this one is ${voucher.status}.`)
  }
  if (voucher.settlement?.status === 'PENDING') {
    throw new Refusal('not_redeemed', 'The payer has paid: a transaction for this voucher is on its way to a block.')
  }
  if (voucher.redemption.terms.type !== 'SIMPLE') {
    throw new Refusal('not_simple', 'A CUSTOM voucher asks for a call, not for an amount: it cannot be negotiated.')
  }
  if (voucher.remainder) {
    throw new Refusal('not_redeemed', 'A part of the amount has arrived. Pay what is missing, in the same currency.')
  }
}

/** @throws Refusal `validation_failed` where the payer was given enough quotes */
export function assertQuotable({ quotes = [] }: SimpleVoucher): void {
  if (quotes.length < MOST_QUOTES) return
  throw new Refusal('validation_failed', `A voucher takes ${MOST_QUOTES} quotes at most. Pay as the payee asked.`)
}

/** True where the payer is to pay now: for the first time, or again after what it sent has failed. */
export function isPayable(voucher: Voucher): voucher is TermedVoucher {
  if (voucher.status === 'REDEEMED') return true
  return voucher.status === 'RESOLVED' && voucher.settlement.status === 'FAILED'
}

/**
 * The payer pays at a quote from now on, or as the payee asked (null). The terms that it has signed named other
 * payments, so that signature counts no more.
 */
export function negotiateVoucher(
  voucher: SimpleVoucher,
  quote: Quote | null,
  nowMs: number,
): VoucherStep<TermedVoucher> {
  const { quotes = [] } = voucher
  const next: TermedVoucher = {
    ...voucher,
    version: voucher.version + 1,
    quotes: quote === null ? quotes : [...quotes, quote],
    quoteId: quote?.id ?? null,
    signature: null,
    updatedAtMs: nowMs,
  }
  return { voucher: next, event: 'voucher.negotiated' }
}

/**
 * True as long as a payment would still count, also where the voucher has ended and the chain could prove one. Money that
 * has moved is not to be lost because its wallet has to show first who it is.
 */
export function isSignable(voucher: Voucher): voucher is TermedVoucher {
  return canBePaid(voucher) && (voucher.status === 'REDEEMED' || voucher.redemption.headNumber !== null)
}

/** @throws Refusal `validation_failed` where there is nothing to sign */
export function assertSignable(voucher: Voucher): asserts voucher is TermedVoucher {
  if (!isSignable(voucher)) {
    throw new Refusal(
      'validation_failed',
      `Only a voucher that can still be paid can be signed; this one is ${voucher.status}.`,
    )
  }
}

/** @param signedBy the payer's wallet whose signature it is */
export function signVoucher(
  voucher: TermedVoucher,
  signature: TermsSignature,
  signedBy: WalletId,
): VoucherStep<TermedVoucher> {
  return {
    voucher: { ...voucher, version: voucher.version + 1, signature, signedBy, updatedAtMs: signature.signedAtMs },
    event: 'voucher.signed',
  }
}

/**
 * Checks that receipts may be handed in: on time, late after redemption, or again after a failed settlement.
 * @throws Refusal `not_redeemed`, `already_resolved`
 */
export function assertResolvable(voucher: Voucher): asserts voucher is TermedVoucher {
  if (!hasTerms(voucher)) {
    throw new Refusal(
      'not_redeemed',
      voucher.status === 'RESERVED'
        ? 'The payee has not stated terms yet; there is nothing to pay.'
        : `The voucher is ${voucher.status} and never had terms; there is nothing to pay.`,
    )
  }
  if (voucher.status === 'RESOLVED' && voucher.settlement.status !== 'FAILED') {
    throw new Refusal('already_resolved', 'The voucher has been resolved already.')
  }
}

/** True while receipts wait for their block, or for blocks on top of it. */
export function isSettling(voucher: Voucher): voucher is SettlingVoucher {
  return hasTerms(voucher) && voucher.settlement?.status === 'PENDING'
}

/** The transaction that is to pay the payee, while receipts wait for blocks; null otherwise. What comes before it prepares it. */
export function settlingHash(voucher: Voucher): Hex | null {
  if (!isSettling(voucher)) return null
  const { transactions } = voucher.settlement
  const last = wayOf(voucher, transactions)?.payments.at(-1)
  return transactions.find(({ paymentId }) => paymentId === last?.id)?.hash ?? null
}

/** True where the clock or a party ended the voucher before its receipts came. */
export function isLate(voucher: Voucher): boolean {
  return voucher.status === 'EXPIRED' || voucher.status === 'DISCARDED'
}

/** True where a payment that the chain proves would still count for the voucher: in time, late, or after one that failed. */
export function canBePaid(voucher: Voucher): voucher is TermedVoucher {
  return isPayable(voucher) || (isLate(voucher) && hasTerms(voucher))
}

/** Ends the voucher as paid: the chain has proven every payment, or there is no node to ask (`UNVERIFIED`). */
export function resolveVoucher(
  voucher: TermedVoucher,
  settlement: Settlement,
  nowMs: number,
): VoucherStep<ResolvedVoucher> {
  const next: ResolvedVoucher = {
    ...voucher,
    version: voucher.version + 1,
    status: 'RESOLVED',
    quoteId: wayOf(voucher, settlement.transactions)?.quote?.id ?? null,
    settlement,
    ...besideSettlement(voucher, settlement, nowMs),
    late: voucher.status === 'RESOLVED' ? voucher.late : isLate(voucher),
    updatedAtMs: nowMs,
    endedAtMs: voucher.status === 'RESOLVED' ? voucher.endedAtMs : nowMs,
  }
  return { voucher: next, event: 'voucher.resolved' }
}

/** What is left beside a settlement of which every payment is proven: nothing that counts in it, and nothing to complete. */
export function besideSettlement(
  voucher: TermedVoucher,
  settlement: Settlement,
  nowMs: number,
): Required<Pick<TermedVoucher, 'attempts' | 'observedPayments' | 'remainder'>> {
  return {
    attempts: attemptsBeside(voucher, settlement, nowMs),
    observedPayments: observedBeside(voucher, settlement),
    remainder: null,
  }
}

/** What moved and counts now is nothing that was only observed. */
function observedBeside({ observedPayments = [] }: TermedVoucher, { transactions }: Settlement): ObservedPayment[] {
  return observedPayments.filter(
    ({ transactionHash, partKeys }) =>
      !transactions.some((counted) => counted.hash === transactionHash && mayBeSameParts(counted.partKeys, partKeys)),
  )
}

/** What goes on being looked for once a settlement counts: also the receipts that waited while it was quicker. */
function attemptsBeside(voucher: TermedVoucher, settlement: Settlement, nowMs: number): Attempt[] {
  const { attempts = [], settlement: before } = voucher
  const left = before?.status === 'PENDING' ? withAttempt(attempts, before.transactions, nowMs) : attempts
  return withoutAttempts(left, settlement.transactions)
}

/** The transactions of a settlement that has not failed. */
export function heldBy({ settlement }: TermedVoucher): SettlementTransaction[] {
  return settlement === null || settlement.status === 'FAILED' ? [] : settlement.transactions
}

/** True where a chain is to be asked about the voucher: its settlement is PENDING, or what was handed in may still be mined. */
export function isWatched(voucher: Voucher): voucher is TermedVoucher {
  return isSettling(voucher) || (hasTerms(voucher) && (voucher.attempts ?? []).length > 0)
}

/**
 * Goes on looking for transactions that do not hold the voucher.
 * @returns null where that is done already
 */
export function addAttempt(
  voucher: TermedVoucher,
  transactions: SettlementTransaction[],
  nowMs: number,
): TermedVoucher | null {
  const { attempts = [] } = voucher
  const known = [...attempts.map((attempt) => attempt.transactions), heldBy(voucher)]
  if (known.some((others) => isSameAttempt(transactions, others))) return null
  return withAttempts(voucher, withAttempt(attempts, transactions, nowMs), nowMs)
}

/** Gives up an attempt: it is mined, or can never be. */
export function dropAttempt(voucher: TermedVoucher, attempt: Attempt, nowMs: number): TermedVoucher {
  return withAttempts(voucher, withoutAttempts(voucher.attempts ?? [], attempt.transactions), nowMs)
}

/** Notes what is known by now of an attempt's transactions: who sent them, and with which nonces. */
export function updateAttempt(
  voucher: TermedVoucher,
  attempt: Attempt,
  transactions: SettlementTransaction[],
  nowMs: number,
): TermedVoucher {
  const attempts = (voucher.attempts ?? []).map((one) =>
    isSameAttempt(one.transactions, attempt.transactions) ? { ...one, transactions } : one,
  )
  return withAttempts(voucher, attempts, nowMs)
}

function withAttempts(voucher: TermedVoucher, attempts: Attempt[], nowMs: number): TermedVoucher {
  return { ...voucher, version: voucher.version + 1, attempts, updatedAtMs: nowMs }
}

/** Notes where the transactions stand by now. No event: progress is shown, only ends are told. */
export function trackSettlement(voucher: TermedVoucher, settlement: Settlement, nowMs: number): TermedVoucher {
  return { ...voucher, version: voucher.version + 1, settlement, updatedAtMs: nowMs }
}

/**
 * Money moved, or may have moved, towards the voucher without resolving it, in one or more movements.
 * @param remainderOf the payment of what is missing now; null where it is not an amount that can be completed
 * @returns null where that is written down already, or enough is
 */
export function observePayment(
  voucher: TermedVoucher,
  observed: readonly ObservedPayment[],
  remainderOf: (voucher: TermedVoucher) => Payment | null,
  nowMs: number,
): VoucherStep | null {
  const observedPayments = withObserved(voucher.observedPayments ?? [], observed)
  if (observedPayments === null) return null
  const next: TermedVoucher = { ...voucher, version: voucher.version + 1, observedPayments, updatedAtMs: nowMs }
  return { voucher: askingForRemainder(next, remainderOf), event: 'voucher.payment_observed' }
}

/**
 * Another voucher was paid by what had been observed for this one: it is no part of this one any more.
 * @param keys what the parts that pay the other are claimed under
 * @returns null where the voucher has observed none of it
 */
export function giveUpObserved(
  voucher: TermedVoucher,
  keys: ReadonlySet<string>,
  remainderOf: (voucher: TermedVoucher) => Payment | null,
  nowMs: number,
): VoucherStep | null {
  const { observedPayments = [] } = voucher
  const left = observedPayments.filter(({ partKeys = [] }) => !partKeys.some((key) => keys.has(key)))
  if (left.length === observedPayments.length) return null
  const next = { ...voucher, version: voucher.version + 1, observedPayments: left, updatedAtMs: nowMs }
  return { voucher: askingForRemainder(next, remainderOf), event: 'voucher.payment_observed' }
}

/** The voucher as it asks for what is missing, where a part of the amount has arrived and it can be paid. */
export function askingForRemainder<V extends TermedVoucher>(
  voucher: V,
  remainderOf: (voucher: TermedVoucher) => Payment | null,
): V {
  const remainder = canBePaid(voucher) ? remainderOf(voucher) : null
  const quoteId = remainder === null ? voucher.quoteId : null
  return { ...voucher, remainder, ...(quoteId !== undefined && { quoteId }) }
}

/** The payer has signed the payment itself, and the server has sent it. */
export function relayPayment(
  voucher: TermedVoucher,
  settlement: Settlement,
  signedBy: WalletId,
  nowMs: number,
): TermedVoucher {
  return { ...trackSettlement(voucher, settlement, nowMs), signedBy }
}

/** The blocks lie deep enough. */
export function confirmSettlement(
  voucher: TermedVoucher,
  settlement: Settlement,
  nowMs: number,
): VoucherStep<TermedVoucher> {
  const confirmed: Settlement = { ...settlement, status: 'CONFIRMED', failure: null, confirmedAtMs: nowMs }
  return { voucher: trackSettlement(voucher, confirmed, nowMs), event: 'voucher.settled' }
}

/** Why receipts are waited for no more, at which of their transactions, and whether that may be mined all the same. */
export type Failure = { reason: string; hash: Hex | null; mayStillBeMined: boolean }

/** The money did not move after all. A REDEEMED voucher gives the payer the rest of the window, if there is any. */
export function failSettlement(
  voucher: TermedVoucher,
  settlement: Settlement,
  failure: Failure,
  nowMs: number,
): VoucherStep<TermedVoucher> {
  const { reason, hash, mayStillBeMined } = failure
  const failed: Settlement = { ...settlement, status: 'FAILED', failure: reason, failedHash: hash, confirmations: 0 }
  const next = trackSettlement(voucher, failed, nowMs)
  const { attempts = [] } = next
  const looked = mayStillBeMined ? withAttempt(attempts, settlement.transactions, nowMs) : attempts
  return { voucher: { ...next, attempts: looked }, event: 'voucher.settlement_failed' }
}

/**
 * What nobody has provably paid can be called off, also while receipts wait for a block. They go on being followed: money
 * that moves after all makes the voucher RESOLVED, late.
 * @param by which side does it, so that the other can be told
 * @throws Refusal `already_resolved` for every final state
 */
export function discardVoucher(voucher: Voucher, by: Party, nowMs: number): VoucherStep<DiscardedVoucher> {
  if (voucher.status !== 'RESERVED' && voucher.status !== 'REDEEMED') {
    throw new Refusal('already_resolved', `The voucher is ${voucher.status}, which is final.`)
  }
  const next: DiscardedVoucher = {
    ...voucher,
    version: voucher.version + 1,
    status: 'DISCARDED',
    discardedBy: by,
    updatedAtMs: nowMs,
    endedAtMs: nowMs,
  }
  return { voucher: next, event: 'voucher.discarded' }
}

/** Ends a voucher whose time has passed. It ended when the clock said so, not when somebody noticed. */
export function expireVoucher(voucher: ReservedVoucher | RedeemedVoucher): VoucherStep<ExpiredVoucher> {
  const endedAtMs = Math.max(voucher.expiresAtMs, voucher.updatedAtMs)
  const next: ExpiredVoucher = {
    ...voucher,
    version: voucher.version + 1,
    status: 'EXPIRED',
    updatedAtMs: endedAtMs,
    endedAtMs,
  }
  return { voucher: next, event: 'voucher.expired' }
}

/** What `sign-voucher` signs, as an EIP-191 personal message. It names all that the payer agrees to. */
export function signingMessage(voucher: TermedVoucher): string {
  return [
    'I agree to this Sixpence voucher.',
    `Voucher: ${voucher.id}`,
    `Code: ${voucher.code}`,
    ...paymentsOf(voucher).map((payment) => `Payment: ${payment.id} ${payment.summary}`),
    `Payee: ${voucher.payeeId}`,
  ].join('\n')
}
