import { randomBytes } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

/** Verifies tokens that carry its `kid`, and signs new ones from `signsFromMs` on (Unix milliseconds). */
export type TokenKey = { kid: string; key: Buffer; signsFromMs: number }

/** What the servers on one store alone know. Every key has 256 random bits and one purpose. */
export type Secrets = {
  /**
   * Newest first: all of them verify, `signingKeyAt` says which one signs. The list may be replaced while the server runs,
   * so it is read afresh at each use.
   */
  readonly tokenKeys: AtLeastOne<TokenKey>
  /** Authenticates sign-in challenges. */
  readonly challengeKey: Buffer
  /** Seals stored answers that hold a token or an API key. */
  readonly sealKey: Buffer
  /**
   * Looks for token keys that another server has added. Absent where there is no other.
   * @throws whatever the place of the secrets throws
   */
  readonly lookForTokenKeys?: () => Promise<void>
}

/** The secrets cannot be read, trusted or kept. Meant for the operator: the message says what to do. */
export class SecretsUnusable extends Error {
  override readonly name = 'SecretsUnusable'
}

/** No token lives longer than this. */
export const LONGEST_TOKEN_LIFE_MS = 24 * 60 * 60 * 1000

/** After this time tokens get a new signing key. */
const TOKEN_KEY_SIGNING_LIFE_MS = 30 * 24 * 60 * 60 * 1000

/** A server whose clock is behind by no more than this may sign with a key that has a successor. */
const CLOCK_TOLERANCE_MS = 60 * 60 * 1000

type AtLeastOne<T> = [T, ...T[]]

const KEY_BYTES = 32
const StoredKey = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
const StoredSecrets = Type.Object({
  version: Type.Literal(1),
  tokenKeys: Type.Array(
    Type.Object({
      kid: Type.String({ minLength: 1 }),
      key: StoredKey,
      createdAtMs: Type.Integer({ minimum: 0 }),
      /** Where it is absent, the key has signed since it was made. */
      signsFromMs: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    { minItems: 1 },
  ),
  challengeKey: StoredKey,
  sealKey: StoredKey,
})
/** The secrets as they are kept, in JSON. */
export type StoredSecrets = Static<typeof StoredSecrets>
type StoredTokenKey = StoredSecrets['tokenKeys'][number]

/** The key that signs new tokens: the newest that has begun to sign. */
export function signingKeyAt(tokenKeys: AtLeastOne<TokenKey>, nowMs: number): TokenKey {
  return tokenKeys.find(({ signsFromMs }) => signsFromMs <= nowMs) ?? tokenKeys.at(-1) ?? tokenKeys[0]
}

export function newSecrets(nowMs: number): StoredSecrets {
  return {
    version: 1,
    tokenKeys: [newTokenKey(nowMs, 0)],
    challengeKey: newKey(),
    sealKey: newKey(),
  }
}

/** @returns null where the text is not the JSON of secrets */
export function parseSecrets(text: string): StoredSecrets | null {
  const stored = parseJson(text)
  return Value.Check(StoredSecrets, stored) ? stored : null
}

/**
 * Adds a token key when the newest has signed long enough, and drops what no living token can name. A key signs until its
 * successor does, however late that is, so its last tokens are counted from there.
 * @param leadMs how long a new key is known before it signs, so that others can learn of it
 * @returns the very same secrets where nothing is due
 */
export function rotated(stored: StoredSecrets, nowMs: number, leadMs: number): StoredSecrets {
  const byAge = newestFirst(stored.tokenKeys)
  const isSpent = nowMs - signsFromMs(byAge[0]) > TOKEN_KEY_SIGNING_LIFE_MS
  const [newest, ...older]: AtLeastOne<StoredTokenKey> = isSpent ? [newTokenKey(nowMs, leadMs), ...byAge] : byAge
  const kept: AtLeastOne<StoredTokenKey> = [newest]
  let successor = newest
  for (const key of older) {
    if (nowMs - signsFromMs(successor) > LONGEST_TOKEN_LIFE_MS + CLOCK_TOLERANCE_MS) break
    kept.push(key)
    successor = key
  }
  return isSpent || kept.length < byAge.length ? { ...stored, tokenKeys: kept } : stored
}

export function decodeSecrets(stored: StoredSecrets): Secrets {
  const [newest, ...older] = newestFirst(stored.tokenKeys)
  return {
    tokenKeys: [decodedTokenKey(newest), ...older.map(decodedTokenKey)],
    challengeKey: Buffer.from(stored.challengeKey, 'base64url'),
    sealKey: Buffer.from(stored.sealKey, 'base64url'),
  }
}

function newTokenKey(nowMs: number, leadMs: number): StoredTokenKey {
  const key = { kid: randomBytes(8).toString('hex'), key: newKey(), createdAtMs: nowMs }
  return leadMs === 0 ? key : { ...key, signsFromMs: nowMs + leadMs }
}

function newKey(): string {
  return randomBytes(KEY_BYTES).toString('base64url')
}

function newestFirst(keys: StoredTokenKey[]): AtLeastOne<StoredTokenKey> {
  const [newest, ...older] = keys.toSorted((a, b) => signsFromMs(b) - signsFromMs(a))
  if (newest === undefined) throw new Error('checked secrets have a token key')
  return [newest, ...older]
}

function signsFromMs(key: StoredTokenKey): number {
  return key.signsFromMs ?? key.createdAtMs
}

function decodedTokenKey(stored: StoredTokenKey): TokenKey {
  return { kid: stored.kid, key: Buffer.from(stored.key, 'base64url'), signsFromMs: signsFromMs(stored) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
