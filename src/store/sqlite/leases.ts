import { Conflict, type Lease } from '../store.ts'

type Held = { holder: string; token: number; endsAtMs: number }

/** Leases in memory: one process owns the store, so no other could hold one. */
export class Leases {
  readonly #held = new Map<string, Held>()
  #lastToken = 0

  take(name: string, holder: string, lifeMs: number): Lease | null {
    const held = this.#heldNow(name)
    if (held !== null && held.holder !== holder) return null
    const token = held === null ? ++this.#lastToken : held.token
    this.#held.set(name, { holder, token, endsAtMs: performance.now() + lifeMs })
    return { name, token }
  }

  giveUp({ name, token }: Lease): void {
    if (this.#held.get(name)?.token === token) this.#held.delete(name)
  }

  /** @throws Conflict `fence` */
  assertHeld({ name, token }: Lease): void {
    if (this.#heldNow(name)?.token !== token) throw new Conflict('fence', name)
  }

  #heldNow(name: string): Held | null {
    const held = this.#held.get(name)
    return held !== undefined && held.endsAtMs > performance.now() ? held : null
  }
}
