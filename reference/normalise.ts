import { createHash } from 'node:crypto'

/** When the story of the document is told to begin. */
const BEGINNING_MS = Date.UTC(2026, 5, 9, 12)
const MINUTE_MS = 60_000

const ISO_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g

/** What differs from one recording to the next, and what stands for it: of the same length and of the same letters. */
const CHANGING: [RegExp, (found: string, seed: string) => string][] = [
  [/\b(?:usr|ctx|ses|vch|pay|evt|key|wh|dly|quo)_[0-9a-zA-Z_-]{12,}/g, keepHead(4)],
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, () => 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl'],
  [/sxp_[0-9a-zA-Z_-]{8,}/g, keepHead(4)],
  [/whsec_[0-9a-zA-Z+/=]{20,}/g, (found, seed) => `whsec_${base64Of(seed, found.length - 6)}`],
  [/(?<![0-9a-zA-Z])0x[0-9a-f]{64}(?![0-9a-fA-F])/g, keepHead(2)],
  [/(?<![0-9a-zA-Z])0x[0-9a-f]{130}(?![0-9a-fA-F])/g, keepHead(2)],
  [/(?<![0-9a-zA-Z])[0-9a-f]{64}(?![0-9a-zA-Z])/g, keepHead(0)],
]

/** How many blocks the sandbox needs for its contracts is no part of the story. */
const BLOCK_NUMBER = /(?<="blockNumber\\?":)\d+/g

/** A deadline inside the data of a call: a word of 32 bytes with a Unix time of these years. */
const DEADLINE = /0{56}6[0-9a-f]{7}/g

function keepHead(head: number) {
  return (found: string, seed: string) => found.slice(0, head) + hexOf(seed, found.length - head)
}

function hexOf(seed: string, length: number): string {
  let text = ''
  while (text.length < length) text += createHash('sha256').update(`${seed}${text.length}`).digest('hex')
  return text.slice(0, length)
}

function base64Of(seed: string, length: number): string {
  const bytes = createHash('sha256').update(seed).digest()
  return bytes.toString('base64').slice(0, length)
}

/**
 * Makes two recordings of the same story the same: what is random or depends on the time is replaced, each value by
 * one of its kind, in the order in which the values appear.
 * @param options.startedAtMs when the recording began; it must have taken less than a minute
 * @param options.hosts hosts with ports, and what stands for them
 */
export function normalised<T extends object>(
  recording: T,
  options: { startedAtMs: number; hosts: Map<string, string> },
): T {
  const known = new Map<string, string>()
  let text = JSON.stringify(recording)
  for (const [found, replacement] of [...options.hosts, ...wordsIn(text)]) {
    text = text.replaceAll(new RegExp(`(?<![0-9a-zA-Z])${found}(?![0-9a-zA-Z])`, 'g'), replacement)
  }
  for (const [index, [pattern, replace]] of CHANGING.entries()) {
    let count = 0
    text = text.replaceAll(pattern, (found) => {
      const replacement = known.get(found) ?? replace(found, `${index}:${count++}`)
      known.set(found, replacement)
      return replacement
    })
  }
  text = text.replaceAll(BLOCK_NUMBER, '71330021')
  text = text.replaceAll(DEADLINE, `${'0'.repeat(56)}6a2801f8`)
  text = text.replaceAll(ISO_TIME, (found) => {
    const minutes = Math.floor((Date.parse(found) - options.startedAtMs) / MINUTE_MS)
    return new Date(BEGINNING_MS + minutes * MINUTE_MS).toISOString()
  })
  return JSON.parse(text)
}

/** A field inside JSON, or inside JSON that is a string in JSON. */
const CODE = /"code\\?":\\?"([0-9A-Z]{6})\\?"/g
const CHALLENGE = /"challenge":"([^"]{48})"/g

/** What is dealt at random and has no form of its own, and what stands for it. */
function wordsIn(text: string): [string, string][] {
  const codes = new Set([...text.matchAll(CODE)].map(([, code = '']) => code))
  const challenges = [...text.matchAll(CHALLENGE)].map(([, challenge = '']) => challenge)
  return [
    ...[...codes].map((code, index): [string, string] => [code, stableCode(code, index)]),
    ...challenges.map((challenge, index): [string, string] => [challenge, `${index}`.padStart(48, '7kQ2xV9s')]),
  ]
}

/** Digits stay digits. */
function stableCode(code: string, index: number): string {
  return /^\d+$/.test(code) ? String(482_916 + 7919 * index) : `7K9Q${String(index).padStart(2, '0')}`
}
