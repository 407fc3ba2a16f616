import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatUnits, parseUnits } from 'viem'
import { AMOUNT_MAX_LENGTH, formatAmount, parseAmount } from '../../src/protocol/amounts.ts'

const MAX_UINT256 = 2n ** 256n - 1n

const units = fc.oneof(
  fc.bigInt({ min: 1n, max: MAX_UINT256 }),
  fc.bigInt({ min: 1n, max: 10n ** 20n }),
  // Round sums, whose zeros are easily lost.
  fc.tuple(fc.bigInt({ min: 1n, max: 999n }), fc.nat(70)).map(([digits, zeros]) => digits * 10n ** BigInt(zeros)),
)
const decimals = fc.integer({ min: 0, max: 77 })

describe('amounts', () => {
  it('survive being written and read, whatever the decimals', () => {
    fc.assert(
      fc.property(units, decimals, (amount, places) => parseAmount(formatAmount(amount, places), places) === amount),
    )
  })

  it('are written as viem writes them', () => {
    fc.assert(
      fc.property(units, decimals, (amount, places) => formatAmount(amount, places) === formatUnits(amount, places)),
    )
  })

  it('are read as viem reads them', () => {
    const text = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 30n }), fc.stringMatching(/^[0-9]{1,18}$/))
    fc.assert(
      fc.property(
        text,
        ([whole, fraction]) => parseAmount(`${whole}.${fraction}`, 18) === parseUnits(`${whole}.${fraction}`, 18),
      ),
    )
  })

  it('may end in zeros that mean nothing', () => {
    assert.equal(parseAmount('0.250', 6), 250_000n)
    assert.equal(parseAmount('100.000000', 6), 100_000_000n)
    assert.equal(formatAmount(250_000n, 6), '0.25')
    assert.equal(formatAmount(100_000_000n, 6), '100')
    assert.equal(formatAmount(0n, 6), '0')
  })

  it('may be as large as a token can hold, and no larger', () => {
    assert.equal(parseAmount(MAX_UINT256.toString(), 0), MAX_UINT256)
    assert.deepEqual(parseAmount((MAX_UINT256 + 1n).toString(), 0), { refusal: 'is larger than a token can hold' })
    assert.deepEqual(parseAmount(MAX_UINT256.toString(), 1), { refusal: 'is larger than a token can hold' })
  })
})

describe('parseAmount refuses', () => {
  const refusalOf = (text: string, places = 6): string => {
    const amount = parseAmount(text, places)
    assert.notEqual(typeof amount, 'bigint', `"${text}" was read as ${amount}`)
    return typeof amount === 'bigint' ? '' : amount.refusal
  }

  it('what is no plain decimal', () => {
    const signs = ['-1', '+1', '-0.5']
    const otherNotations = ['1e3', '0x10', '1_000', '1,5', '1 000', '٣', 'NaN', 'Infinity', '½']
    const halves = ['', '.', '.5', '5.', '1.2.3', '01', '00.5', ' 1', '1 ', '1\n']
    for (const text of [...signs, ...otherNotations, ...halves])
      assert.match(refusalOf(text), /^must be a plain decimal/)
  })

  it('more decimal places than the currency has, rather than round', () => {
    assert.equal(refusalOf('0.0000001'), 'has 7 decimal places; this currency has 6')
    assert.equal(refusalOf('1.0', 0), 'has 1 decimal places; this currency has 0')
    assert.equal(refusalOf('1.0000000'), 'has 7 decimal places; this currency has 6')
  })

  it('zero, however it is written', () => {
    for (const text of ['0', '0.0', '0.000000']) assert.equal(refusalOf(text), 'must be greater than zero')
  })

  it('endless digits', () => {
    refusalOf('9'.repeat(AMOUNT_MAX_LENGTH + 1), 0)
    refusalOf(`1.${'0'.repeat(100_000)}`, 77)
  })

  it('or reads any text at all without an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), decimals, (text, places) => {
        const amount = parseAmount(text, places)
        return typeof amount === 'bigint' ? amount > 0n : amount.refusal.length > 0
      }),
    )
  })
})
