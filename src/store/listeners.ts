/** Whoever wants to be told of something, each once. */
export class Listeners {
  readonly #listeners = new Set<() => void>()

  /** @returns what takes the listener off again */
  add(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get count(): number {
    return this.#listeners.size
  }

  /** Calls each of them. They must not throw. */
  tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
