/** A difference this small is left alone: what keeps clocks in step does that better. */
const TOLERANCE_MS = 2_000

/** The clock of a node that goes by another one where its own is wrong, so that all nodes agree on what has ended. */
export class CorrectedClock {
  readonly #own: () => number
  #correctionMs = 0

  /** @param own Unix milliseconds */
  constructor(own: () => number) {
    this.#own = own
  }

  readonly now = (): number => this.#own() + this.#correctionMs

  /** What is added to the node's own clock; 0 where that is right. */
  get correctionMs(): number {
    return this.#correctionMs
  }

  /**
   * Compares the node's own clock with the one that counts.
   * @param ask tells the time that counts (Unix milliseconds)
   * @throws whatever `ask` throws; then the last correction stays
   */
  async compare(ask: () => Promise<number>): Promise<void> {
    const before = this.#own()
    const theirs = await ask()
    const after = this.#own()
    const differenceMs = theirs - (before + after) / 2
    const doubtMs = (after - before) / 2
    const isWrong = Math.abs(differenceMs) > TOLERANCE_MS + doubtMs
    this.#correctionMs = isWrong ? Math.round(differenceMs) : 0
  }
}
