import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import {
  decodeJwt,
  decodeProtectedHeader,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import type { TokenKey } from '../../src/auth/secrets.ts'
import { loadSecrets } from '../../src/auth/secrets-file.ts'
import { createTokens, type TokenHolder, type Tokens } from '../../src/auth/tokens.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const START_MS = Date.UTC(2026, 0, 1)

const HOLDERS: TokenHolder[] = [
  { kind: 'user', accountId: 'usr_019b1' },
  { kind: 'payee', payeeId: 'ab'.repeat(32), contextId: 'ctx_019b2' },
  { kind: 'operator' },
]
const USER = HOLDERS[0] ?? { kind: 'operator' }

function newKey(kid: string): TokenKey {
  return { kid, key: randomBytes(32), signsFromMs: START_MS }
}

/** A server's tokens, its key, and its clock. */
function setUp() {
  const time = { nowMs: START_MS }
  const tokenKey = newKey('k1')
  const tokens = createTokens({ secrets: { tokenKeys: [tokenKey] }, clock: () => time.nowMs })
  return { time, tokenKey, tokens }
}

/** A token like the server's own but for what is given. */
async function forge(input: {
  key: Uint8Array
  header?: Partial<JWTHeaderParameters>
  claims?: JWTPayload
  without?: string[]
}): Promise<string> {
  const claims: JWTPayload = {
    kind: 'user',
    sub: 'usr_019b1',
    iss: 'sixpence',
    aud: 'sixpence',
    jti: 'any',
    iat: START_MS / 1000,
    exp: START_MS / 1000 + 3600,
    ...input.claims,
  }
  const kept = Object.entries(claims).filter(([name]) => !input.without?.includes(name))
  return new SignJWT(Object.fromEntries(kept))
    .setProtectedHeader({ alg: 'HS256', kid: 'k1', ...input.header })
    .sign(input.key)
}

async function verdicts(tokens: Tokens, token: string) {
  return [await tokens.verify(token), await tokens.verify(token)]
}

describe('tokens', () => {
  for (const holder of HOLDERS) {
    it(`say again whom they were issued to: ${holder.kind}`, async () => {
      const { tokens } = setUp()
      const token = await tokens.issue(holder)
      for (const claims of await verdicts(tokens, token)) {
        assert.ok(claims !== null)
        const { tokenId, issuedAtMs, expiresAtMs, ...rest } = claims
        assert.deepEqual(rest, holder)
        assert.equal(issuedAtMs, START_MS)
        assert.equal(expiresAtMs - issuedAtMs, holder.kind === 'operator' ? 60_000 : DAY_MS)
        assert.equal(tokenId, decodeJwt(token).jti)
      }
    })
  }

  it('carry the claims and the header of the protocol', async () => {
    const { tokens } = setUp()
    const token = await tokens.issue(USER)
    assert.deepEqual(decodeProtectedHeader(token), { alg: 'HS256', typ: 'JWT', kid: 'k1' })
    const { jti, ...claims } = decodeJwt(token)
    const iat = START_MS / 1000
    assert.deepEqual(claims, {
      kind: 'user',
      sub: 'usr_019b1',
      iss: 'sixpence',
      aud: 'sixpence',
      iat,
      exp: iat + 86_400,
    })
    assert.notEqual(jti, decodeJwt(await tokens.issue(USER)).jti)
  })

  it('end by the clock, whether or not they were verified before', async () => {
    const { tokens, time } = setUp()
    const [seen, unseen] = [await tokens.issue(USER), await tokens.issue(USER)]
    assert.ok(await tokens.verify(seen))
    time.nowMs += DAY_MS - 1
    assert.ok(await tokens.verify(seen))
    time.nowMs += 1
    assert.equal(await tokens.verify(seen), null)
    assert.equal(await tokens.verify(unseen), null)
  })

  it('survive a restart and a rotation, and end with their key', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'sixpence-tokens-'))
    after(() => rmSync(dataDir, { recursive: true, force: true }))
    const startAt = (nowMs: number) => createTokens({ secrets: loadSecrets({ dataDir, nowMs }), clock: () => nowMs })
    startAt(START_MS)
    const day30 = START_MS + 30 * DAY_MS
    const token = await startAt(day30).issue(USER)
    assert.ok(await startAt(day30 + HOUR_MS).verify(token))
    const newer = await startAt(day30 + 2 * HOUR_MS).issue(USER)
    assert.notEqual(decodeProtectedHeader(newer).kid, decodeProtectedHeader(token).kid)
    assert.ok(await startAt(day30 + 23 * HOUR_MS).verify(token))
    assert.equal(await startAt(day30 + 3 * DAY_MS).verify(token), null)
  })

  it('are signed by the first key and verified by each', async () => {
    const [older, newer] = [newKey('older'), newKey('newer')]
    const clock = () => START_MS
    const before = createTokens({ secrets: { tokenKeys: [older] }, clock })
    const now = createTokens({ secrets: { tokenKeys: [newer, older] }, clock })
    assert.ok(await now.verify(await before.issue(USER)))
    assert.equal(await before.verify(await now.issue(USER)), null)
  })
})

describe('a token is nothing', () => {
  it('unless it is like the server makes them (the forger of these tests can forge)', async () => {
    const { tokens, tokenKey } = setUp()
    assert.ok(await tokens.verify(await forge({ key: tokenKey.key })))
  })

  it('without a signature (alg none)', async () => {
    const { tokens } = setUp()
    const [, payload] = (await tokens.issue(USER)).split('.')
    const header = Buffer.from(JSON.stringify({ alg: 'none', kid: 'k1' })).toString('base64url')
    const unsecured = new UnsecuredJWT({ ...decodeJwt(await tokens.issue(USER)) }).encode()
    for (const token of [`${header}.${payload}.`, `${header}.${payload}.AA`, `${header}.${payload}`, unsecured]) {
      assert.deepEqual(await verdicts(tokens, token), [null, null])
    }
  })

  it('with another algorithm, key or kid', async () => {
    const { tokens, tokenKey } = setUp()
    const { key } = tokenKey
    const forged = [
      await forge({ key: Buffer.concat([key, key]), header: { alg: 'HS512' } }),
      await forge({ key: Buffer.concat([key, key]), header: { alg: 'HS384' } }),
      await forge({ key: randomBytes(32) }),
      await forge({ key, header: { kid: 'k2' } }),
      await forge({ key, header: { kid: '__proto__' } }),
      await forge({ key, header: { kid: undefined } }),
    ]
    for (const token of forged) assert.deepEqual(await verdicts(tokens, token), [null, null])
  })

  it('with another issuer, audience or time', async () => {
    const { tokens, tokenKey } = setUp()
    const { key } = tokenKey
    const forged = [
      await forge({ key, claims: { iss: 'fourpence' } }),
      await forge({ key, claims: { aud: 'fourpence' } }),
      await forge({ key, claims: { exp: START_MS / 1000 } }),
      await forge({ key, claims: { nbf: START_MS / 1000 + 1 } }),
    ]
    for (const token of forged) assert.deepEqual(await verdicts(tokens, token), [null, null])
  })

  for (const claim of ['sub', 'exp', 'iat', 'jti', 'iss', 'aud', 'kind']) {
    it(`without ${claim}`, async () => {
      const { tokens, tokenKey } = setUp()
      assert.equal(await tokens.verify(await forge({ key: tokenKey.key, without: [claim] })), null)
    })
  }

  it('with claims of no holder', async () => {
    const { tokens, tokenKey } = setUp()
    const { key } = tokenKey
    const forged = [
      await forge({ key, claims: { kind: 'admin' } }),
      await forge({ key, claims: { sub: 'ab'.repeat(32) } }),
      await forge({ key, claims: { kind: 'payee', sub: 'ab'.repeat(32) } }),
      await forge({ key, claims: { kind: 'payee', ctx: 'ctx_019b2' } }),
    ]
    for (const token of forged) assert.equal(await tokens.verify(token), null)
  })

  it('after any change', async () => {
    const { tokens } = setUp()
    const token = await tokens.issue(USER)
    const [header = '', payload = '', signature = ''] = token.split('.')
    const raised = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'usr_other' })).toString('base64url')
    const swapped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
    const changed = [`${header}.${raised}.${signature}`, `${header}.${payload}.${swapped}`, `${header}.${payload}.`]
    for (const text of changed) assert.deepEqual(await verdicts(tokens, text), [null, null])
    assert.ok(await tokens.verify(token))
  })

  it('in any other spelling of a good one, or as nonsense', async () => {
    const { tokens } = setUp()
    const token = await tokens.issue(USER)
    const texts = [
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      `${token}.a`,
      '',
      '.',
      '..',
      'a.b.c',
      '\u0000',
      'e30.e30.e30',
    ]
    for (const text of [...texts, 'a'.repeat(100_000), `${token}.${token}`])
      assert.equal(await tokens.verify(text), null)
  })
})
