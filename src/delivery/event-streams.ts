import { Refusal } from '../domain/refusal.ts'
import { LogTail } from './log-tail.ts'
import { Subscription, type SubscriptionOptions } from './subscription.ts'

/** A shop's registers may share one account. */
export const MAX_STREAMS_OF_ACCOUNT = 20
/** Of all who signed in with the codes of one payer, whose sign-ins are free to make. */
export const MAX_STREAMS_OF_PAYEES = 200
export const MAX_STREAMS = 5000

/** What may be held for the readers of all streams together; each has a small bound of its own. */
const MAX_HELD_CHARACTERS = 32 * 1024 * 1024

/** Whom a stream is counted for, and how many that one may have. */
export type StreamQuota = { key: string; max: number }

const RETRY_AFTER_SECONDS = 10

export type EventStreamsOptions = {
  store: SubscriptionOptions['store'] & ConstructorParameters<typeof LogTail>[0]
  heartbeatMs: number
  /** Ends all streams. */
  stopping: AbortSignal
  /** Hears of each reading of the log that failed and will be made again. */
  onError: (error: unknown) => void
}

/** The event streams that are open on this node. */
export class EventStreams {
  readonly #options: EventStreamsOptions
  readonly #tail: LogTail
  readonly #open = new Set<Subscription>()
  readonly #openOf = new Map<string, number>()
  readonly #openFrom = new Map<string, Set<Subscription>>()
  #cutCount = 0
  #heldCharacters = 0

  constructor(options: EventStreamsOptions) {
    this.#options = options
    this.#tail = new LogTail(options.store, options.onError)
    options.stopping.addEventListener('abort', () => {
      for (const subscription of this.#open) subscription.end()
    })
  }

  get openCount(): number {
    return this.#open.size
  }

  /** What is held for all readers together, in characters. */
  get heldCharacters(): number {
    return this.#heldCharacters
  }

  /** Streams that were ended because their readers did not take what came. */
  get cutCount(): number {
    return this.#cutCount
  }

  /**
   * Opens a stream. Where there are as many as a node has, the address with the most of them gives one up to an address that
   * has fewer: accounts are free to make, and one reader with hundreds of them is not to keep all others out.
   * @param from the address that the reader calls from
   * @throws Refusal `rate_limit` where a quota is used up, `overloaded` where all streams together are too many
   */
  open(
    quotas: StreamQuota[],
    from: string,
    wanted: Pick<SubscriptionOptions, 'party' | 'after' | 'isStillAllowed'>,
  ): Subscription {
    this.#assertRoom(quotas)
    if (this.#open.size >= MAX_STREAMS) this.#makeRoom(from)
    const { store, heartbeatMs } = this.#options
    const subscription = new Subscription({
      ...wanted,
      store,
      heartbeatMs,
      tail: this.#tail,
      onHeld: (change) => this.#hold(change),
      onEnd: (how) => {
        if (how === 'cut') this.#cutCount += 1
        this.#open.delete(subscription)
        this.#leave(from, subscription)
        for (const { key } of quotas) this.#count(key, -1)
      },
    })
    this.#open.add(subscription)
    this.#openFrom.set(from, (this.#openFrom.get(from) ?? new Set()).add(subscription))
    for (const { key } of quotas) this.#count(key, 1)
    return subscription
  }

  /** Where too much is held in all, those are cut that have taken nothing for the longest time. */
  #hold(change: number): void {
    this.#heldCharacters += change
    while (change > 0 && this.#heldCharacters > MAX_HELD_CHARACTERS) {
      const slowest = this.#slowest()
      if (slowest === undefined) return
      slowest.cut()
    }
  }

  #slowest(): Subscription | undefined {
    let slowest: Subscription | undefined
    for (const subscription of this.#open) {
      if (subscription.heldCharacters === 0) continue
      if (slowest === undefined || subscription.tookAtMs < slowest.tookAtMs) slowest = subscription
    }
    return slowest
  }

  #assertRoom(quotas: StreamQuota[]): void {
    const retryAfterSeconds = RETRY_AFTER_SECONDS
    if (this.#options.stopping.aborted) {
      throw new Refusal('overloaded', 'The server is stopping. Try again shortly.', { retryAfterSeconds })
    }
    const full = quotas.find(({ key, max }) => (this.#openOf.get(key) ?? 0) >= max)
    if (full !== undefined) {
      const detail = `You have ${full.max} event streams open, and may have no more. Close one first.`
      throw new Refusal('rate_limit', detail, { retryAfterSeconds })
    }
  }

  #makeRoom(from: string): void {
    let most = this.#openFrom.get(from) ?? new Set()
    const own = most.size
    for (const others of this.#openFrom.values()) if (others.size > most.size) most = others
    // One that is given up is to leave both alike at most, or they would take turns for ever.
    const [oldest] = most
    if (oldest === undefined || most.size <= own + 1) {
      throw new Refusal('overloaded', 'Too many event streams are open just now. Try again shortly.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    }
    oldest.cut()
  }

  #leave(from: string, subscription: Subscription): void {
    const others = this.#openFrom.get(from)
    others?.delete(subscription)
    if (others?.size === 0) this.#openFrom.delete(from)
  }

  #count(key: string, change: 1 | -1): void {
    const count = (this.#openOf.get(key) ?? 0) + change
    if (count === 0) this.#openOf.delete(key)
    else this.#openOf.set(key, count)
  }
}
