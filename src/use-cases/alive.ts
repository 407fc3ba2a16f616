import { LRUCache } from 'lru-cache'
import { Refusal } from '../domain/refusal.ts'
import type { AliveFilter, Store } from '../store/store.ts'

/**
 * How much may be alive at once. A busy shop comes nowhere near: they end what one caller can heap up, in its own name, in
 * somebody else's context, or in one session.
 */
export const MAX_ALIVE = {
  vouchersOfPayee: 10_000,
  vouchersOfPayer: 10_000,
  vouchersOfPayeeAtPayer: 5_000,
  vouchersInSession: 5_000,
  sessionsOfPayee: 10_000,
  sessionsInContext: 5_000,
  contextsOfPayer: 1_000,
  apiKeysOfAccount: 200,
} as const

export type Bound = keyof typeof MAX_ALIVE

const DETAILS: Record<Bound, string> = {
  vouchersOfPayee: 'You have as many vouchers alive as you may. Discard some, or wait until they expire.',
  vouchersOfPayer: 'This payer has as many vouchers alive as it may. Wait until some expire.',
  vouchersOfPayeeAtPayer: 'You have as many vouchers alive with this payer as you may. Discard some, or wait.',
  vouchersInSession: 'The session holds as many vouchers as it may. Open another.',
  sessionsOfPayee: 'You have as many sessions open as you may. Close some.',
  sessionsInContext: 'This context has as many sessions open as it may. Ask the payer for a new code.',
  contextsOfPayer: 'You have as many contexts open whose code can be looked up as you may. Close some, or wait.',
  apiKeysOfAccount: 'The account has made as many API keys in the last 30 days as it may.',
}

const RETRY_AFTER_SECONDS = 60
/** A key that is new here is not counted in the store before so many of its own: most callers never make as many. */
const UNCOUNTED = 16
/** Of the room that there was when the store was last asked, the part that is given away before it is asked again. */
const SHARE = 1 / 16
const MOST_KEYS = 10_000
/** Once there is no room, the store is not asked again before so long: a count to the bound is the dearest of all. */
const FULL_FOR_MS = 1_000
/** Whoever has fewer than this is not kept out by what others have taken. */
const FEW = 16

type Room = { counted: number; given: number; isCounted: boolean; fullSinceMs: number | null }

/**
 * Keeps what is alive within its bounds. The store counts, but seldom: what this node has given out since is added in
 * memory, and the nearer a bound is, the sooner the store is asked again, so up to sixteen nodes do not overshoot it
 * together by more than what is under way.
 */
export class AliveBounds {
  readonly #store: Pick<Store, 'countAlive'>
  /** Whether anything is counted. */
  readonly isOn: boolean
  readonly #nowMs: () => number
  readonly #rooms = new LRUCache<string, Room>({ max: MOST_KEYS })

  /**
   * @param isOn false: nothing is counted, for operators who trust all callers
   * @param nowMs the time (Unix milliseconds)
   */
  constructor(store: Pick<Store, 'countAlive'>, isOn: boolean, nowMs: () => number) {
    this.#store = store
    this.isOn = isOn
    this.#nowMs = nowMs
  }

  /**
   * Takes room for one more, which is given back when the store is next asked, if it came to nothing.
   * @param own what the caller has of it, where others fill the room, too: with few of its own it is let in all the same
   * @throws Refusal `rate_limit` where there is none
   */
  async take(bound: Bound, filter: AliveFilter, own: AliveFilter | null = null): Promise<void> {
    if (!this.isOn) return
    const max = MAX_ALIVE[bound]
    const key = `${bound} ${JSON.stringify(filter.of)}`
    let room = this.#rooms.get(key) ?? { counted: 0, given: 0, isCounted: false, fullSinceMs: null }
    if (this.#isDue(room, max)) {
      const counted = await this.#store.countAlive(filter, max)
      room = { counted, given: 0, isCounted: true, fullSinceMs: counted >= max ? this.#nowMs() : null }
    }
    this.#rooms.set(key, room)
    if (room.counted + room.given >= max) {
      if (own !== null && (await this.#store.countAlive(own, FEW)) < FEW) return
      throw new Refusal('rate_limit', `${DETAILS[bound]} The bound is ${max}.`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    }
    room.given += 1
  }

  #isDue({ counted, given, isCounted, fullSinceMs }: Room, max: number): boolean {
    if (!isCounted) return given >= UNCOUNTED
    // The clock may be set back, too.
    if (fullSinceMs !== null) return Math.abs(this.#nowMs() - fullSinceMs) >= FULL_FOR_MS
    return given >= (max - counted) * SHARE
  }
}
