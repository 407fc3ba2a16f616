import { verifyMessage } from 'viem'
import { createSiweMessage, parseSiweMessage, validateSiweMessage } from 'viem/siwe'
import type { Hex } from '../domain/payment.ts'
import { CHALLENGE_LIFE_MS } from './challenges.ts'

/** What an EIP-4361 message says once it is in order: who wants in, on which chain a contract is asked, and by which challenge. */
export type WalletMessage = { address: Hex; chainId: number; nonce: string }

/** Far above what a wallet shows to a person, and short enough to parse in no time whatever is in it. */
const MESSAGE_MAX_LENGTH = 4096

/** A wallet's clock may be ahead of the server's by this much. */
const CLOCK_TOLERANCE_MS = 60 * 1000

type Fields = Parameters<typeof createSiweMessage>[0] & { issuedAt: Date }

/**
 * Reads an EIP-4361 message and checks that it is meant for this server, now. The signature and the nonce, which is the
 * challenge, are the caller's to check.
 * @param input.expectedDomains hosts, with port where it is not the default, under which this server is reached
 * @param input.chainIds chain ids of the networks that are enabled
 * @returns the address, checksummed, the chain id and the nonce; or what is wrong, for the caller to read
 */
export function readWalletMessage(input: {
  message: string
  expectedDomains: string[]
  chainIds: number[]
  nowMs: number
}): WalletMessage | { refusal: string } {
  const fields = readFields(input.message)
  if (fields === null) return { refusal: 'must be an EIP-4361 message, version 1, exactly in the form of its standard' }
  const refusal = refusalOfPlace(fields, input.expectedDomains, input.chainIds) ?? refusalOfTime(fields, input.nowMs)
  if (refusal !== null) return { refusal }
  const { address, chainId, nonce } = fields
  return { address, chainId, nonce }
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

/**
 * The parser forgives text between and after the parts that it looks for, where a second, different statement could hide.
 * So only a message that comes out the same when it is written again is taken.
 */
function readFields(message: string): Fields | null {
  if (message.length > MESSAGE_MAX_LENGTH) return null
  const { domain, address, uri, version, chainId, nonce, issuedAt, ...optional } = parseSiweMessage(message)
  if (domain === undefined || address === undefined || uri === undefined || version === undefined) return null
  if (chainId === undefined || nonce === undefined || issuedAt === undefined) return null
  const fields = { ...optional, domain, address, uri, version, chainId, nonce, issuedAt }
  try {
    return createSiweMessage(fields) === withPlainTimes(message) ? fields : null
  } catch {
    return null
  }
}

/** The standard allows several ways to write a time; the writer knows one. */
function withPlainTimes(message: string): string {
  return message.replace(
    /^(Issued At|Expiration Time|Not Before): (.+)$/gm,
    (_, name: string, time: string) => `${name}: ${new Date(time).toISOString()}`,
  )
}

function refusalOfPlace(fields: Fields, expectedDomains: string[], chainIds: number[]): string | null {
  const isExpected = (domain: string) => expectedDomains.some((expected) => sameHost(domain, expected))
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

function sameHost(some: string, other: string): boolean {
  return some.toLowerCase() === other.toLowerCase()
}

function refusalOfTime(fields: Fields, nowMs: number): string | null {
  const issuedAtMs = fields.issuedAt.getTime()
  if (issuedAtMs > nowMs + CLOCK_TOLERANCE_MS) return 'was issued in the future; check the clock of the wallet'
  if (issuedAtMs < nowMs - CHALLENGE_LIFE_MS) return 'is older than a challenge may be; get a new challenge'
  if (!validateSiweMessage({ message: fields, time: new Date(nowMs) })) return 'has expired, or is not valid yet'
  return null
}
