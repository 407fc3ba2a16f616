import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { CompactSign, calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import { jwsAttestation, noAttestation } from '../../src/auth/attestation.ts'

const CHALLENGE = '0123456789abcdef'.repeat(3)

type KeyPair = { publicKey: KeyObject; privateKey: KeyObject }
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength })

async function assertion(input: {
  keys: KeyPair
  alg?: string
  jwk?: JWK
  payload?: string
  signWith?: KeyObject | Uint8Array
}): Promise<string> {
  const jwk = input.jwk ?? (await exportJWK(input.keys.publicKey))
  return new CompactSign(new TextEncoder().encode(input.payload ?? CHALLENGE))
    .setProtectedHeader({ alg: input.alg ?? 'ES256', jwk })
    .sign(input.signWith ?? input.keys.privateKey)
}

async function accepts(assertionToken: string, assertionKeyId: string | null = null): Promise<boolean> {
  const verdict = await jwsAttestation.verify({ challenge: CHALLENGE, assertionToken, assertionKeyId })
  assert.ok(verdict.ok || verdict.reason.length > 0)
  return verdict.ok
}

describe('attestation by JWS', () => {
  const good: [string, () => KeyPair][] = [
    ['ES256', p256],
    ['EdDSA', () => generateKeyPairSync('ed25519')],
    ['RS256', rsa],
    ['PS256', rsa],
  ]
  for (const [alg, newKeys] of good) {
    it(`takes ${alg} and records the thumbprint, whether or not it was given`, async () => {
      const keys = newKeys()
      const assertionToken = await assertion({ keys, alg })
      const keyId = await calculateJwkThumbprint(await exportJWK(keys.publicKey))
      for (const assertionKeyId of [keyId, null]) {
        const verdict = await jwsAttestation.verify({ challenge: CHALLENGE, assertionToken, assertionKeyId })
        assert.deepEqual(verdict, { ok: true, keyId })
      }
    })
  }

  it('refuses another challenge', async () => {
    const keys = p256()
    assert.equal(await accepts(await assertion({ keys, payload: CHALLENGE.replace('0', '1') })), false)
    assert.equal(await accepts(await assertion({ keys, payload: `${CHALLENGE}\n` })), false)
    assert.equal(await accepts(await assertion({ keys, payload: '' })), false)
  })

  it('refuses a key that the key id does not name', async () => {
    const [keys, other] = [p256(), p256()]
    const token = await assertion({ keys })
    assert.equal(await accepts(token, await calculateJwkThumbprint(await exportJWK(other.publicKey))), false)
    assert.equal(await accepts(token, ''), false)
  })

  it('refuses a signature by another key than the one shown', async () => {
    assert.equal(await accepts(await assertion({ keys: p256(), signWith: p256().privateKey })), false)
  })

  it('refuses an HMAC with the public key, and symmetric keys at all', async () => {
    const keys = rsa()
    const pem = Buffer.from(keys.publicKey.export({ type: 'spki', format: 'pem' }))
    assert.equal(await accepts(await assertion({ keys, alg: 'HS256', signWith: pem })), false)
    const secret = randomBytes(32)
    const jwk = { kty: 'oct', k: secret.toString('base64url') }
    assert.equal(await accepts(await assertion({ keys, alg: 'HS256', jwk, signWith: secret })), false)
  })

  it('refuses a private key in the header', async () => {
    const keys = p256()
    assert.equal(await accepts(await assertion({ keys, jwk: await exportJWK(keys.privateKey) })), false)
  })

  it('refuses algorithms that are not on its list, and weak keys', async () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    assert.equal(await accepts(await assertion({ keys: p384, alg: 'ES384' })), false)
    assert.equal(await accepts(await assertion({ keys: rsa(), alg: 'RS512' })), false)
    const weak = rsa(1024)
    const lent = await assertion({ keys: rsa(), alg: 'RS256', jwk: await exportJWK(weak.publicKey) })
    assert.equal(await accepts(lent), false)
  })

  it('refuses alg none, a missing key, and what is no JWS', async () => {
    const keys = p256()
    const token = await assertion({ keys })
    const [, payload = '', signature = ''] = token.split('.')
    const header = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64url')
    const jwk = await exportJWK(keys.publicKey)
    const texts = [
      `${header({ alg: 'none', jwk })}.${payload}.`,
      `${header({ alg: 'ES256' })}.${payload}.${signature}`,
      `${header({ alg: 'ES256', jwk: 'key' })}.${payload}.${signature}`,
      `${header({ alg: 'ES256', jwk: null })}.${payload}.${signature}`,
      `${token}.`,
      '',
      '..',
      'a.b.c',
    ]
    for (const text of texts) assert.equal(await accepts(text), false, text)
  })
})

describe('no attestation', () => {
  it('takes anything and records nothing', async () => {
    const verdict = await noAttestation.verify({ challenge: CHALLENGE, assertionToken: 'x', assertionKeyId: 'y' })
    assert.deepEqual(verdict, { ok: true, keyId: null })
  })
})
