import { missingUnits, remainingTerms } from '../domain/completion.ts'
import type { ObservedPayment } from '../domain/observed-payment.ts'
import { expectationOf, type Payment } from '../domain/payment.ts'
import { giveUpObserved, hasTerms, observePayment, type TermedVoucher, type VoucherStep } from '../domain/voucher.ts'
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
  const isWritten = await decideAndCommit(app, null, async () => {
    const voucher = await app.store.voucher(voucherId)
    if (voucher === null || !hasTerms(voucher)) return { change: null, answer: false }
    const nowMs = app.clock()
    const { payments, claims } = await unobserved(app, voucher, observations, nowMs)
    const elsewhere = await countedElsewhere(app, [...(voucher.observedPayments ?? []), ...payments])
    const isLeft = ({ partKeys = [] }: ObservedPayment) => !partKeys.some((key) => elsewhere.has(key))
    const before = { ...voucher, observedPayments: (voucher.observedPayments ?? []).filter(isLeft) }
    const step = observePayment(before, payments.filter(isLeft), remainderOf, nowMs)
    if (step === null) return { change: null, answer: false }
    return { change: { ...recordStep(step, nowMs).change, claims }, answer: true }
  })
  // What has counted elsewhere in the meantime did not find it yet.
  if (isWritten) await giveUpCounted(app, voucherId)
  return isWritten
}

async function giveUpCounted(app: App, voucherId: string): Promise<void> {
  await decideAndCommit(app, null, async () => {
    const voucher = await app.store.voucher(voucherId)
    if (voucher === null || !hasTerms(voucher)) return { change: null, answer: undefined }
    const step = giveUp(app, voucher, await countedElsewhere(app, voucher.observedPayments ?? []))
    return { change: step && recordStep(step, app.clock()).change, answer: undefined }
  })
}

function giveUp(app: App, voucher: TermedVoucher, keys: ReadonlySet<string>): VoucherStep | null {
  return giveUpObserved(voucher, keys, (left) => paymentOfRemainder(app, left), app.clock())
}

/** Vouchers that are told when what they have observed counts for another; more hear of it with their next receipt. */
const MAX_OBSERVERS = 8

function observerKeys(key: string): string[] {
  return Array.from({ length: MAX_OBSERVERS }, (_, place) => `observer:${place}:${key}`)
}

/** What says which vouchers have observed a part, of whichever payers: a place for each. */
async function claimsAsObserver(app: App, voucherId: string, partKeys: string[]): Promise<Claim[]> {
  const owners = await app.store.claimOwners(partKeys.flatMap(observerKeys))
  return partKeys.flatMap((partKey) => {
    const keys = observerKeys(partKey)
    const free = keys.find((key) => !owners.has(key))
    if (free === undefined || keys.some((key) => owners.get(key) === voucherId)) return []
    return [{ key: free, ownerId: voucherId, forgetAtMs: null }]
  })
}

/**
 * The steps of other vouchers, of whichever payers, that have observed what is about to be claimed: in the same commit they
 * stop counting it, and ask for what is right.
 */
export async function stepsOfObservers(app: App, voucherId: string, claims: Claim[]): Promise<VoucherStep[]> {
  const keys = claims.map(({ key }) => key)
  const first = await app.store.claimOwners(keys.map((key) => `observer:0:${key}`))
  const observed = keys.filter((key) => first.has(`observer:0:${key}`))
  const owners = await app.store.claimOwners(observed.flatMap(observerKeys))
  const steps: VoucherStep[] = []
  for (const id of new Set(owners.values())) {
    const other = id === voucherId ? null : await app.store.voucher(id)
    const step = other && hasTerms(other) ? giveUp(app, other, new Set(keys)) : null
    if (step !== null) steps.push(step)
  }
  return steps
}

/** What no other voucher of the payer has observed, and what keeps others from it. */
export async function unobserved(
  app: App,
  { id, payerId }: TermedVoucher,
  observations: Observation[],
  nowMs: number,
): Promise<{ payments: ObservedPayment[]; claims: Claim[] }> {
  const keyOf = (partKey: string) => `observed:${payerId}:${partKey}`
  const owners = await app.store.claimOwners(observations.flatMap(({ partKeys }) => partKeys.map(keyOf)))
  const own = observations.filter(({ payment: { paymentId }, partKeys }) =>
    partKeys.every((partKey) => (owners.get(keyOf(partKey)) ?? paymentId) === paymentId),
  )
  const claims = own.flatMap(({ payment, partKeys }) =>
    partKeys.map((partKey): Claim => ({ key: keyOf(partKey), ownerId: payment.paymentId, forgetAtMs: null })),
  )
  const ownKeys = own.flatMap(({ partKeys }) => partKeys)
  return {
    payments: own.map(({ payment, partKeys }) => ({ ...payment, observedAtMs: nowMs, partKeys })),
    claims: [...claims, ...(await claimsAsObserver(app, id, ownKeys))],
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

/** Of the parts that were observed, those that have turned out to pay another voucher: they are no part of this one any more. */
async function countedElsewhere(app: App, observed: ObservedPayment[]): Promise<Set<string>> {
  const owners = await app.store.claimOwners(observed.flatMap(({ partKeys = [] }) => partKeys))
  const isElsewhere = (key: string, paymentId: string) => (owners.get(key) ?? paymentId) !== paymentId
  return new Set(
    observed.flatMap(({ partKeys = [], paymentId }) => partKeys.filter((key) => isElsewhere(key, paymentId))),
  )
}
