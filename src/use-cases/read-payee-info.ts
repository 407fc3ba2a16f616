import { invalidField } from '../domain/refusal.ts'

/** What a payee says of itself, and of what it sells, as JSON: every party stores it, and every event carries it. */
const MAX_PAYEE_INFO_BYTES = 8 * 1024

type PayeeInfo = Record<string, unknown>

/** @throws Refusal `validation_failed` where it is too large */
export function readPayeeInfo(payeeInfo: PayeeInfo | undefined): PayeeInfo | null {
  if (payeeInfo === undefined) return null
  const bytes = Buffer.byteLength(JSON.stringify(payeeInfo))
  if (bytes > MAX_PAYEE_INFO_BYTES) {
    throw invalidField('/payeeInfo', `has ${bytes} bytes of JSON and may have ${MAX_PAYEE_INFO_BYTES} at most`)
  }
  return payeeInfo
}
