import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** A challenge can be answered for this long. */
export const CHALLENGE_LIFE_MS = 5 * 60 * 1000

/**
 * 48 lower-case hex characters: 4 bytes of expiry (Unix seconds), 8 random bytes, and 12 bytes of HMAC over both.
 * The server can tell its own without having stored them, so asking for one costs no write.
 */
const CHALLENGE = /^[0-9a-f]{48}$/
const RANDOM_BYTES = 8
const STAMP_BYTES = 4 + RANDOM_BYTES
const MAC_BYTES = 12

export function issueChallenge(input: { key: Buffer; nowMs: number }): string {
  const expiry = Buffer.alloc(4)
  expiry.writeUInt32BE(Math.floor((input.nowMs + CHALLENGE_LIFE_MS) / 1000))
  const stamp = Buffer.concat([expiry, randomBytes(RANDOM_BYTES)])
  return Buffer.concat([stamp, macOf(stamp, input.key)]).toString('hex')
}

/**
 * Tells whether this server issued the challenge and its time has not passed. Single use is up to the caller, who takes
 * the claim in the commit that the challenge is answered for.
 * @returns the claim to take and when it may be forgotten; null for every other text
 */
export function checkChallenge(
  challenge: string,
  input: { key: Buffer; nowMs: number },
): { claimKey: string; expiresAtMs: number } | null {
  if (!CHALLENGE.test(challenge)) return null
  const bytes = Buffer.from(challenge, 'hex')
  const stamp = bytes.subarray(0, STAMP_BYTES)
  if (!timingSafeEqual(bytes.subarray(STAMP_BYTES), macOf(stamp, input.key))) return null
  const expiresAtMs = stamp.readUInt32BE() * 1000
  return input.nowMs < expiresAtMs ? { claimKey: `challenge:${challenge}`, expiresAtMs } : null
}

function macOf(stamp: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(stamp).digest().subarray(0, MAC_BYTES)
}
