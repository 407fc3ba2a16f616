import { missingUnits, remainingTerms } from '../domain/completion.ts'
import type { ObservedPayment } from '../domain/observed-payment.ts'
import { expectationOf, type Payment } from '../domain/payment.ts'
import { hasTerms, observePayment, type TermedVoucher } from '../domain/voucher.ts'
import { formatAmount } from '../protocol/amounts.ts'
import type { Claim } from '../store/store.ts'
import type { App } from './app.ts'
import { decideAndCommit, recordStep } from './commit.ts'
import { reviewTerms } from './review-terms.ts'

/** What an examination saw move towards a voucher without resolving it, and what it is claimed under. */
export type Observation = {
  payment: Omit<ObservedPayment, 'observedAtMs' | 'partKeys'>
  /**
   * Keys of the parts that moved, where they are known. They are claimed apart from what resolves: one part is observed
   * for one voucher of each payer, but where it turns out to be another's exact payment, it still counts there. What a
   * stranger observes, who has merely named the address, keeps nothing from whose money it is.
   */
  partKeys: string[]
}

/**
 * Writes down what moved towards a voucher without resolving it, and tells payee and payer, once: what is written down
 * already, or for another voucher, changes nothing. Safe to call again after a crash.
 * @returns whether anything was written
 */
export async function noteObserved(app: App, voucherId: string, observation: Observation): Promise<boolean> {
  const { payment, partKeys } = observation
  const remainderOf = (voucher: TermedVoucher) => paymentOfRemainder(app, voucher)
  return decideAndCommit(app, null, async () => {
    const voucher = await app.store.voucher(voucherId)
    if (voucher === null || !hasTerms(voucher)) return { change: null, answer: false }
    const claims = partKeys.map((key): Claim => {
      return { key: `observed:${voucher.payerId}:${key}`, ownerId: payment.paymentId, forgetAtMs: null }
    })
    const owners = await app.store.claimOwners(claims.map(({ key }) => key))
    const isOthers = [...owners.values()].some((ownerId) => ownerId !== payment.paymentId)
    const nowMs = app.clock()
    const step = isOthers
      ? null
      : observePayment(
          await withoutCountedElsewhere(app, voucher),
          { ...payment, observedAtMs: nowMs, partKeys },
          remainderOf,
          nowMs,
        )
    if (step === null) return { change: null, answer: false }
    return { change: { ...recordStep(step, nowMs).change, claims }, answer: true }
  })
}

/** The payment of what is missing: the one that was asked, by its id, of less. */
export function paymentOfRemainder(app: App, voucher: TermedVoucher): Payment | null {
  const { terms, payments } = voucher.redemption
  const [asked] = payments
  const missing = missingUnits(voucher)
  if (terms.type !== 'SIMPLE' || asked === undefined || missing === null) return null
  const remaining = remainingTerms(terms, missing, formatAmount(missing, terms.decimals))
  return {
    ...asked,
    input: app.rules.buildInput(expectationOf(remaining)),
    ...reviewTerms(app, remaining, { network: asked.network, payers: voucher.payers }),
  }
}

/** The voucher without what has turned out to be the exact payment of another: that is no part of this one any more. */
async function withoutCountedElsewhere(app: App, voucher: TermedVoucher): Promise<TermedVoucher> {
  const { observedPayments = [] } = voucher
  const owners = await app.store.claimOwners(observedPayments.flatMap(({ partKeys = [] }) => partKeys))
  const isElsewhere = ({ partKeys = [], paymentId }: ObservedPayment) =>
    partKeys.some((key) => (owners.get(key) ?? paymentId) !== paymentId)
  return { ...voucher, observedPayments: observedPayments.filter((observed) => !isElsewhere(observed)) }
}
