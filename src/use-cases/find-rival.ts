import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ChainRules, Moved, ProofQuestion, Served } from '../chains/chain.ts'
import { askedBy, askForUnits, possibleExpectations } from '../domain/completion.ts'
import { askOf, type Expectation, type Hex } from '../domain/payment.ts'
import {
  canBePaid,
  isPayable,
  isSettling,
  type SettlingVoucher,
  type TermedVoucher,
  type Voucher,
  waysToPay,
} from '../domain/voucher.ts'
import { walletsAt } from '../domain/wallet.ts'
import type { VoucherSlice } from '../store/store.ts'
import type { App } from './app.ts'
import { accountsOf, isSignedByOne } from './wallet-holders.ts'

/** A payer may be late, but not for ever: others who pay from the same address are not to wait longer than this. */
const RIVAL_LIFE_MS = 24 * 60 * 60 * 1000

/** Vouchers that are looked at in one turn, and words that one look-up has: others have their turns in between. */
const SLICE_SIZE = 25
const MAX_ASKS = 500

/** More addresses than any honest call moves the money of; each has to be looked up. */
const MAX_GIVERS = 500

/** What is about to be claimed for a payment: the parts of a transaction, which one address of the payer has paid. */
export type Counted = { network: string; chainId: number; question: ProofQuestion; parts: string[]; payer: Hex }

/**
 * Why a payment is not to count for a voucher, or not yet: a voucher of another payer could count the very same, and comes
 * first. That is so where that payer has shown to hold the address that gave it, and else where it was first to hand the
 * transaction in. An address that is only named may be anybody's. Competing vouchers are found by what they ask for among
 * all that the claimed parts would serve, and all of them are looked at, however many there are.
 * @returns null where nobody comes first, and for a payer who holds the address itself
 */
export async function rivalReason(app: App, voucher: TermedVoucher, counted: Counted): Promise<string | null> {
  const { parts, payer, question } = counted
  if (parts.length === 0) return null
  const served = app.rules.asksServed(question.sighting, parts, question.internal)
  const own = await rivalForAddress(app, voucher, counted, asksBy(payer, served))
  return own ?? rivalForGivers(app, voucher, counted, served)
}

/**
 * Why parts from an address are not to be put together for a voucher: another payer has shown to hold that address. What that
 * one is asked for may be another amount, which the same parts reach or are a part of, so no look-up by a single part finds it.
 * @param sums what a voucher of somebody who has signed with the address may ask for
 * @returns null for a payer who holds the address, and where nobody has shown to
 */
export async function heldByOther(
  app: App,
  voucher: TermedVoucher,
  { network, chainId, blockNumber }: { network: string; chainId: number; blockNumber: number },
  payer: Hex,
  sums: { expectation: Expectation; units: bigint[] },
): Promise<string | null> {
  const wallets = walletsAt(chainId, payer)
  if (isSignedByOne(voucher, wallets)) return null
  const accountIds = await accountsOf(app, wallets)
  if (accountIds.includes(voucher.payerId)) return null
  const asks = sums.units.map((units) => askForUnits(sums.expectation, units)).filter((ask) => ask !== null)
  const isRival = (other: Voucher) =>
    other.payerId !== voucher.payerId && other.payers.includes(payer) && isAskedBefore(other, network, blockNumber)
  const isHeld =
    accountIds.length > 0 ||
    (await some(isRival, [...new Set(asks)], (slice) => competing(app, { wallets, accountIds, ...slice })))
  if (!isHeld) return null
  return (
    `with what else came from ${payer} it would be enough, but another payer than this voucher's has shown to hold that address. ` +
    `Sign this voucher with ${payer} (sign-voucher), and hand in the receipt again`
  )
}

/** Whether a payment in a block would still count for a voucher. */
function isAskedBefore(voucher: Voucher, network: string, blockNumber: number): boolean {
  if (!canBePaid(voucher)) return false
  const { headNumber, payments } = voucher.redemption
  return headNumber !== null && headNumber < blockNumber && payments.some((payment) => payment.network === network)
}

async function rivalForAddress(
  app: App,
  voucher: TermedVoucher,
  counted: Counted,
  asks: string[],
): Promise<string | null> {
  const { payer, chainId, question } = counted
  const wallets = walletsAt(chainId, payer)
  if (isSignedByOne(voucher, wallets)) return null
  const accountIds = await accountsOf(app, wallets)
  if (accountIds.includes(voucher.payerId)) return null
  const isRival = (other: Voucher) => isCompeting(app.rules, voucher, other, counted)
  const [byHolder, byFirst] = await Promise.all([
    some(isRival, asks, (slice) => competing(app, { wallets, accountIds, ...slice })),
    some(
      (other) => isSettling(other) && isBefore(other, voucher) && isRival(other),
      asks,
      (slice) => settlingWith(app, voucher, question, slice),
    ),
  ])
  if (byHolder) return inWords(payer, 'has shown to hold that address')
  return byFirst ? inWords(payer, 'was first to hand the transaction in') : null
}

/**
 * Whoever sends a call has all that it does, so it may take what others gave, by allowances and signatures that it merely
 * carries out. What such an address gave counts for its holder first.
 */
async function rivalForGivers(
  app: App,
  voucher: TermedVoucher,
  counted: Counted,
  served: Served[],
): Promise<string | null> {
  if (!counted.parts.includes('call')) return null
  const others = Map.groupBy(served, ({ giver }): string | null => giver)
  others.delete(null)
  others.delete(counted.payer.toLowerCase())
  if (others.size > MAX_GIVERS) {
    return `it moves what more than ${MAX_GIVERS} other addresses give, and one call cannot count all of that`
  }
  for (const [lower, given] of others) {
    if (lower === null) continue
    await nextTurn()
    const giver = app.rules.readAddress(lower)
    if (giver === null) continue
    const wallets = walletsAt(counted.chainId, giver)
    const accountIds = await accountsOf(app, wallets)
    const isRival = (other: Voucher) => isCompeting(app.rules, voucher, other, { ...counted, payer: giver })
    const found = await some(isRival, asksOf(given), (slice) => competing(app, { wallets, accountIds, ...slice }))
    if (found) return `another payer is asked for what ${giver} gives in it, and has shown to hold that address`
  }
  return null
}

/**
 * Of several movements of a payer within one transaction, those that other vouchers of the same payer ask for to the unit: a
 * batch pays for all of them, and what is one's payment is no part of another's. Each voucher keeps one.
 */
export async function keptForOwn(
  app: App,
  voucher: TermedVoucher,
  { network, question }: Pick<Counted, 'network' | 'question'>,
  moved: Moved[],
): Promise<Set<Moved>> {
  const byAsk = Map.groupBy(moved, ({ units }) => askForUnits(question.expectation, units))
  byAsk.delete(null)
  const asks = [...byAsk.keys()].filter((ask) => ask !== null)
  const kept = new Set<Moved>()
  const keepsOne = (other: Voucher) => {
    if (other.id === voucher.id || !isPayable(other)) return
    const { headNumber, payments } = other.redemption
    if (headNumber === null || headNumber >= question.sighting.block.number) return
    if (payments.every((payment) => payment.network !== network)) return
    const part = byAsk.get(askedBy(other))?.findLast((one) => !kept.has(one) && other.payers.includes(one.payer))
    if (part !== undefined) kept.add(part)
  }
  await some(
    (other) => {
      keepsOne(other)
      return kept.size === moved.length
    },
    asks,
    (slice) => competing(app, { wallets: [], accountIds: [voucher.payerId], ...slice }),
  )
  return kept
}

/** What an address may have paid for, each once. */
function asksBy(payer: Hex, served: Served[]): string[] {
  const lower = payer.toLowerCase()
  return asksOf(served.filter(({ giver }) => giver === null || giver === lower))
}

function asksOf(served: Served[]): string[] {
  return [...new Set(served.map(({ asked }) => askOf(asked)))]
}

type AskedSlice = { asks: string[]; after: number | null; limit: number }

/** Whether one of the vouchers that ask for one of these is wanted; slice after slice to the end, each in a turn of its own. */
async function some(
  isWanted: (voucher: Voucher) => boolean,
  asks: string[],
  read: (slice: AskedSlice) => Promise<VoucherSlice>,
): Promise<boolean> {
  for (let at = 0; at < asks.length; at += MAX_ASKS) {
    let after: number | null = null
    do {
      const slice: VoucherSlice = await read({ asks: asks.slice(at, at + MAX_ASKS), after, limit: SLICE_SIZE })
      if (slice.vouchers.some(isWanted)) return true
      after = slice.next
      if (after !== null || at + MAX_ASKS < asks.length) await nextTurn()
    } while (after !== null)
  }
  return false
}

function competing(
  app: App,
  filter: Omit<Parameters<App['store']['competingVouchers']>[0], 'sinceMs'>,
): Promise<VoucherSlice> {
  return app.store.competingVouchers({ ...filter, sinceMs: app.clock() - RIVAL_LIFE_MS })
}

/** Vouchers of others whose receipts wait for the transaction. */
function settlingWith(
  app: App,
  voucher: TermedVoucher,
  { sighting }: ProofQuestion,
  slice: AskedSlice,
): Promise<VoucherSlice> {
  return app.store.settlingWith({ ...slice, hash: sighting.transaction.hash, exceptPayerId: voucher.payerId })
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

/**
 * Whether one of the parts could be claimed for a voucher of somebody else, in any way to pay it that its payer was ever
 * offered.
 */
function isCompeting(rules: ChainRules, voucher: TermedVoucher, other: Voucher, counted: Counted): boolean {
  if (other.payerId === voucher.payerId || !canBePaid(other)) return false
  const { network, question, parts, payer } = counted
  const { headNumber } = other.redemption
  if (headNumber === null || headNumber >= question.sighting.block.number) return false
  if (!other.payers.includes(payer)) return false
  const payments = waysToPay(other).flatMap((way) => way.payments)
  return payments.some((payment) => {
    if (payment.network !== network) return false
    // Where several parts would do, it is to choose these.
    const own = new Set(parts)
    return possibleExpectations(other, { paymentId: payment.id }).some((expectation) => {
      const proof = rules.prove({ ...question, expectation, payers: [payer], afterBlockNumber: headNumber, own })
      return proof.proven && proof.parts.some((part) => own.has(part))
    })
  })
}
