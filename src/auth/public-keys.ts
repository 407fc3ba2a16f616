import { getAddress, isAddress, isHex } from 'viem'
import { publicKeyToAddress } from 'viem/accounts'
import type { Hex } from '../domain/payment.ts'

/** `0x04` and two coordinates of 32 bytes. */
const UNCOMPRESSED_KEY_LENGTH = 2 + 2 * 65

/**
 * The address behind what a wallet calls its public key: an address, or an uncompressed secp256k1 key in hex.
 * @returns the checksummed address, or null where it is neither
 */
export function addressOfPublicKey(text: string): Hex | null {
  if (isAddress(text)) return getAddress(text)
  if (!isHex(text, { strict: true }) || text.length !== UNCOMPRESSED_KEY_LENGTH || !text.startsWith('0x04')) return null
  return publicKeyToAddress(text)
}
