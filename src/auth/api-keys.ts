import { createHash, randomBytes } from 'node:crypto'

const MARK = 'sxp_'
const API_KEY = new RegExp(`^${MARK}[A-Za-z0-9_-]{43}$`)

/** Enough to tell keys apart in a list; 208 of the 256 random bits stay unknown. */
const PREFIX_LENGTH = MARK.length + 8

/**
 * A new API key. It is shown once; `prefix` and `hash` are what is kept.
 * @returns `key`: `sxp_` and 256 random bits in base64url; `hash`: see `hashApiKey`
 */
export function newApiKey(): { key: string; prefix: string; hash: string } {
  const key = MARK + randomBytes(32).toString('base64url')
  return { key, prefix: key.slice(0, PREFIX_LENGTH), hash: hashApiKey(key) }
}

/** SHA-256 of the key, in hex. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Whether the text can be an API key at all: spares a look-up where it cannot. */
export function isApiKeyForm(text: string): boolean {
  return API_KEY.test(text)
}
