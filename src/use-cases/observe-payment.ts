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
 * Writes down what moved towards a voucher without resolving it, all in one, and tells payee and payer, once: what is written
 * down already, or for another voucher, changes nothing. Safe to call again after a crash.
 * @returns whether anything was written
 */
export async function noteObserved(app: App, voucherId: string, observations: Observation[]): Promise<boolean> {
  if (observations.length === 0) return false
  const remainderOf = (voucher: TermedVoucher) => paymentOfRemainder(app, voucher)
  return decideAndCommit(app, null, async () => {
    const voucher = await app.store.voucher(voucherId)
    if (voucher === null || !hasTerms(voucher)) return { change: null, answer: false }
    const nowMs = app.clock()
    const { payments, claims } = await unobserved(app, voucher, observations, nowMs)
    const step = observePayment(await withoutCountedElsewhere(app, voucher), payments, remainderOf, nowMs)
    if (step === null) return { change: null, answer: false }
    return { change: { ...recordStep(step, nowMs).change, claims }, answer: true }
  })
}

/** What no other voucher of the payer has observed, and what keeps others from it. */
export async function unobserved(
  app: App,
  { payerId }: TermedVoucher,
  observations: Observation[],
  nowMs: number,
): Promise<{ payments: ObservedPayment[]; claims: Claim[] }> {
  const claimsOf = ({ payment, partKeys }: Observation) =>
    partKeys.map((key): Claim => {
      return { key: `observed:${payerId}:${key}`, ownerId: payment.paymentId, forgetAtMs: null }
    })
  const owners = await app.store.claimOwners(observations.flatMap((one) => claimsOf(one).map(({ key }) => key)))
  const own = observations.filter((one) =>
    claimsOf(one).every(({ key, ownerId }) => (owners.get(key) ?? ownerId) === ownerId),
  )
  return {
    payments: own.map(({ payment, partKeys }) => ({ ...payment, observedAtMs: nowMs, partKeys })),
    claims: own.flatMap(claimsOf),
  }
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
