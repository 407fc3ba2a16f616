import { Refusal } from '../domain/refusal.ts'
import { LogTail } from './log-tail.ts'
import { Subscription, type SubscriptionOptions } from './subscription.ts'

/** A shop's registers may share one key. */
const MOST_OF_ONE_CALLER = 20
const MOST_OF_ALL = 5000

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
  #cutCount = 0

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

  /** Streams that were ended because their readers did not take what came. */
  get cutCount(): number {
    return this.#cutCount
  }

  /**
   * @param caller whom to count it for
   * @throws Refusal `rate_limit` where that caller has too many, `overloaded` where all together do
   */
  open(caller: string, wanted: Pick<SubscriptionOptions, 'party' | 'after' | 'isStillAllowed'>): Subscription {
    this.#assertRoom(caller)
    const { store, heartbeatMs } = this.#options
    const subscription = new Subscription({
      ...wanted,
      store,
      heartbeatMs,
      tail: this.#tail,
      onEnd: (how) => {
        if (how === 'cut') this.#cutCount += 1
        this.#open.delete(subscription)
        this.#count(caller, -1)
      },
    })
    this.#open.add(subscription)
    this.#count(caller, 1)
    return subscription
  }

  #assertRoom(caller: string): void {
    const retryAfterSeconds = RETRY_AFTER_SECONDS
    if (this.#options.stopping.aborted) {
      throw new Refusal('overloaded', 'The server is stopping. Try again shortly.', { retryAfterSeconds })
    }
    if ((this.#openOf.get(caller) ?? 0) >= MOST_OF_ONE_CALLER) {
      const detail = `You have ${MOST_OF_ONE_CALLER} event streams open, and may have no more. Close one first.`
      throw new Refusal('rate_limit', detail, { retryAfterSeconds })
    }
    if (this.#open.size >= MOST_OF_ALL) {
      throw new Refusal('overloaded', 'Too many event streams are open just now. Try again shortly.', {
        retryAfterSeconds,
      })
    }
  }

  #count(caller: string, change: 1 | -1): void {
    const count = (this.#openOf.get(caller) ?? 0) + change
    if (count === 0) this.#openOf.delete(caller)
    else this.#openOf.set(caller, count)
  }
}
