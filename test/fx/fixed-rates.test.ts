import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { Currency } from '../../src/domain/currency.ts'
import { fixedRates } from '../../src/fx/fixed-rates.ts'

const currency = (symbol: string, decimals: number): Currency => ({
  ...{ symbol, network: 'polygon', address: `0x${symbol}`, decimals, enabled: true },
})

it('a fixed rate never leaves the payee short, and overcharges the payer by less than a unit', async () => {
  const decimals = fc.integer({ min: 0, max: 18 })
  const amount = fc.bigInt({ min: 1n, max: 10n ** 24n })
  const property = fc.asyncProperty(
    decimals,
    decimals,
    amount,
    amount,
    amount,
    async (inDecimals, outDecimals, ...rest) => {
      const [units, toUnits, perFrom] = rest
      const [from, to] = [currency('aa', inDecimals), currency('bb', outDecimals)]
      const source = fixedRates([{ from, to, toUnits, perFrom, validUntilMs: 1 }], () => 0)
      const [fair, per] = [toUnits * 10n ** BigInt(outDecimals), perFrom * 10n ** BigInt(inDecimals)]

      const bought = await source.quote({ from, to, exact: 'out', units })
      assert.ok(bought && bought.unitsOut === units && bought.unitsIn > 0n)
      assert.ok(bought.unitsIn * fair >= units * per && (bought.unitsIn - 1n) * fair < units * per)

      const sold = await source.quote({ from, to, exact: 'in', units })
      if (sold === null) return assert.ok(units * fair < per)
      assert.ok(sold.unitsOut * per <= units * fair && (sold.unitsOut + 1n) * per > units * fair)
    },
  )
  await fc.assert(property, { numRuns: 1000 })
})

it('a fixed rate counts in its direction, and until it ends', async () => {
  const [from, to] = [currency('aa', 6), currency('bb', 6)]
  let nowMs = 999
  const source = fixedRates([{ from, to, toUnits: 92n, perFrom: 100n, validUntilMs: 1000 }], () => nowMs)
  assert.equal((await source.quote({ from, to, exact: 'out', units: 92n }))?.unitsIn, 100n)
  assert.equal(await source.quote({ from: to, to: from, exact: 'out', units: 92n }), null)
  assert.equal(await source.quote({ from: { ...from, network: 'base' }, to, exact: 'out', units: 92n }), null)
  nowMs = 1000
  assert.equal(await source.quote({ from, to, exact: 'out', units: 92n }), null)
})
