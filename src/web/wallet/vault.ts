/** A private key as it is kept: only the passphrase opens it. Bytes are written in hex. */
export type SealedKey = { address: string; salt: string; iv: string; iterations: number; sealed: string }

/** Whether it has the form of one; what it holds shows when it is opened. */
export function isSealedKey(value: object): value is SealedKey {
  const fields = new Map<string, unknown>(Object.entries(value))
  const areHex = ['salt', 'iv', 'sealed'].every((name) => HEX.test(`${fields.get(name)}`))
  return areHex && typeof fields.get('address') === 'string' && Number.isInteger(fields.get('iterations'))
}

const HEX = /^(?:[0-9a-f]{2})+$/

/** What OWASP asks for with PBKDF2-HMAC-SHA-256. */
const ITERATIONS = 600_000
const SALT_BYTES = 16
const IV_BYTES = 12

/** The passphrase is not the one that the key was sealed with, or somebody changed what was kept. */
class WrongPassphrase extends Error {
  override readonly name = 'WrongPassphrase'
}

/** Whether this page can seal at all: browsers have cryptography only where the page came safely. */
export function canSeal(): boolean {
  return globalThis.crypto?.subtle !== undefined
}

/** Seals a key by a passphrase: AES-256-GCM, its key by PBKDF2. The address is bound to it, so that none can be put in its place. */
export async function seal(key: { address: string; privateKey: string }, passphrase: string): Promise<SealedKey> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const lock = await lockFor(passphrase, salt, ITERATIONS)
  const cipher = { name: 'AES-GCM', iv, additionalData: bytesOf(key.address) }
  const sealed = new Uint8Array(await crypto.subtle.encrypt(cipher, lock, bytesOf(key.privateKey)))
  return { address: key.address, salt: toHex(salt), iv: toHex(iv), iterations: ITERATIONS, sealed: toHex(sealed) }
}

/**
 * @returns the private key
 * @throws WrongPassphrase
 */
export async function unseal(kept: SealedKey, passphrase: string): Promise<string> {
  const lock = await lockFor(passphrase, fromHex(kept.salt), kept.iterations)
  const cipher = { name: 'AES-GCM', iv: fromHex(kept.iv), additionalData: bytesOf(kept.address) }
  try {
    return new TextDecoder().decode(await crypto.subtle.decrypt(cipher, lock, fromHex(kept.sealed)))
  } catch (cause) {
    throw new WrongPassphrase('This passphrase does not open the wallet.', { cause })
  }
}

type Bytes = Uint8Array<ArrayBuffer>

async function lockFor(passphrase: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  // What looks the same is typed differently on different keyboards.
  const typed = bytesOf(passphrase.normalize('NFKC'))
  const base = await crypto.subtle.importKey('raw', typed, 'PBKDF2', false, ['deriveKey'])
  const derivation = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations }
  return crypto.subtle.deriveKey(derivation, base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

function bytesOf(text: string): Bytes {
  return new TextEncoder().encode(text)
}

function toHex(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromHex(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
