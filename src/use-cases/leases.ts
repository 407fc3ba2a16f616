import { randomUUID } from 'node:crypto'
import type { Lease, Store } from '../store/store.ts'

/** How long a node that is gone keeps others from its work. */
const LEASE_LIFE_MS = 10_000
/** Leaves time for a few tries before the lease lapses. */
export const LEASE_RENEWED_EVERY_MS = LEASE_LIFE_MS / 4

/** The leases of this process. They stay its own between one turn of the work and the next. */
export class Leases {
  readonly #store: Store
  /** No other process has the same. */
  readonly #holder = randomUUID()
  readonly #held = new Map<string, Lease>()

  constructor(store: Store) {
    this.#store = store
  }

  /** Takes a lease or renews it. @returns null while another process holds it */
  async take(name: string): Promise<Lease | null> {
    const lease = await this.#store.takeLease(name, this.#holder, LEASE_LIFE_MS)
    if (lease === null) this.#held.delete(name)
    else this.#held.set(name, lease)
    return lease
  }

  /** Lets another process do the work. */
  async giveUp(name: string): Promise<void> {
    const lease = this.#held.get(name)
    if (lease === undefined) return
    this.#held.delete(name)
    await this.#store.giveUpLease(lease)
  }

  /** A lease that cannot be given up now lapses by itself. */
  async giveUpAll(): Promise<void> {
    await Promise.allSettled([...this.#held.keys()].map((name) => this.giveUp(name)))
  }
}
