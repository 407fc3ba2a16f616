import { setTimeout as delay } from 'node:timers/promises'
import { EventReader, openEvents, type ReceivedEvent } from '../test/support/event-reader.ts'
import { eventually } from '../test/support/server.ts'
import type { Random } from './random.ts'
import type { Trial } from './scenario.ts'

/** How long a connection is kept, if nothing else ends it. */
const STAYS_MS = [300, 2_000] as const
const PAUSE_MS = 50

/** One party of a context, told by the event stream. It keeps leaving, and comes back at any of the servers. */
export class Subscriber {
  readonly contextId: string
  readonly #headers: Record<string, string>
  readonly #random: Random
  readonly #events: ReceivedEvent[] = []
  readonly #reading: Promise<void>
  #reader: EventReader | null = null
  #lastEventId: string | null = null
  #isOver = false

  /** Resolves when it has begun to listen; ends with the trial. */
  static async open(
    trial: Trial,
    urls: readonly string[],
    party: { contextId: string; headers: Record<string, string> },
    random: Random,
  ): Promise<Subscriber> {
    const subscriber = new Subscriber(urls, party, random)
    trial.defer(() => subscriber.#end())
    await eventually(async () => subscriber.#position() !== null)
    return subscriber
  }

  private constructor(
    urls: readonly string[],
    { contextId, headers }: { contextId: string; headers: Record<string, string> },
    random: Random,
  ) {
    this.contextId = contextId
    this.#headers = headers
    this.#random = random
    this.#reading = this.#read(urls)
  }

  /** All that came, in the order in which it came. */
  get events(): ReceivedEvent[] {
    return [...this.#events, ...(this.#reader?.events ?? [])]
  }

  #position(): string | null {
    return this.#reader?.lastEventId || this.#lastEventId
  }

  async #end(): Promise<void> {
    this.#isOver = true
    this.#reader?.close()
    await this.#reading
  }

  async #read(urls: readonly string[]): Promise<void> {
    while (!this.#isOver) {
      await this.#stay(this.#random.pick(urls)).catch(() => undefined)
      await delay(PAUSE_MS)
    }
  }

  async #stay(url: string): Promise<void> {
    const resuming: Record<string, string> = this.#lastEventId === null ? {} : { 'last-event-id': this.#lastEventId }
    const response = await openEvents(url, { ...this.#headers, ...resuming })
    const reader = new EventReader(response)
    this.#reader = reader
    const leavesAt = performance.now() + this.#random.between(...STAYS_MS)
    while (!reader.hasEnded && !this.#isOver && performance.now() < leavesAt) await delay(PAUSE_MS)
    reader.close()
    this.#lastEventId = this.#position()
    this.#events.push(...reader.events)
    this.#reader = null
  }
}
