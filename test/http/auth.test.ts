import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { CompactSign, calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, exportJWK } from 'jose'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { jwsAttestation } from '../../src/auth/attestation.ts'
import type {
  AccountView,
  ApiKeyView,
  AuthorizationView,
  ContextView,
  NewApiKeyView,
  ReservedView,
  VoucherView,
} from '../../src/protocol/schemas.ts'
import {
  callerOf,
  newParties,
  newPayer,
  reserve,
  signInByCode,
  startTestServer,
  type TestCaller,
  type TestServer,
  withToken,
} from '../support/server.ts'
import { newEmail, PASSWORD, PAYER_WALLET } from './calls.ts'
import { assertInvalidFields, assertProblem, ok } from './problems.ts'

const MINUTE_MS = 60_000
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

let server: TestServer
let anybody: TestCaller
before(async () => {
  server = await startTestServer({ attestation: jwsAttestation })
  anybody = callerOf(server.url)
})
after(() => server.stop())

const signUp = (type: string, data: object) => anybody.post<AccountView>('/auth/sign-up', { type, data })
const signIn = (type: string, data: object) => anybody.post<AuthorizationView>('/auth/sign-in', { type, data })
const signInWithCode = (code: string) => signIn('resource', { resource: `voucher::context::code::${code}` })
const challenge = async () => ok(await anybody.get<{ challenge: string }>('/auth/get-challenge')).challenge
const callerWith = ({ authorization }: AuthorizationView) => withToken(server.url, authorization.token)

describe('sign-up and sign-in', () => {
  it('refuse a type that they do not know', async () => {
    for (const type of ['', 'EMAIL-PASSWORD', 'resource ', '__proto__', 'oauth']) {
      assertProblem(await signUp(type, {}), 'invalid_type', type)
      assertProblem(await signIn(type, {}), 'invalid_type', type)
    }
    for (const type of ['resource', 'wallet']) assertProblem(await signUp(type, {}), 'invalid_type', type)
  })

  it('name each wrong field of the data', async () => {
    const long = 'x'.repeat(300)
    const wrong: [string, object, string[]][] = [
      ['email-password', {}, ['/data/email', '/data/password']],
      ['email-password', { email: 'a@', password: PASSWORD }, ['/data/email']],
      ['email-password', { email: 'nobody', password: PASSWORD }, ['/data/email']],
      ['email-password', { email: 'a b@example.com', password: PASSWORD }, ['/data/email']],
      ['email-password', { email: `${long}@example.com`, password: PASSWORD }, ['/data/email']],
      ['email-password', { email: newEmail(), password: 'seven77' }, ['/data/password']],
      ['email-password', { email: newEmail(), password: long }, ['/data/password']],
      ['mobile-device', { installationId: 'i'.repeat(31), password: 'p'.repeat(32) }, ['/data/installationId']],
      ['mobile-device', { installationId: 'i'.repeat(32), password: 'p'.repeat(31) }, ['/data/password']],
    ]
    for (const [type, data, fields] of wrong) {
      assertInvalidFields(await signIn(type, data), fields, JSON.stringify(data).slice(0, 80))
      if (type === 'email-password') assertInvalidFields(await signUp(type, data), fields)
    }
    assertInvalidFields(await signIn('resource', {}), ['/data/resource'])
    assertInvalidFields(await signIn('resource', { resource: 'voucher::code::123456' }), ['/data/resource'])
    assertInvalidFields(await signIn('wallet', { message: '' }), ['/data/message', '/data/signature'])
    assertInvalidFields(await signIn('wallet', { message: 'x', signature: '0x123' }), ['/data/signature'])
  })
})

describe('an account by email and password', () => {
  it('is made once and let in, whatever the case of the address', async () => {
    const email = newEmail()
    const account = ok(await signUp('email-password', { email, password: PASSWORD }))
    assert.deepEqual(Object.keys(account).toSorted(), ['createdAt', 'id', 'role', 'updatedAt'])
    assert.match(account.id, /^usr_[0-9a-f]{24,}$/)
    assert.equal(account.role, 'USER')
    assert.match(account.createdAt, ISO_TIME)
    const shouted = { email: email.toUpperCase(), password: PASSWORD }
    assertProblem(await signUp('email-password', shouted), 'already_exists')
    const { token } = ok(await signIn('email-password', shouted)).authorization
    const claims = decodeJwt(token)
    assert.equal(claims.sub, account.id)
    assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 24 * 60 * 60)
    for (const claim of [claims.iss, claims.aud, claims.jti]) assert.ok(claim)
    const { alg, kid } = decodeProtectedHeader(token)
    assert.equal(alg, 'HS256')
    assert.ok(kid)
  })

  it('does not tell a wrong password from an unknown address', async () => {
    const email = newEmail()
    ok(await signUp('email-password', { email, password: PASSWORD }))
    const wrong = await signIn('email-password', { email, password: `${PASSWORD}!` })
    assertProblem(wrong, 'invalid_credentials')
    assert.deepEqual((await signIn('email-password', { email: newEmail(), password: PASSWORD })).body, wrong.body)
  })
})

describe('an account by device', () => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  async function attested(signed: string, changed: object = {}) {
    const jwk = await exportJWK(keys.publicKey)
    const assertionToken = await new CompactSign(new TextEncoder().encode(signed))
      .setProtectedHeader({ alg: 'ES256', jwk })
      .sign(keys.privateKey)
    return {
      installationId: randomBytes(16).toString('hex'),
      password: 'p'.repeat(32),
      platform: 'android',
      challenge: signed,
      assertionToken,
      assertionKeyId: await calculateJwkThumbprint(jwk),
      ...changed,
    }
  }

  it('is made by a key that signs the challenge, and let in by its password', async () => {
    const text = await challenge()
    assert.match(text, /^[0-9a-f]{48}$/)
    assert.notEqual(await challenge(), text)
    const device = await attested(text)
    const { id } = ok(await signUp('mobile-device', device))
    const { installationId, password } = device
    const { token } = ok(await signIn('mobile-device', { installationId, password })).authorization
    assert.equal(decodeJwt(token).sub, id)
    assertProblem(await signIn('mobile-device', { installationId, password: 'q'.repeat(32) }), 'invalid_credentials')
  })

  it('costs a challenge of this server, unused and not older than five minutes', async () => {
    const used = await challenge()
    ok(await signUp('mobile-device', await attested(used)))
    assertInvalidFields(await signUp('mobile-device', await attested(used)), ['/data/challenge'])
    assertInvalidFields(await signUp('mobile-device', await attested('0'.repeat(48))), ['/data/challenge'])
    const stale = await challenge()
    server.clock.advance(5 * MINUTE_MS)
    assertInvalidFields(await signUp('mobile-device', await attested(stale)), ['/data/challenge'])
  })

  it('stays unspent where the sign-up fails', async () => {
    const known = await attested(await challenge())
    ok(await signUp('mobile-device', known))
    const fresh = await challenge()
    const { installationId } = known
    assertProblem(await signUp('mobile-device', await attested(fresh, { installationId })), 'already_exists')
    ok(await signUp('mobile-device', await attested(fresh)))
  })

  it('needs an assertion over this very challenge by the key that it names', async () => {
    const text = await challenge()
    const { assertionToken } = await attested(await challenge())
    for (const changed of [{ assertionToken }, { assertionToken: 'a.b.c' }, { assertionKeyId: 'k'.repeat(43) }]) {
      assertInvalidFields(await signUp('mobile-device', await attested(text, changed)), ['/data/assertionToken'])
    }
    for (const [field, value] of Object.entries({ platform: 'windows', challenge: text.slice(1) })) {
      assertInvalidFields(await signUp('mobile-device', await attested(text, { [field]: value })), [`/data/${field}`])
    }
    ok(await signUp('mobile-device', await attested(text)), 'nothing of that spent the challenge')
  })
})

describe('an account by wallet', () => {
  async function signed(changed: object = {}, wallet = PAYER_WALLET, signer = wallet) {
    const message = createSiweMessage({
      address: wallet.address,
      chainId: 31338,
      domain: new URL(server.url).host,
      uri: server.url,
      nonce: await challenge(),
      version: '1',
      issuedAt: new Date(server.clock.now()),
      ...changed,
    })
    return { message, signature: await signer.signMessage({ message }) }
  }

  it('is made at the first sign-in and found at the next', async () => {
    const wallet = privateKeyToAccount(generatePrivateKey())
    const first = callerWith(ok(await signIn('wallet', await signed({}, wallet))))
    const body = { format: 'numeric', payers: [{ address: wallet.address }] }
    const { id } = ok(await first.post<ContextView>('/vouchers/contexts/context-open', body))
    const again = callerWith(ok(await signIn('wallet', await signed({}, wallet))))
    ok(await again.get(`/vouchers/contexts/${id}`))
    const other = callerWith(ok(await signIn('wallet', await signed({}, privateKeyToAccount(generatePrivateKey())))))
    assertProblem(await other.get(`/vouchers/contexts/${id}`), 'not_found')
  })

  it('takes a challenge as nonce once', async () => {
    const data = await signed()
    ok(await signIn('wallet', data))
    assertProblem(await signIn('wallet', data), 'invalid_credentials')
  })

  it('takes no message for another place, chain, time or nonce, and none that another key signed', async () => {
    const stranger = privateKeyToAccount(generatePrivateKey())
    const longAgo = new Date(server.clock.now() - 7 * MINUTE_MS)
    const wrong = {
      domain: await signed({ domain: 'evil.example' }),
      uri: await signed({ uri: 'http://evil.example' }),
      chain: await signed({ chainId: 1 }),
      age: await signed({ issuedAt: longAgo }),
      end: await signed({ expirationTime: longAgo }),
      nonce: await signed({ nonce: '0'.repeat(48) }),
      signer: await signed({}, PAYER_WALLET, stranger),
      text: { ...(await signed()), message: 'let me in' },
      signature: { ...(await signed()), signature: '0x1234' },
    }
    for (const [name, data] of Object.entries(wrong)) {
      assertProblem(await signIn('wallet', data), 'invalid_credentials', name)
    }
  })
})

describe('a wallet is told', () => {
  const wallet = privateKeyToAccount(generatePrivateKey())

  /** A message of today's form whose lines are changed; what it is refused with, or null. */
  async function refusalOf(change: (message: string) => string): Promise<string | null> {
    const { host } = new URL(server.url)
    const message = change(
      createSiweMessage({
        address: wallet.address,
        chainId: 31338,
        domain: host,
        uri: server.url,
        nonce: await challenge(),
        version: '1',
        issuedAt: new Date(server.clock.now()),
      }),
    )
    const answer = await signIn('wallet', { message, signature: await wallet.signMessage({ message }) })
    if (answer.status === 200) return null
    assertProblem(answer, 'invalid_credentials')
    return (answer.body as { detail: string }).detail
  }
  const at = (offsetMs: number) => new Date(server.clock.now() + offsetMs).toISOString()
  const issued = (offsetMs: number) => (message: string) =>
    message.replace(/Issued At: .*/, `Issued At: ${at(offsetMs)}`)

  it('of its clock where the challenge is fresh, and of the challenge where it is not', async () => {
    assert.match((await refusalOf(issued(-30 * MINUTE_MS))) ?? '', /the clock of the wallet is slow/)
    assert.match((await refusalOf(issued(30 * MINUTE_MS))) ?? '', /the clock of the wallet is fast/)
    const unknown = (message: string) => message.replace(/Nonce: .*/, `Nonce: ${'0'.repeat(48)}`)
    assert.match((await refusalOf((message) => unknown(issued(-30 * MINUTE_MS)(message)))) ?? '', /must be a challenge/)
    const notBefore = (offsetMs: number) => (message: string) => `${message}\nNot Before: ${at(offsetMs)}`
    assert.equal(await refusalOf(notBefore(45_000)), null)
    assert.match((await refusalOf(notBefore(2 * MINUTE_MS))) ?? '', /not valid yet/)
  })

  it('of the checksum that its address lacks', async () => {
    const lower = (message: string) => message.replace(wallet.address, wallet.address.toLowerCase())
    assert.match((await refusalOf(lower)) ?? '', new RegExp(`EIP-55.*${wallet.address}`))
  })

  it('nothing where it names the machine by another of its names', async () => {
    const { host, port } = new URL(server.url)
    const naming = (other: string) => (message: string) => message.replaceAll(host, other)
    for (const other of [`localhost:${port}`, `[::1]:${port}`, `[0:0:0:0:0:0:0:1]:${port}`]) {
      assert.equal(await refusalOf(naming(other)), null, other)
    }
    assert.match((await refusalOf(naming('localhost:1'))) ?? '', /is meant for localhost:1/)
  })
})

describe('a payee by context code', () => {
  it('may type the code as it was heard', async () => {
    const { context } = await newParties(server.url)
    const { code } = context
    const heard = [code.toLowerCase(), ` ${code} `, code.replaceAll('0', 'o'), code.replaceAll('1', 'l')]
    for (const typed of [...heard, code.replaceAll('1', 'I').replaceAll('0', 'O')])
      ok(await signInWithCode(typed), typed)
  })

  it('is somebody else at each sign-in', async () => {
    const parties = await newParties(server.url)
    const payee = withToken(server.url, await signInByCode(server.url, parties.context.code))
    const ids = [(await reserve(parties)).id, (await reserve({ ...parties, payee })).id]
    const vouchers = ok(await parties.payer.get<VoucherView[]>('/vouchers'))
    assert.deepEqual(vouchers.map(({ id }) => id).toSorted(), ids.toSorted())
    const payeeIds = new Set(vouchers.map(({ payeeId }) => payeeId))
    assert.equal(payeeIds.size, 2)
    for (const payeeId of payeeIds) assert.match(payeeId, /^[0-9a-f]{64}$/)
  })

  it('gets in neither by a closed nor by an expired nor by an unknown code', async () => {
    const closed = await newParties(server.url)
    ok(await closed.payer.post(`/vouchers/contexts/${closed.context.id}/context-close`, { payeeId: null }))
    assertProblem(await signInWithCode(closed.context.code), 'invalid_credentials', 'closed')
    const expired = await newParties(server.url)
    server.clock.advance(10 * MINUTE_MS)
    assertProblem(await signInWithCode(expired.context.code), 'invalid_credentials', 'expired')
    for (const code of ['ZZZZZZ', 'ZZZ', '']) assertProblem(await signInWithCode(code), 'invalid_credentials', code)
  })
})

describe('an API key', () => {
  const keyed = ({ key }: NewApiKeyView) => callerOf(server.url, { 'x-api-key': key })
  const make = async (by: TestCaller, body: object = { name: 'till 1' }) =>
    ok(await by.post<NewApiKeyView>('/auth/api-keys', body))

  it('is shown once, listed by its prefix, and works until it is revoked', async () => {
    const { caller: owner, accountId } = await newPayer(server.url)
    const made = await make(owner)
    const { key, ...kept } = made
    assert.ok(key.startsWith(kept.prefix) && key.length > kept.prefix.length + 30)
    assert.equal(kept.ownerId, accountId)
    assert.deepEqual(ok(await owner.get<ApiKeyView[]>('/auth/api-keys')), [kept])
    ok(await keyed(made).get('/vouchers'))
    const revoked = ok(await owner.post<ApiKeyView>(`/auth/api-keys/${made.id}/revoke`))
    assert.match(revoked.revokedAt ?? '', ISO_TIME)
    assertProblem(await keyed(made).get('/vouchers'), 'unauthorized')
    assert.deepEqual(
      ok(await owner.post(`/auth/api-keys/${made.id}/revoke`)),
      revoked,
      'revoking again changes nothing',
    )
  })

  it('acts as payee over many contexts, and never as payer', async () => {
    const shop = await newParties(server.url)
    const key = keyed(await make(shop.payer))
    const places = [await newParties(server.url), await newParties(server.url)]
    const made: ReservedView[] = []
    for (const { context } of places) made.push(await reserve({ ...shop, payee: key, context }))
    const seen = ok(await key.get<VoucherView[]>('/vouchers'))
    assert.deepEqual(seen.map(({ id }) => id).toSorted(), made.map(({ id }) => id).toSorted())
    assert.equal(new Set(seen.map(({ payeeId }) => payeeId)).size, 1)
    await reserve(shop)
    assert.equal(ok(await key.get<VoucherView[]>('/vouchers')).length, 2, "the owner's own payments are not the shop's")
    ok(await shop.payer.post(`/vouchers/${made[0]?.id}/discard-voucher`), 'the owner may do what its keys may')
    const body = { format: 'numeric', payers: shop.context.payers }
    assertProblem(await key.post('/vouchers/contexts/context-open', body), 'forbidden')
    assertProblem(await key.post('/auth/api-keys', { name: 'more' }), 'forbidden')
  })

  it('ends itself, and no other key of its owner', async () => {
    const { caller: owner } = await newPayer(server.url)
    const [one, other] = [await make(owner), await make(owner)]
    assertProblem(await keyed(one).post(`/auth/api-keys/${other.id}/revoke`), 'not_found')
    const { revokedAt } = ok(await keyed(one).post<ApiKeyView>(`/auth/api-keys/${one.id}/revoke`))
    assert.match(revokedAt ?? '', ISO_TIME)
    assertProblem(await keyed(one).get('/vouchers'), 'unauthorized')
    ok(await keyed(other).get('/vouchers'))
  })

  it("is the owner's alone", async () => {
    const { caller: owner } = await newPayer(server.url)
    const { caller: other, accountId: otherId } = await newPayer(server.url)
    const made = await make(owner)
    assertProblem(await other.post(`/auth/api-keys/${made.id}/revoke`), 'not_found')
    assertProblem(await owner.post('/auth/api-keys/key_0/revoke'), 'not_found')
    assert.deepEqual(ok(await other.get<ApiKeyView[]>('/auth/api-keys')), [])
    assertInvalidFields(await owner.post('/auth/api-keys', { name: 'x', ownerId: otherId }), ['/ownerId'])
    ok(await keyed(made).get('/vouchers'))
  })

  it('is made by the operator for an account, or with a new one', async () => {
    const operator = withToken(server.url, await server.app.tokens.issue({ kind: 'operator' }))
    const { caller: owner, accountId } = await newPayer(server.url)
    const made = await make(operator, { name: 'shop', ownerId: accountId })
    assert.equal(made.ownerId, accountId)
    const alone = await make(operator, { name: 'new shop' })
    assert.match(alone.ownerId, /^usr_/)
    assertInvalidFields(await operator.post('/auth/api-keys', { name: 'x', ownerId: 'usr_0' }), ['/ownerId'])
    const all = ok(await operator.get<ApiKeyView[]>('/auth/api-keys'))
    assert.deepEqual(
      all.slice(0, 2).map(({ id }) => id),
      [alone.id, made.id],
    )
    assert.deepEqual(
      ok(await owner.get<ApiKeyView[]>('/auth/api-keys')).map(({ id }) => id),
      [made.id],
    )
    ok(await operator.post(`/auth/api-keys/${made.id}/revoke`))
    assertProblem(await keyed(made).get('/vouchers'), 'unauthorized')
  })
})
