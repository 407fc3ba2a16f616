import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keptByPools, rateBetween, shareOf, withSlippage } from '../../src/domain/quote.ts'

describe('a rate', () => {
  for (const [paid, paidDecimals, got, gotDecimals, rate] of [
    [109_000_000n, 6, 100_000_000n, 6, '1.09'],
    [217n, 0, 10n ** 20n, 18, '2.17'],
    [10n ** 20n, 18, 217n, 0, '0.460829493087557603'],
    [1n, 0, 1n, 18, '1000000000000000000'],
    [1n, 18, 1n, 0, '0.000000000000000001'],
    [1n, 6, 3n, 6, '0.333333333333333333'],
  ] as const) {
    it(`of ${paid} units of ${paidDecimals} decimals for ${got} of ${gotDecimals} is ${rate}`, () => {
      const found = rateBetween({ units: paid, decimals: paidDecimals }, { units: got, decimals: gotDecimals })
      assert.equal(found, rate)
    })
  }
})

it('the most that a swap may cost is rounded up, to the last unit', () => {
  assert.deepEqual([withSlippage(1n, 50), withSlippage(10_000n, 50), withSlippage(10_001n, 50)], [2n, 10_050n, 10_052n])
  assert.equal(withSlippage(7n, 0), 7n)
})

it('a share is rounded down', () => {
  assert.deepEqual([shareOf(333n, 30), shareOf(334n, 30), shareOf(10n ** 40n, 1)], [0n, 1n, 10n ** 36n])
})

it('what pools keep is rounded up, and each takes of what the one before it left', () => {
  assert.equal(keptByPools(1_000_000n, { fees: [3000] }), 3_000n)
  assert.equal(keptByPools(1_000_000n, { fees: [3000, 500] }), 3_499n)
  assert.equal(keptByPools(1n, { fees: [100] }), 1n)
})
