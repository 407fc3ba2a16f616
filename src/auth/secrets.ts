import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

/** Signs and verifies tokens that carry its `kid`. */
export type TokenKey = { kid: string; key: Buffer; createdAtMs: number }

/** What this server alone knows. Every key has 256 random bits and one purpose. */
export type Secrets = {
  /** Newest first: the first one signs, all of them verify. */
  tokenKeys: [TokenKey, ...TokenKey[]]
  /** Authenticates sign-in challenges. */
  challengeKey: Buffer
  /** Seals stored answers that hold a token or an API key. */
  sealKey: Buffer
  /** Makes the order in which codes are dealt unpredictable. */
  codeKey: Buffer
}

/** The secrets cannot be read, trusted or kept. Meant for the operator: the message says what to do. */
export class SecretsUnusable extends Error {
  override readonly name = 'SecretsUnusable'
}

/** No token lives longer than this. */
export const LONGEST_TOKEN_LIFE_MS = 24 * 60 * 60 * 1000

/** A start after this time gives tokens a new signing key. */
const TOKEN_KEY_SIGNING_LIFE_MS = 30 * 24 * 60 * 60 * 1000

const SECRETS_FILE = 'secrets.json'

const KEY_BYTES = 32
const StoredKey = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
const StoredSecrets = Type.Object({
  version: Type.Literal(1),
  tokenKeys: Type.Array(
    Type.Object({ kid: Type.String({ minLength: 1 }), key: StoredKey, createdAtMs: Type.Integer({ minimum: 0 }) }),
    { minItems: 1 },
  ),
  challengeKey: StoredKey,
  sealKey: StoredKey,
  codeKey: StoredKey,
})
type StoredSecrets = Static<typeof StoredSecrets>
type StoredTokenKey = StoredSecrets['tokenKeys'][number]

/**
 * Reads the secrets of a data directory as the server that owns it: makes both on the first start, and rotates token keys.
 * @param input.nowMs Unix milliseconds
 * @throws SecretsUnusable when the file is open to others, malformed or unreadable; such a file is never overwritten
 */
export function loadSecrets(input: { dataDir: string; nowMs: number }): Secrets {
  const path = join(input.dataDir, SECRETS_FILE)
  const stored = readStored(path) ?? createStored(input.dataDir, path, input.nowMs)
  const tokenKeys = rotate(stored.tokenKeys, input.nowMs)
  if (!sameKids(tokenKeys, stored.tokenKeys)) writeDurably(input.dataDir, path, { ...stored, tokenKeys }, renameSync)
  return decoded(stored, tokenKeys)
}

/**
 * Reads the secrets beside a server that may be running. It rotates nothing: the running server would not know a new key.
 * @throws SecretsUnusable as `loadSecrets`, and when no server was ever started in the directory
 */
export function readSecrets(input: { dataDir: string }): Secrets {
  const path = join(input.dataDir, SECRETS_FILE)
  const stored = readStored(path)
  if (stored === null) throw new SecretsUnusable(`There is no ${path}. Start the server on this data directory first.`)
  return decoded(stored, newestFirst(stored.tokenKeys))
}

function newTokenKey(nowMs: number): StoredTokenKey {
  return { kid: randomBytes(8).toString('hex'), key: newKey(), createdAtMs: nowMs }
}

function newKey(): string {
  return randomBytes(KEY_BYTES).toString('base64url')
}

type AtLeastOne<T> = [T, ...T[]]

function newestFirst(keys: StoredTokenKey[]): AtLeastOne<StoredTokenKey> {
  const [newest, ...older] = keys.toSorted((a, b) => b.createdAtMs - a.createdAtMs)
  if (newest === undefined) throw new Error('a checked secrets file has a token key')
  return [newest, ...older]
}

/**
 * Adds a signing key when the newest has signed long enough, and drops what no living token can name. A key may sign until
 * the start that adds its successor, however late that is, so its last tokens are counted from there.
 */
function rotate(keys: StoredTokenKey[], nowMs: number): AtLeastOne<StoredTokenKey> {
  const byAge = newestFirst(keys)
  const isSpent = nowMs - byAge[0].createdAtMs > TOKEN_KEY_SIGNING_LIFE_MS
  const [signing, ...older]: AtLeastOne<StoredTokenKey> = isSpent ? [newTokenKey(nowMs), ...byAge] : byAge
  const kept: AtLeastOne<StoredTokenKey> = [signing]
  let successor = signing
  for (const key of older) {
    if (nowMs - successor.createdAtMs > LONGEST_TOKEN_LIFE_MS) break
    kept.push(key)
    successor = key
  }
  return kept
}

function sameKids(some: StoredTokenKey[], others: StoredTokenKey[]): boolean {
  return some.length === others.length && some.every((key) => others.some(({ kid }) => kid === key.kid))
}

function decoded(stored: StoredSecrets, [signing, ...older]: AtLeastOne<StoredTokenKey>): Secrets {
  return {
    tokenKeys: [decodedTokenKey(signing), ...older.map(decodedTokenKey)],
    challengeKey: Buffer.from(stored.challengeKey, 'base64url'),
    sealKey: Buffer.from(stored.sealKey, 'base64url'),
    codeKey: Buffer.from(stored.codeKey, 'base64url'),
  }
}

function decodedTokenKey(stored: StoredTokenKey): TokenKey {
  return { ...stored, key: Buffer.from(stored.key, 'base64url') }
}

/** @returns null where there is no file */
function readStored(path: string): StoredSecrets | null {
  const text = readPrivateFile(path)
  if (text === null) return null
  const stored = parseJson(text)
  if (!Value.Check(StoredSecrets, stored)) {
    throw new SecretsUnusable(
      `${path} is not a Sixpence secrets file. Restore it from a backup; or move it away to begin anew, which ends all tokens.`,
    )
  }
  return stored
}

function readPrivateFile(path: string): string | null {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw unusable(`${path} cannot be read`, error)
  }
  try {
    const mode = fstatSync(file).mode & 0o777
    if ((mode & 0o077) !== 0) {
      throw new SecretsUnusable(`${path} is open to other users (mode 0${mode.toString(8)}). Run: chmod 600 '${path}'`)
    }
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw error instanceof SecretsUnusable ? error : unusable(`${path} cannot be read`, error)
  } finally {
    closeSync(file)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function createStored(dataDir: string, path: string, nowMs: number): StoredSecrets {
  const stored: StoredSecrets = {
    version: 1,
    tokenKeys: [newTokenKey(nowMs)],
    challengeKey: newKey(),
    sealKey: newKey(),
    codeKey: newKey(),
  }
  // A link, unlike a rename, never replaces what another process has put there in the meantime.
  writeDurably(dataDir, path, stored, linkSync)
  return stored
}

/** Writes a file whole or not at all: complete and on the disk under another name first, then put in place. */
function writeDurably(
  dataDir: string,
  path: string,
  stored: StoredSecrets,
  putInPlace: (from: string, to: string) => void,
): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    try {
      withFile(temporary, 'wx', (file) => {
        writeFileSync(file, `${JSON.stringify(stored, null, 2)}\n`)
        fsyncSync(file)
      })
      putInPlace(temporary, path)
    } finally {
      rmSync(temporary, { force: true })
    }
    withFile(dataDir, 'r', fsyncSync)
  } catch (error) {
    throw unusable(`${path} cannot be written`, error)
  }
}

function withFile(path: string, flags: 'r' | 'wx', use: (file: number) => void): void {
  const file = openSync(path, flags, 0o600)
  try {
    use(file)
  } finally {
    closeSync(file)
  }
}

function unusable(what: string, cause: unknown): SecretsUnusable {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SecretsUnusable(`${what}: ${reason}`, { cause })
}
