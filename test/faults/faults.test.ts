import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SCENARIOS } from '../../faults/scenarios.ts'
import { newSeed, Suite } from '../../faults/suite.ts'

test('whatever breaks, no rule does: the short form of the fault suite', async () => {
  const seed = newSeed()
  const said: string[] = []
  const suite = new Suite({ seed, only: null, size: 'short', say: (line) => said.push(line) })
  const results = await suite.play(SCENARIOS)
  const report = [...said, `npm run faults -- --short --seed ${seed}`].join('\n')
  assert.ok(results.length > 0)
  for (const { name, tried, broke } of results) assert.ok(tried > 0 && broke === 0, `${name}:\n${report}`)
})
