import { evmRules } from '../src/chains/evm/rules.ts'
import { type Context, openContext } from '../src/domain/context.ts'
import { expectationOf, type SimpleTerms } from '../src/domain/payment.ts'
import { redeemVoucher, reserveVoucher, type Voucher, type VoucherStep } from '../src/domain/voucher.ts'
import type { Change } from '../src/store/store.ts'
import { recordStep } from '../src/use-cases/commit.ts'
import { reservedView, voucherView } from '../src/use-cases/views.ts'
import { BENCH_NETWORK, BENCH_TOKEN } from './network.ts'

/** What the floor writes: copies of one voucher, made once by the real code, under other ids. */

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const nowMs = Date.now()

const context: Context = openContext({
  id: nthId('ctx', 0),
  code: '123456',
  format: 'numeric',
  payerId: nthId('usr', 0),
  payers: ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8'],
  codeExpiresAtMs: nowMs + DAY_MS,
  nowMs,
})

const reserved = reserveVoucher({
  id: nthId('vch', 0),
  code: '000000',
  contextId: context.id,
  sessionId: null,
  payerId: context.payerId,
  payers: context.payers,
  payeeId: '5a'.repeat(32),
  nowMs,
  lifetimeMs: DAY_MS,
})

const terms: SimpleTerms = {
  type: 'SIMPLE',
  network: BENCH_NETWORK,
  currency: BENCH_TOKEN.symbol,
  currencyAddress: BENCH_TOKEN.address,
  amount: '100.25',
  amountUnits: '100250000',
  decimals: BENCH_TOKEN.decimals,
  recipient: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
}

const redeemed = redeemVoucher(
  reserved.voucher,
  {
    terms,
    payments: [
      {
        id: nthId('pay', 0),
        type: 'send_transaction',
        network: terms.network,
        chainId: 31_339,
        input: evmRules.buildInput(expectationOf(terms)),
        summary: `Send ${terms.amount} ${terms.currency} to ${terms.recipient} on ${terms.network}.`,
      },
    ],
    payeeInfo: { name: 'Corner shop' },
    orderId: 'order-100000',
    redeemedAtMs: nowMs,
    headNumber: 41,
  },
  DAY_MS,
)

export const FIRST_CHANGE: Change = { contexts: [context] }
const RESERVED_ANSWER = JSON.stringify(reservedView(reserved.voucher))
const REDEEMED_ANSWER = JSON.stringify(voucherView(redeemed.voucher))

/** One more voucher: the rows to write, and the body to answer with. */
export function reservation(nth: number): { change: Change; answer: string } {
  const id = nthId('vch', nth)
  const answer = RESERVED_ANSWER.replace(reserved.voucher.id, id)
  const voucher = { ...reserved.voucher, id, code: nthCode(nth), ...timesOf(nth, HOUR_MS) }
  return { answer, change: { ...changeOf(reserved, voucher, nth, answer), unchanged: { contexts: [context] } } }
}

/** The redemption of a voucher that was reserved before. */
export function redemption(id: string, nth: number): { change: Change; answer: string } {
  const { redemption } = redeemed.voucher
  const voucher = {
    ...redeemed.voucher,
    id,
    redemption: { ...redemption, orderId: `order-${nth}` },
    ...timesOf(nth, DAY_MS),
  }
  return { answer: REDEEMED_ANSWER, change: changeOf(redeemed, voucher, nth, REDEEMED_ANSWER) }
}

/** A voucher that was redeemed and has ended an hour ago, with what it left behind. */
export function endedVoucher(nth: number): Change {
  const { change, answer } = reservation(nth)
  const voucher: Voucher = {
    ...redeemed.voucher,
    id: nthId('vch', nth),
    version: 1,
    status: 'EXPIRED',
    endedAtMs: nowMs - HOUR_MS,
  }
  return { ...change, ...changeOf(redeemed, voucher, nth, answer) }
}

function changeOf(step: VoucherStep, voucher: Voucher, nth: number, answer: string): Change {
  const { events } = step === reserved ? RESERVED_CHANGE : REDEEMED_CHANGE
  return {
    vouchers: [voucher],
    events: events?.map((event) => ({ ...event, id: nthId('evt', nth), subjectId: voucher.id })),
    answer: { scope: nthHex(64, nth), requestHash: 'c3'.repeat(32), body: answer, expiresAtMs: nowMs + DAY_MS },
  }
}

const RESERVED_CHANGE = recordStep(reserved, nowMs).change
const REDEEMED_CHANGE = recordStep(redeemed, nowMs).change

/** Codes are dealt in no order, so the index of live codes is written all over; 617 071 and a million have no common factor. */
function nthCode(nth: number): string {
  return String((nth * 617_071) % 1_000_000).padStart(6, '0')
}

/** Times grow, and a redemption moves the end. */
function timesOf(nth: number, lifeMs: number): { createdAtMs: number; expiresAtMs: number } {
  return { createdAtMs: nowMs + nth, expiresAtMs: nowMs + nth + lifeMs }
}

/** As long as a real id, and like one it grows. */
function nthId(prefix: string, nth: number): string {
  return `${prefix}_${nthHex(36, nth)}`
}

function nthHex(length: number, nth: number): string {
  return nth.toString(16).padStart(length, '0')
}
