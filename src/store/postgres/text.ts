import { hash } from 'node:crypto'

/**
 * A text as PostgreSQL can hold it: no NUL and no half of a surrogate pair. Those are escaped, and so is the backslash,
 * so that different texts stay different.
 */
export function storable(text: string): string {
  return text.replace(/[\0\\]|\p{Surrogate}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** 128 bits of a key's SHA-256, which PostgreSQL reads as a UUID. */
export function digest(key: string): string {
  return hash('sha256', key).slice(0, 32)
}
