import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashApiKey, isApiKeyForm, newApiKey } from '../../src/auth/api-keys.ts'

describe('API keys', () => {
  it('carry their mark and 256 bits, and are found by their hash', () => {
    const { key, prefix, hash } = newApiKey()
    assert.ok(isApiKeyForm(key))
    assert.equal(Buffer.from(key.slice(4), 'base64url').length, 32)
    assert.ok(key.startsWith(prefix) && prefix.startsWith('sxp_') && prefix.length === 12)
    assert.equal(hashApiKey(key), hash)
    assert.notEqual(newApiKey().key, key)
  })

  it('are hashed by SHA-256, in hex', () => {
    assert.equal(hashApiKey('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it('can be told from what is none', () => {
    const { key } = newApiKey()
    for (const text of [
      '',
      'sxp_',
      key.slice(0, -1),
      `${key}A`,
      ` ${key}`,
      `${key}\n`,
      key.replace('sxp', 'sk'),
      `${key.slice(0, -1)}!`,
    ]) {
      assert.equal(isApiKeyForm(text), false, JSON.stringify(text))
    }
  })
})
