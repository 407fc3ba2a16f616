/** A power of two. */
const FEWEST_SLOTS = 4096
/** Beyond this share of used slots, probing gets slow. */
const MOST_USED = 0.7
/** Enough that the next rebuilding is far, and little enough that a full table only doubles. */
const ROOM_TO_GROW = 1.4

/**
 * Rows by a 32-bit fingerprint of their key, in memory: an open hash table of 12 bytes a slot. What it returns are hints:
 * keys may share a fingerprint, and rows that are gone may still be named. A row that was added is never missed.
 */
export class RowHints {
  readonly #oldestRow: () => number
  #fingerprints: Uint32Array
  /** 0: the slot is free. */
  #rows: Float64Array
  #used = 0

  /**
   * @param expected how many rows to make room for
   * @param oldestRow the lowest row that still exists; hints of rows below it are dropped as the table is rebuilt
   */
  constructor(expected: number, oldestRow: () => number) {
    const slots = slotsFor(expected)
    this.#fingerprints = new Uint32Array(slots)
    this.#rows = new Float64Array(slots)
    this.#oldestRow = oldestRow
  }

  /** @param row 1 or more */
  add(fingerprint: number, row: number): void {
    if (this.#used >= this.#rows.length * MOST_USED) this.#rebuild()
    this.#put(fingerprint, row)
  }

  rowsOf(fingerprint: number): number[] {
    const found: number[] = []
    for (let slot = this.#firstSlot(fingerprint); this.#rows[slot] !== 0; slot = this.#slotAfter(slot)) {
      if (this.#fingerprints[slot] === fingerprint) found.push(this.#rows[slot] ?? 0)
    }
    return found
  }

  #put(fingerprint: number, row: number): void {
    let slot = this.#firstSlot(fingerprint)
    while (this.#rows[slot] !== 0) slot = this.#slotAfter(slot)
    this.#fingerprints[slot] = fingerprint
    this.#rows[slot] = row
    this.#used += 1
  }

  #rebuild(): void {
    const [fingerprints, rows, oldest] = [this.#fingerprints, this.#rows, this.#oldestRow()]
    const living = rows.reduce((count, row) => (row !== 0 && row >= oldest ? count + 1 : count), 0)
    const slots = slotsFor(living * ROOM_TO_GROW)
    this.#fingerprints = new Uint32Array(slots)
    this.#rows = new Float64Array(slots)
    this.#used = 0
    for (const [slot, row] of rows.entries()) {
      if (row !== 0 && row >= oldest) this.#put(fingerprints[slot] ?? 0, row)
    }
  }

  #firstSlot(fingerprint: number): number {
    return fingerprint & (this.#rows.length - 1)
  }

  #slotAfter(slot: number): number {
    return (slot + 1) & (this.#rows.length - 1)
  }
}

function slotsFor(rows: number): number {
  let slots = FEWEST_SLOTS
  while (slots * MOST_USED < rows) slots *= 2
  return slots
}
