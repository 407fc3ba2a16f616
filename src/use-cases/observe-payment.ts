import type { ObservedPayment } from '../domain/observed-payment.ts'
import { hasTerms, observePayment } from '../domain/voucher.ts'
import type { Claim } from '../store/store.ts'
import type { App } from './app.ts'
import { decideAndCommit, recordStep } from './commit.ts'

/** What an examination saw move towards a voucher without resolving it, and what it is claimed under. */
export type Observation = {
  payment: Omit<ObservedPayment, 'observedAtMs'>
  /**
   * Keys of the parts that moved, where they are known. They are claimed apart from what resolves: one part is observed
   * for one voucher, but where it turns out to be another's exact payment, it still counts there.
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
  const claims: Claim[] = partKeys.map((key) => ({
    key: `observed:${key}`,
    ownerId: payment.paymentId,
    forgetAtMs: null,
  }))
  return decideAndCommit(app, null, async () => {
    const voucher = await app.store.voucher(voucherId)
    if (voucher === null || !hasTerms(voucher)) return { change: null, answer: false }
    const owners = await app.store.claimOwners(claims.map(({ key }) => key))
    const isOthers = [...owners.values()].some((ownerId) => ownerId !== payment.paymentId)
    const nowMs = app.clock()
    const step = isOthers ? null : observePayment(voucher, { ...payment, observedAtMs: nowMs }, nowMs)
    if (step === null) return { change: null, answer: false }
    return { change: { ...recordStep(step, nowMs).change, claims }, answer: true }
  })
}
