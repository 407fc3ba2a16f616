import * as Checksum from 'ox/Address'

const FORM = /^0x[0-9a-fA-F]{40}$/
const ZERO = /^0x0{40}$/i

/**
 * What is wrong with an address that somebody typed or pasted, and what to do; null where nothing is. Letters of both cases
 * are a checksum (EIP-55), so that one wrong letter shows; an address in one case has none.
 */
export function troubleWithAddress(text: string): string | null {
  if (!FORM.test(text)) return 'An address is 0x and 40 letters and digits from 0 to f.'
  if (ZERO.test(text)) return 'This is the zero address: nobody could ever spend what is paid to it.'
  const hasChecksum = /[a-f]/.test(text) && /[A-F]/.test(text.slice(2))
  if (!hasChecksum || Checksum.checksum(lowered(text)) === text) return null
  return 'This address has a slip in it: its capital letters do not fit. Copy it again from the wallet.'
}

function lowered(text: string): `0x${string}` {
  return `0x${text.slice(2).toLowerCase()}`
}
