import { signal } from '@preact/signals'

/** How far paying has come: of a voucher, or of a session. */
export type Step = { is: 'signing' | 'sent' } | { is: 'stopped'; why: string }

/** By the id of the voucher or the session. */
export const steps = signal<ReadonlyMap<string, Step>>(new Map())

export function setStep(id: string, step: Step | null): void {
  const next = new Map(steps.value)
  if (step === null) next.delete(id)
  else next.set(id, step)
  steps.value = next
}

/** Whether a voucher or a session is being paid by this page. */
export function isBusyWith(id: string): boolean {
  const step = steps.value.get(id)
  return step?.is === 'signing' || step?.is === 'sent'
}
