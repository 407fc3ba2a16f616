import { hash } from 'node:crypto'

/**
 * 32 bits of a key's SHA-256, to find long random keys by. Keys may share one, so whoever finds a row by it compares the
 * key as well. The engine is the only writer, so looking before inserting keeps keys unique.
 */
export function fingerprint(key: string): number {
  return Number.parseInt(hash('sha256', key).slice(0, 8), 16)
}
