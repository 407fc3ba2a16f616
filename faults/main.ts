import { parseArgs } from 'node:util'
import { SCENARIOS } from './scenarios.ts'
import { newSeed, Suite } from './suite.ts'

/** `npm run faults`: see docs/faults.md. */

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string' },
    only: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
  },
})

const seed = flags.seed === undefined ? newSeed() : Number(flags.seed)
const names = SCENARIOS.map(({ name }) => name)
const unknown = flags.only?.find((name) => !names.includes(name))
if (!Number.isSafeInteger(seed) || unknown !== undefined) {
  console.error(`--seed takes a whole number, and --only one of ${names.join(', ')}`)
  process.exit(2)
}

const suite = new Suite({
  ...{ seed, only: flags.only ?? null, size: flags.short ? 'short' : 'whole' },
  say: (line) => console.log(line),
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void suite.stop().finally(() => process.exit(130)))
}

const results = await suite.play(SCENARIOS)
console.table(Object.fromEntries(results.map(({ name, ...figures }) => [name, figures])))
console.log(`The seed was ${seed}. Play it again with: npm run faults -- --seed ${seed}`)
process.exit(results.some(({ broke }) => broke > 0) ? 1 : 0)
