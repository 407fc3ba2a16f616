import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../../test/support/server.ts'

/** Between two calls of one caller. */
const PAUSE_MS = 30

/** Callers that make one call after the other until they are told to stop. */
export class Trickle {
  readonly #callers: Promise<void>[]
  /** What came back, and how often. */
  readonly #outcomes = new Map<string, number>()
  #isOver = false

  /** @param calls one for each caller, by name */
  constructor(calls: Record<string, () => Promise<Answer<unknown>>>) {
    this.#callers = Object.entries(calls).map(([name, call]) => this.#run(name, call))
  }

  /** Waits for the calls under way. @returns how many calls there were, and each kind of failure with its number */
  async end(): Promise<{ calls: number; failures: string[] }> {
    this.#isOver = true
    await Promise.all(this.#callers)
    const outcomes = [...this.#outcomes]
    return {
      calls: outcomes.reduce((sum, [, count]) => sum + count, 0),
      failures: outcomes.filter(([what]) => what !== OK).map(([what, count]) => `${count} × ${what}`),
    }
  }

  async #run(name: string, call: () => Promise<Answer<unknown>>): Promise<void> {
    while (!this.#isOver) {
      const outcome = await outcomeOf(name, call)
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
      await delay(PAUSE_MS)
    }
  }
}

const OK = 'ok'

async function outcomeOf(name: string, call: () => Promise<Answer<unknown>>): Promise<string> {
  try {
    const { status, body } = await call()
    return status === 200 ? OK : `${name}: ${status} ${body.code}, ${body.detail}`
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : ''
    return `${name}: ${error}${cause}`
  }
}
