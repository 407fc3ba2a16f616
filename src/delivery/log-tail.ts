import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import type { LoggedEvent, Party, Store } from '../store/store.ts'
import { eventFrame, type Frame } from './frame.ts'

/** Events that are handed over in one turn: between turns, readers that keep up take theirs. */
const BATCH_SIZE = 100
const BATCH_BYTES = 256 * 1024

/** Under load the log is read this often, not at every commit. */
const PAUSE_MS = 10
const PAUSE_AFTER_FAILURE_MS = 1000

/** Hears each event of its party, in the order of the log. Must not throw. */
export type Listener = (frame: Frame) => void

/** A place at the tail of the log: whoever has it hears all that comes after `from`. */
export type Seat = { from: string; leave: () => void }

type TailedStore = Pick<Store, 'events' | 'endOfLog' | 'onEvents'>

/** Reads the log as it grows, once for all on this node who want to hear of it, and only while anybody does. */
export class LogTail {
  readonly #store: TailedStore
  readonly #onError: (error: unknown) => void
  readonly #payers = new Audience()
  readonly #payees = new Audience()
  #seatCount = 0
  #stopListening: () => void = () => undefined
  /** What lies up to here has been handed over. Null: nobody has listened yet, and nobody needs what there is. */
  #position: string | null = null
  /** Settles when the log may be read again. */
  #rested: Promise<void> = Promise.resolve()
  /** The next reading, which whoever asks for one meanwhile shares. */
  #next: Promise<void> | null = null

  /** @param onError hears of each reading that failed; another one then goes on where it was */
  constructor(store: TailedStore, onError: (error: unknown) => void) {
    this.#store = store
    this.#onError = onError
  }

  /**
   * Takes a seat where the log ends now, or later: never before what anybody has seen of it.
   * @throws StoreUnavailable
   */
  async join(party: Party, listener: Listener): Promise<Seat> {
    this.#enter()
    try {
      await this.#read()
    } catch (error) {
      this.#exit()
      throw error
    }
    if (this.#position === null) throw new Error('The log has been read, but to no position.')
    this.#payers.add(party.payerId, listener)
    this.#payees.add(party.payeeId, listener)
    return { from: this.#position, leave: () => this.#leave(party, listener) }
  }

  #leave({ payerId, payeeId }: Party, listener: Listener): void {
    this.#payers.remove(payerId, listener)
    this.#payees.remove(payeeId, listener)
    this.#exit()
  }

  #enter(): void {
    if (this.#seatCount === 0) {
      this.#position = null
      this.#stopListening = this.#store.onEvents(() => void this.#read().catch(this.#onError))
    }
    this.#seatCount += 1
  }

  #exit(): void {
    this.#seatCount -= 1
    if (this.#seatCount === 0) this.#stopListening()
  }

  /** Reads to the end of the log in a reading that has not begun yet. */
  #read(): Promise<void> {
    if (this.#next !== null) return this.#next
    const reading = this.#rested.then(() => {
      this.#next = null
      return this.#readToEnd()
    })
    this.#next = reading
    this.#rested = reading.then(
      () => delay(PAUSE_MS, undefined, { ref: false }),
      () => this.#tryAgain(),
    )
    return reading
  }

  /** A store that is out of reach says nothing when it is back. */
  async #tryAgain(): Promise<void> {
    await delay(PAUSE_AFTER_FAILURE_MS, undefined, { ref: false })
    this.#read().catch(this.#onError)
  }

  async #readToEnd(): Promise<void> {
    if (this.#seatCount === 0) return
    let position = this.#position ?? (await this.#store.endOfLog())
    this.#position = position
    while (this.#seatCount > 0) {
      const batch = await this.#store.events(position, BATCH_SIZE, BATCH_BYTES)
      const last = batch.at(-1)
      if (last === undefined) return
      for (const logged of batch) this.#handOver(logged)
      position = last.position
      this.#position = position
      await nextTurn()
    }
  }

  #handOver(logged: LoggedEvent): void {
    const { payerId, payeeId } = logged.event
    // Whoever is on both sides hears it once.
    const listeners = new Set([...this.#payers.of(payerId), ...this.#payees.of(payeeId)])
    if (listeners.size === 0) return
    const frame = eventFrame(logged)
    for (const listener of listeners) listener(frame)
  }
}

/** Who listens for each id. */
class Audience {
  readonly #listeners = new Map<string, Set<Listener>>()

  of(id: string | null): Iterable<Listener> {
    return (id !== null && this.#listeners.get(id)) || []
  }

  add(id: string | null, listener: Listener): void {
    if (id === null) return
    const others = this.#listeners.get(id)
    if (others) others.add(listener)
    else this.#listeners.set(id, new Set([listener]))
  }

  remove(id: string | null, listener: Listener): void {
    if (id === null) return
    const listeners = this.#listeners.get(id)
    listeners?.delete(listener)
    if (listeners?.size === 0) this.#listeners.delete(id)
  }
}
