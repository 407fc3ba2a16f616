import { hash } from 'node:crypto'

/** What a column holds, before it is text. */
export type Value = string | number | null

const SIZE_BITS = 256

/** Rows of a table in short: how many, and the sum of their SHA-256. The order in which they are added is of no account. */
export class Checksum {
  rows = 0
  #sum = 0n

  add(values: readonly Value[]): void {
    const canonical = JSON.stringify(values.map((value) => (value === null ? null : String(value))))
    this.#sum = BigInt.asUintN(SIZE_BITS, this.#sum + BigInt(`0x${hash('sha256', canonical)}`))
    this.rows += 1
  }

  /** 64 hex digits. */
  get sum(): string {
    return this.#sum.toString(16).padStart(SIZE_BITS / 4, '0')
  }
}
