import { randomInt } from 'node:crypto'
import { CODE_REST_MS, type CodeDealer } from '../../domain/code-dealer.ts'
import { CODE_LENGTH } from '../../protocol/codes.ts'
import type { CodesInUse } from './codes.ts'

const CODE_COUNT = 10 ** CODE_LENGTH

/** How many codes are drawn to find free ones, and how many where those are rare. */
const DRAWN = 256
const DRAWN_WHERE_RARE = 4096
/** With fewer free ones among the drawn, free codes are rare. */
const ENOUGH = 16
/** How many of the listed codes are asked about at a time. */
const LISTED = 16

/** How long what was found is dealt from: others take codes too. Of rare ones they take a larger part. */
const LIFE_MS = 30_000
const RARE_LIFE_MS = 1_000
/** How long nobody asks again after there was none. */
const NONE_LIFE_MS = 2_000

const LIVE_COUNT_LIFE_MS = 10_000

/** Codes that were free, in random order, and until when they are of use. */
type Found = { codes: string[]; until: Moment }

/** In the time of the callers (Unix milliseconds), whose clock may be set, and in that of this process, which only grows. */
type Moment = { callersMs: number; ownMs: number }

const NOTHING: Found = { codes: [], until: { callersMs: 0, ownMs: 0 } }

/**
 * Deals codes that were free in the database a short while ago, and remembers nothing that other nodes need to know. A
 * stock is no reservation: whatever of it has been taken meanwhile loses its commit.
 *
 * Codes are drawn from a CSPRNG before the database is asked which of them are free. So each free code is as likely as
 * any other, and who knows all earlier ones knows only which are not free. Where so few are free that drawing hardly
 * finds any, all of them are read, now and then.
 */
export class CodeStock implements CodeDealer {
  readonly #inUse: CodesInUse
  #stock = NOTHING
  /** All that were free when last read. */
  #listed = NOTHING
  /** Until when there is nothing to deal. */
  #noneUntil = NOTHING.until
  #restocking: Promise<void> | null = null
  #liveCount: { count: Promise<number>; countedAtMs: number } | null = null

  constructor(inUse: CodesInUse) {
    this.#inUse = inUse
  }

  async deal(nowMs: number): Promise<string | null> {
    for (;;) {
      const code = isPast(this.#stock.until, nowMs) ? undefined : this.#stock.codes.pop()
      if (code !== undefined) return code
      if (!isPast(this.#noneUntil, nowMs)) return null
      this.#restocking ??= this.#restock(nowMs).finally(() => {
        this.#restocking = null
      })
      await this.#restocking
    }
  }

  putBack(): void {
    // Nothing was written of it.
  }

  release(): void {
    // Its owner's end was written.
  }

  liveCount(): Promise<number> {
    const nowMs = performance.now()
    if (this.#liveCount === null || nowMs - this.#liveCount.countedAtMs >= LIVE_COUNT_LIFE_MS) {
      const count = this.#inUse.liveCount()
      this.#liveCount = { count, countedAtMs: nowMs }
      count.catch(() => {
        this.#liveCount = null
      })
    }
    return this.#liveCount.count
  }

  async #restock(nowMs: number): Promise<void> {
    const startedMs = performance.now()
    const within = (lifeMs: number): Moment => {
      const ownMs = performance.now()
      return { callersMs: nowMs + ownMs - startedMs + lifeMs, ownMs: ownMs + lifeMs }
    }
    const restingSinceMs = nowMs - CODE_REST_MS
    const known = isPast(this.#listed.until, nowMs) ? [] : await this.#nextListed(restingSinceMs)
    if (known.length > 0) {
      this.#stock = { codes: known, until: within(RARE_LIFE_MS) }
      return
    }
    const { codes, lifeMs } = await this.#findByDrawing(restingSinceMs)
    if (codes.length >= ENOUGH) {
      this.#stock = { codes, until: within(lifeMs) }
      return
    }
    this.#listed = { codes: shuffled(await this.#inUse.allFree(restingSinceMs)), until: within(LIFE_MS) }
    this.#stock = { codes: this.#listed.codes.splice(-LISTED), until: within(RARE_LIFE_MS) }
    if (this.#stock.codes.length === 0) this.#noneUntil = within(NONE_LIFE_MS)
  }

  /** The next of the listed codes that are still free; empty where none is. */
  async #nextListed(restingSinceMs: number): Promise<string[]> {
    while (this.#listed.codes.length > 0) {
      const free = await this.#freeOf(this.#listed.codes.splice(-LISTED), restingSinceMs)
      if (free.length > 0) return free
    }
    return []
  }

  async #findByDrawing(restingSinceMs: number): Promise<{ codes: string[]; lifeMs: number }> {
    const codes = await this.#freeOf(draw(DRAWN), restingSinceMs)
    if (codes.length >= ENOUGH) return { codes, lifeMs: LIFE_MS }
    return { codes: await this.#freeOf(draw(DRAWN_WHERE_RARE), restingSinceMs), lifeMs: RARE_LIFE_MS }
  }

  /** The free ones of some codes, in their order. */
  async #freeOf(codes: string[], restingSinceMs: number): Promise<string[]> {
    const free = new Set(await this.#inUse.freeAmong(codes, restingSinceMs))
    return codes.filter((code) => free.has(code))
  }
}

/** So many codes at random, none of them twice. */
function draw(count: number): string[] {
  const drawn = new Set<string>()
  while (drawn.size < count) drawn.add(String(randomInt(CODE_COUNT)).padStart(CODE_LENGTH, '0'))
  return [...drawn]
}

function isPast({ callersMs, ownMs }: Moment, nowMs: number): boolean {
  return nowMs >= callersMs || performance.now() >= ownMs
}

/** In an order that nobody can foretell. */
function shuffled(codes: string[]): string[] {
  const places = codes.map((code) => ({ code, place: randomInt(2 ** 48 - 1) }))
  return places.sort((one, other) => one.place - other.place).map(({ code }) => code)
}
