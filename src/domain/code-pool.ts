import { randomBytes, randomInt } from 'node:crypto'
import { ALPHANUM_ALPHABET, CODE_LENGTH } from '../protocol/codes.ts'
import { CODE_REST_MS, type CodeDealer } from './code-dealer.ts'

const CODE_COUNT = 10 ** CODE_LENGTH
const NUMERIC_CODE = new RegExp(`^[0-9]{${CODE_LENGTH}}$`)
const HAS_LETTER = /[A-Z]/

const FREE = 0
const DEALT = 1
const RESTING = 2

/** A code that is not free at start: in use where `endedAtMs` is null, else resting since then. */
export type HeldCode = { code: string; endedAtMs: number | null }

/**
 * Deals the codes of six digits where one process knows all of them.
 *
 *   FREE ──deal──► DEALT ──release──► RESTING ──10 min──► FREE
 *     ▲              │
 *     └───putBack────┘
 *
 * Each deal draws uniformly among the free codes, in constant time however few they are, and from a CSPRNG: who knows
 * all earlier codes knows only which codes are not free. A code that is not in the state an arrow starts from stays
 * where it is, so releasing twice does no harm.
 */
export class CodePool implements CodeDealer {
  readonly #state = new Uint8Array(CODE_COUNT)
  /** The free codes, in no order, in the first `#freeCount` places. */
  readonly #free = new Uint32Array(CODE_COUNT)
  #freeCount = 0
  /** The resting codes as a ring, longest rested first. There is room for all, so it never overflows. */
  readonly #resting = new Uint32Array(CODE_COUNT)
  #restingStart = 0
  #restingCount = 0
  /** By code, when its rest is over: Unix seconds, rounded up, which take half the memory of milliseconds. */
  readonly #restedAtSeconds = new Uint32Array(CODE_COUNT)

  /** @param held every code that is in use or may still rest, in any order */
  constructor(held: Iterable<HeldCode> = []) {
    this.#hold(held)
    for (let code = 0; code < CODE_COUNT; code++) {
      if (this.#state[code] === FREE) this.#addFree(code)
    }
  }

  liveCount(): number {
    return CODE_COUNT - this.#freeCount - this.#restingCount
  }

  deal(nowMs: number): string | null {
    this.#wakeRested(nowMs)
    if (this.#freeCount === 0) return null
    const place = randomInt(this.#freeCount)
    const code = at(this.#free, place)
    this.#freeCount -= 1
    this.#free[place] = at(this.#free, this.#freeCount)
    this.#state[code] = DEALT
    return String(code).padStart(CODE_LENGTH, '0')
  }

  /** The code is free at once. */
  putBack(code: string): void {
    const number = this.#dealt(code)
    if (number === null) return
    this.#state[number] = FREE
    this.#addFree(number)
  }

  release(code: string, endedAtMs: number): void {
    const number = this.#dealt(code)
    if (number !== null) this.#rest(number, endedAtMs)
  }

  /** In use beats resting, and the later end the earlier: a code that is listed twice is never dealt too soon. */
  #hold(held: Iterable<HeldCode>): void {
    const endedAtMsOf = new Map<number, number>()
    for (const { code, endedAtMs } of held) {
      if (!NUMERIC_CODE.test(code)) continue
      const number = Number(code)
      if (endedAtMs === null) this.#state[number] = DEALT
      else endedAtMsOf.set(number, Math.max(endedAtMs, endedAtMsOf.get(number) ?? endedAtMs))
    }
    for (const [number, endedAtMs] of [...endedAtMsOf].sort(([, one], [, other]) => one - other)) {
      if (this.#state[number] === FREE) this.#rest(number, endedAtMs)
    }
  }

  #rest(code: number, endedAtMs: number): void {
    this.#state[code] = RESTING
    this.#restedAtSeconds[code] = Math.ceil((endedAtMs + CODE_REST_MS) / 1000)
    this.#resting[(this.#restingStart + this.#restingCount) % CODE_COUNT] = code
    this.#restingCount += 1
  }

  /** Stops at the first code that must rest on. One released out of order may rest longer than it must, never less. */
  #wakeRested(nowMs: number): void {
    while (this.#restingCount > 0) {
      const code = at(this.#resting, this.#restingStart)
      if (at(this.#restedAtSeconds, code) * 1000 > nowMs) return
      this.#restingStart = (this.#restingStart + 1) % CODE_COUNT
      this.#restingCount -= 1
      this.#state[code] = FREE
      this.#addFree(code)
    }
  }

  #addFree(code: number): void {
    this.#free[this.#freeCount] = code
    this.#freeCount += 1
  }

  #dealt(code: string): number | null {
    if (!NUMERIC_CODE.test(code)) return null
    return this.#state[Number(code)] === DEALT ? Number(code) : null
  }
}

/**
 * A random code of Crockford's alphabet, with at least one letter, so that it never equals a numeric one.
 * There are more than a billion: whoever needs a unique one asks again after a clash.
 */
export function newAlphanumCode(): string {
  for (;;) {
    // 256 is a multiple of 32, so the remainder favours no character.
    const code = [...randomBytes(CODE_LENGTH)]
      .map((byte) => ALPHANUM_ALPHABET[byte % ALPHANUM_ALPHABET.length])
      .join('')
    if (HAS_LETTER.test(code)) return code
  }
}

function at(array: Uint32Array, index: number): number {
  const value = array[index]
  if (value === undefined) throw new RangeError(`no place ${index} in ${array.length}`)
  return value
}
