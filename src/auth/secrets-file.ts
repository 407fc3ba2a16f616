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
import {
  decodeSecrets,
  newSecrets,
  parseSecrets,
  rotated,
  type Secrets,
  SecretsUnusable,
  type StoredSecrets,
} from './secrets.ts'

const SECRETS_FILE = 'secrets.json'

/**
 * Reads the secrets of a data directory as the server that owns it: makes both on the first start, and rotates token keys.
 * @param input.nowMs Unix milliseconds
 * @throws SecretsUnusable when the file is open to others, malformed or unreadable; such a file is never overwritten
 */
export function loadSecrets(input: { dataDir: string; nowMs: number }): Secrets {
  const path = join(input.dataDir, SECRETS_FILE)
  const stored = readStored(path) ?? createStored(input.dataDir, path, input.nowMs)
  const current = rotated(stored, input.nowMs, 0)
  if (current !== stored) writeDurably(input.dataDir, path, current, renameSync)
  return decodeSecrets(current)
}

/**
 * Reads the secrets beside a server that may be running. It rotates nothing: the running server would not know a new key.
 * @throws SecretsUnusable as `loadSecrets`, and when no server was ever started in the directory
 */
export function readSecrets(input: { dataDir: string }): Secrets {
  const path = join(input.dataDir, SECRETS_FILE)
  const stored = readStored(path)
  if (stored === null) throw new SecretsUnusable(`There is no ${path}. Start the server on this data directory first.`)
  return decodeSecrets(stored)
}

/**
 * The secrets of a data directory as text, to be kept elsewhere.
 * @returns null where no server was ever started in the directory
 * @throws SecretsUnusable as `loadSecrets`
 */
export function readSecretText(input: { dataDir: string }): string | null {
  const stored = readStored(join(input.dataDir, SECRETS_FILE))
  return stored && JSON.stringify(stored)
}

/** @returns null where there is no file */
function readStored(path: string): StoredSecrets | null {
  const text = readPrivateFile(path)
  if (text === null) return null
  const stored = parseSecrets(text)
  if (stored === null) {
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

function createStored(dataDir: string, path: string, nowMs: number): StoredSecrets {
  const stored = newSecrets(nowMs)
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
