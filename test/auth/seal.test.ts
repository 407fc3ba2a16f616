import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { seal, unseal } from '../../src/auth/seal.ts'

const KEY = randomBytes(32)

describe('a sealed answer', () => {
  it('opens with its key only, and never looks the same twice', () => {
    for (const plaintext of ['', '{"authorization":{"token":"x"}}', 'é€😀', 'x'.repeat(100_000)]) {
      const sealed = seal(plaintext, KEY)
      assert.equal(unseal(sealed, KEY), plaintext)
      assert.equal(unseal(sealed, randomBytes(32)), null)
      assert.notEqual(seal(plaintext, KEY), sealed)
      assert.match(sealed, /^[\w-]+$/)
    }
    assert.ok(!Buffer.from(seal('a secret', KEY), 'base64url').includes('a secret'))
  })

  it('does not open after a change anywhere', () => {
    const bytes = Buffer.from(seal('a secret', KEY), 'base64url')
    for (let place = 0; place < bytes.length; place++) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(bytes.readUInt8(place) ^ 1, place)
      assert.equal(unseal(changed.toString('base64url'), KEY), null, `byte ${place}`)
    }
    for (const length of [0, 1, 27, 28, bytes.length - 1]) {
      assert.equal(unseal(bytes.subarray(0, length).toString('base64url'), KEY), null, `${length} bytes`)
    }
    assert.equal(unseal('{"not":"sealed"}', KEY), null)
  })
})
