import type { Hex } from '../../domain/payment.ts'

/** Lower case, the form in which addresses and hashes are kept and compared. */
export function lowerHex(hex: Hex): Hex {
  return `0x${hex.slice(2).toLowerCase()}`
}

/** Whether two addresses, hashes or byte strings are the same, however they are capitalised. */
export function sameHex(one: Hex, other: Hex): boolean {
  return lowerHex(one) === lowerHex(other)
}

/** Whether an address is among others. */
export function isAmong(address: Hex, others: Hex[]): boolean {
  return others.some((other) => sameHex(address, other))
}
