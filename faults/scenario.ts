import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestCluster } from '../test/support/postgres.ts'
import type { Random } from './random.ts'

/** One kind of trouble, made many times, and what must be true afterwards. */
export type Scenario = {
  name: string
  /** How often the trouble is made, in a whole run and in the short one of the tests; 0: not there. */
  times: { whole: number; short: number }
  run: (trial: Trial) => Promise<Outcome>
}

/** What came of a scenario: how often the trouble really came, and each rule that it broke, in words. */
export type Outcome = { tried: number; broken: string[]; remark: string }

/** One run of a scenario. */
export type Trial = {
  times: number
  random: Random
  /** The cluster that all scenarios use, each with databases of its own. It is started when it is first asked for. */
  postgres: () => Promise<TestCluster>
  /** What ends or removes something that the trial made; the last one first, whatever happens. */
  defer: (end: () => unknown) => void
}

/** A directory that ends with the trial. */
export async function workDirectory({ defer }: Trial): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sixpence-faults-'))
  defer(() => rm(directory, { recursive: true, force: true }))
  return directory
}
