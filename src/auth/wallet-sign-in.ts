import * as Address from 'ox/Address'
import { verifyMessage } from 'viem'
import type { Hex } from '../domain/payment.ts'
import { CHALLENGE_LIFE_MS } from './challenges.ts'
import { isSameHost } from './hosts.ts'
import { parseWalletMessage, type WalletMessageFields } from './wallet-message.ts'

/** What an EIP-4361 message says: who wants in, on which chain a contract is asked, by which challenge, and when it counts. */
export type WalletMessage = Pick<WalletMessageFields, 'chainId' | 'nonce'> & { address: Hex; times: MessageTimes }

/** When a message counts, in Unix milliseconds. */
export type MessageTimes = Pick<WalletMessageFields, 'issuedAtMs' | 'expirationTimeMs' | 'notBeforeMs'>

/** A wallet's clock may differ from the server's by this much. */
const CLOCK_TOLERANCE_MS = 60 * 1000

/**
 * Reads an EIP-4361 message and checks that it is meant for this server. The nonce, which is the challenge, the times
 * (`refusalOfTime`) and the signature are the caller's to check, in this order.
 * @param input.expectedDomains hosts, with port where it is not the default, under which this server is reached
 * @param input.chainIds chain ids of the networks that are enabled
 * @returns the address, checksummed, the chain id, the nonce and the times; or what is wrong, for the caller to read
 */
export function readWalletMessage(input: {
  message: string
  expectedDomains: string[]
  chainIds: number[]
}): WalletMessage | { refusal: string } {
  const fields = parseWalletMessage(input.message)
  if ('malformed' in fields) return { refusal: refusalOfForm(fields.malformed) }
  const refusal = refusalOfAddress(fields.address) ?? refusalOfPlace(fields, input.expectedDomains, input.chainIds)
  if (refusal !== null) return { refusal }
  const { address, chainId, nonce, issuedAtMs, expirationTimeMs, notBeforeMs } = fields
  return { address, chainId, nonce, times: { issuedAtMs, expirationTimeMs, notBeforeMs } }
}

/**
 * What is wrong with the times of a message whose challenge is fresh, for the caller to read; null: nothing. As the
 * challenge is the server's own, a message that seems older than it can only come from a clock that is slow.
 */
export function refusalOfTime(
  { issuedAtMs, expirationTimeMs, notBeforeMs }: MessageTimes,
  nowMs: number,
): string | null {
  if (issuedAtMs > nowMs + CLOCK_TOLERANCE_MS) {
    return `was issued ${apart(issuedAtMs - nowMs)} in the future: the clock of the wallet is fast; set it right`
  }
  if (issuedAtMs < nowMs - CHALLENGE_LIFE_MS - CLOCK_TOLERANCE_MS) {
    return `was issued ${apart(nowMs - issuedAtMs)} ago, before its challenge: the clock of the wallet is slow; set it right`
  }
  if (expirationTimeMs !== null && nowMs >= expirationTimeMs) {
    return `has expired ${apart(nowMs - expirationTimeMs)} ago; sign a new one, and check the clock of the wallet`
  }
  if (notBeforeMs !== null && notBeforeMs > nowMs + CLOCK_TOLERANCE_MS) {
    return `is not valid yet, only in ${apart(notBeforeMs - nowMs)}; wait, or check the clock of the wallet`
  }
  return null
}

/**
 * Whether the key of `address` made the signature over the message (EIP-191). False also for contract wallets, which only
 * a chain can answer for, and for what is no signature. Never throws.
 */
export async function verifyKeySignature(input: { address: Hex; message: string; signature: Hex }): Promise<boolean> {
  try {
    return await verifyMessage(input)
  } catch {
    return false
  }
}

function refusalOfForm(malformed: string): string {
  const whole = 'must be an EIP-4361 message, version 1, exactly in the form of its standard'
  return malformed === 'message' ? whole : `${whole}; its ${malformed} is not`
}

/** EIP-4361 wants the checksum, which is the case of the letters (EIP-55). What has both cases was checksummed, wrongly. */
function refusalOfAddress(address: Hex): string | null {
  const checksummed = Address.checksum(address)
  if (address === checksummed) return null
  const digits = address.slice(2)
  const isPlain = digits === digits.toLowerCase() || digits === digits.toUpperCase()
  return isPlain
    ? `has the address ${address} without its checksum (EIP-55); write it as ${checksummed}`
    : `has the address ${address}, whose checksum (EIP-55) is wrong; check the address`
}

function refusalOfPlace(fields: WalletMessageFields, expectedDomains: string[], chainIds: number[]): string | null {
  const isExpected = (domain: string) => expectedDomains.some((expected) => isSameHost(domain, expected))
  if (!isExpected(fields.domain)) {
    return `is meant for ${fields.domain}; this server is ${expectedDomains.join(' or ')}`
  }
  const uri = URL.parse(fields.uri)
  if (uri === null || !['http:', 'https:'].includes(uri.protocol) || !isExpected(uri.host)) {
    return `has the URI ${fields.uri}; it must lead to ${expectedDomains.join(' or ')}`
  }
  if (!chainIds.includes(fields.chainId)) {
    return `names chain ${fields.chainId}; enabled here: ${chainIds.join(', ')}`
  }
  return null
}

function apart(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`
}
