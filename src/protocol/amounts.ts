/**
 * Amounts on the wire are decimal strings in whole units of the token ("100", "0.25"); inside they are bigints in its
 * smallest unit. Nothing here rounds: what does not fit is refused.
 */

/** A plain decimal: no sign, no exponent, no hex, no leading zeros but the one before the point. */
const AMOUNT = /^(0|[1-9][0-9]*)(\.[0-9]+)?$/

/** Longest amount that is read: a uint256 has 78 digits, and no token more than 77 decimals. */
export const AMOUNT_MAX_LENGTH = 160

/** The largest amount that an EVM token can hold. */
const MAX_UINT256 = 2n ** 256n - 1n

/** Why an amount was refused, in words for the caller. */
export type AmountRefusal = { refusal: string }

/**
 * Reads a decimal string as smallest units.
 * @param text whole units, such as "0.25"
 * @param decimals decimal places of the token, 0 to 77
 * @returns the amount in smallest units, greater than zero, or the reason why it was refused
 */
export function parseAmount(text: string, decimals: number): bigint | AmountRefusal {
  if (text.length > AMOUNT_MAX_LENGTH || !AMOUNT.test(text)) {
    return { refusal: 'must be a plain decimal string such as "100" or "0.25"' }
  }
  const [whole = '0', fraction = ''] = text.split('.')
  if (fraction.length > decimals) {
    return { refusal: `has ${fraction.length} decimal places; this currency has ${decimals}` }
  }
  const units = BigInt(whole + fraction.padEnd(decimals, '0'))
  if (units === 0n) return { refusal: 'must be greater than zero' }
  if (units > MAX_UINT256) return { refusal: 'is larger than a token can hold' }
  return units
}

/**
 * Writes smallest units as a decimal string without trailing zeros.
 * @param units smallest units, zero or more
 * @param decimals decimal places of the token
 */
export function formatAmount(units: bigint, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return fraction === '' ? whole : `${whole}.${fraction}`
}
