import { hash } from 'node:crypto'

/**
 * 48 bits of a key's SHA-256, to index long random keys by. Two keys may share one, so a query names the key as well;
 * the engine is the only writer, so looking before inserting keeps keys unique.
 */
export function fingerprint(key: string): number {
  return Number.parseInt(hash('sha256', key).slice(0, 12), 16)
}
