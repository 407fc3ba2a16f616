import { randomInt } from 'node:crypto'
import { startPostgres, type TestCluster } from '../test/support/postgres.ts'
import { Random } from './random.ts'
import { briefly } from './rules.ts'
import type { Outcome, Scenario, Trial } from './scenario.ts'

export type SuiteOptions = {
  seed: number
  /** The names of scenarios to play; null: all. */
  only: readonly string[] | null
  size: keyof Scenario['times']
  say: (line: string) => void
}

/** What a scenario came to; `broke` counts the sentences of broken rules, or 1 where it could not be played at all. */
export type Result = { name: string; tried: number; broke: number; seconds: number }

/** No scenario should take half as long; whichever hangs is given up. */
const LONGEST_MS = 150_000

export function newSeed(): number {
  return randomInt(2 ** 31)
}

/** Plays scenarios one after the other on one cluster. Whatever they start has ended when it returns. */
export class Suite {
  readonly #options: SuiteOptions
  readonly #ending = Promise.withResolvers<never>()
  #cluster: Promise<TestCluster> | null = null
  #isStopped = false
  #played: Promise<unknown> = Promise.resolve()

  constructor(options: SuiteOptions) {
    this.#options = options
    this.#ending.promise.catch(() => undefined)
  }

  async play(scenarios: readonly Scenario[]): Promise<Result[]> {
    const { only, size } = this.#options
    const wanted = scenarios.filter(({ name, times }) => times[size] > 0 && (only === null || only.includes(name)))
    const playing = this.#playAll(wanted)
    this.#played = playing
    return playing
  }

  /** Breaks off what is being played, and waits until all that runs has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#ending.reject(new Error('it was broken off'))
    await this.#played
  }

  async #playAll(scenarios: readonly Scenario[]): Promise<Result[]> {
    const results: Result[] = []
    try {
      for (const scenario of scenarios) {
        if (!this.#isStopped) results.push(await this.#playOne(scenario))
      }
    } finally {
      await (await this.#cluster)?.stop()
    }
    return results
  }

  async #playOne(scenario: Scenario): Promise<Result> {
    const { say } = this.#options
    const startedAt = performance.now()
    const { tried, broken, remark } = await this.#attempt(scenario)
    say(`${scenario.name}: tried ${tried}, broke the rule ${broken.length} (${remark})`)
    for (const sentence of briefly(broken)) say(`    ${sentence}`)
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    return { name: scenario.name, tried, broke: broken.length, seconds }
  }

  async #attempt(scenario: Scenario): Promise<Outcome> {
    const { seed, size } = this.#options
    const ends = new AsyncDisposableStack()
    const trial: Trial = {
      times: scenario.times[size],
      random: new Random(String(seed)).fork(scenario.name),
      postgres: () => this.#postgres(),
      defer: (end) => ends.defer(async () => void (await end())),
    }
    const { promise: overtime, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error(`it took longer than ${LONGEST_MS / 1000} s`)), LONGEST_MS)
    try {
      return await Promise.race([scenario.run(trial), overtime, this.#ending.promise])
    } catch (error) {
      const words = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return { tried: 0, broken: [`it could not be played to its end: ${words}`], remark: 'not judged' }
    } finally {
      clearTimeout(timer)
      await ends.disposeAsync()
    }
  }

  #postgres(): Promise<TestCluster> {
    this.#cluster ??= startPostgres()
    return this.#cluster
  }
}
