import type { Hex } from '../../domain/payment.ts'
import type { MinedSighting } from '../chain.ts'
import { lowerHex } from './hex.ts'

/** Whether a transaction or one of its logs has an address in it. */
export function names({ transaction, logs }: MinedSighting, address: Hex): boolean {
  const digits = lowerHex(address).slice(2)
  const texts = [transaction.from, transaction.to ?? '', transaction.data]
  const said = logs.flatMap((log) => [log.address, ...log.topics, log.data])
  return [...texts, ...said].some((text) => text.toLowerCase().includes(digits))
}
