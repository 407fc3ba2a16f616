import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ALPHANUM_ALPHABET, CODE_LENGTH, foldCode } from '../../src/protocol/codes.ts'

const code = fc.string({
  unit: fc.constantFrom(...ALPHANUM_ALPHABET),
  minLength: CODE_LENGTH,
  maxLength: CODE_LENGTH,
})

describe('foldCode', () => {
  it('leaves a code as it was dealt', () => {
    fc.assert(fc.property(code, (dealt) => foldCode(dealt) === dealt))
  })

  it('reads small letters, and the blanks that copying leaves around', () => {
    fc.assert(fc.property(code, (dealt) => foldCode(` \t${dealt.toLowerCase()}\n`) === dealt))
  })

  it('reads letters that look like digits as those', () => {
    assert.equal(foldCode('oOiIlL'), '001111')
    assert.equal(foldCode('A1B2CO'), 'A1B2C0')
  })

  it('refuses what no code can be', () => {
    for (const typed of [
      '',
      '12345',
      '1234567',
      'ABCDEU',
      '12 456',
      '12-456',
      'ABCDÉF',
      '١٢٣٤٥٦',
      '\u{1F600}1234',
      'ßABCDE',
    ]) {
      assert.equal(foldCode(typed), null, typed)
    }
  })

  it('gives a code or null for anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (typed) => {
        const folded = foldCode(typed)
        return folded === null || /^[0-9A-HJKMNP-TV-Z]{6}$/.test(folded)
      }),
    )
  })
})
