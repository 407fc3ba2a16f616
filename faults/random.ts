import { hash } from 'node:crypto'

const BITS = 48

/** Draws that are the same for the same seed, so that a run can be played again. */
export class Random {
  readonly #seed: string
  #drawn = 0

  constructor(seed: string) {
    this.#seed = seed
  }

  /** Draws of its own for a part of the run: what others draw does not move them. */
  fork(name: string): Random {
    return new Random(`${this.#seed}/${name}`)
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#fraction() * (most - least + 1))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new RangeError('there is nothing to pick from')
    return item
  }

  shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.#fraction() }))
    return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item)
  }

  #fraction(): number {
    const digest = hash('sha256', `${this.#seed}:${this.#drawn++}`, 'buffer')
    return digest.readUIntBE(0, BITS / 8) / 2 ** BITS
  }
}
