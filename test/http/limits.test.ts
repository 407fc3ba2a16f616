import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { NEW_ACCOUNTS_AN_HOUR } from '../../src/auth/rate-limits.ts'
import type { AuthorizationView } from '../../src/protocol/schemas.ts'
import { originKeys } from '../../src/use-cases/call.ts'
import {
  type Answer,
  callerOf,
  newContext,
  newPayer,
  PAYER_ADDRESS,
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from '../support/server.ts'
import { newEmail, PASSWORD } from './calls.ts'
import { assertProblem, ok } from './problems.ts'

const GUESSES = 10

/** Each test counts from nothing, so each has a server of its own. */
async function withServer(options: TestServerOptions, test: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer(options)
  try {
    await test(server)
  } finally {
    await server.stop()
  }
}

const count = (answers: Answer<object>[], code: string) => answers.filter(({ body }) => body.code === code).length
const times = <T>(n: number, call: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => call(index)))

describe('limits on calls', () => {
  it('count for each caller and each group of routes apart, in the documented preset', () =>
    withServer({ rateLimits: 'documented' }, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const { payee } = await newContext(server.url, payer)
      const anybody = callerOf(server.url)
      // Signing up and in has taken three of the ten.
      for (let call = 4; call <= 10; call++) ok(await anybody.get('/auth/get-challenge'), `call ${call}`)
      const refused = await anybody.get('/auth/get-challenge')
      assertProblem(refused, 'rate_limit')
      assert.ok(Number(refused.headers.get('retry-after')) <= 60)
      assertProblem(await anybody.post('/auth/sign-in', { type: 'resource', data: {} }), 'rate_limit')

      const reads = await times(61, () => payer.get('/vouchers'))
      assert.equal(count(reads, 'rate_limit'), 1)
      assert.equal(reads.filter(({ status }) => status === 200).length, 60)
      ok(await payee.get('/vouchers'), 'another caller is not held up')
      // One context has been opened already.
      const writes = await times(30, () => payer.post('/vouchers/contexts/context-open', {}))
      assert.equal(count(writes, 'rate_limit'), 1)
      assert.equal(count(writes, 'validation_failed'), 29)
      assert.equal(count(await times(61, () => anybody.get('/finance/networks')), 'rate_limit'), 1)
    }))

  it('count for an account, whichever of its keys and tokens the calls come with', () =>
    withServer({ rateLimits: 'documented' }, async (server) => {
      const { caller } = await newPayer(server.url)
      const made = await times(2, (nth) => caller.post<{ key: string }>('/auth/api-keys', { name: `till ${nth}` }))
      const callers = [caller, ...made.map((answer) => callerOf(server.url, { 'x-api-key': ok(answer).key }))]
      const reads = await times(90, (nth) => (callers[nth % 3] ?? caller).get('/vouchers'))
      assert.equal(count(reads, 'rate_limit'), 30)
    }))

  it('count for a payer all who signed in with its codes at one address, however often', () =>
    withServer({ rateLimits: 'documented' }, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const scenes = [await newContext(server.url, payer), await newContext(server.url, payer)]
      const { caller: otherPayer } = await newPayer(server.url)
      const reads = await times(90, (nth) => (scenes[nth % 2]?.payee ?? payer).get('/vouchers'))
      assert.equal(count(reads, 'rate_limit'), 30)
      ok((await newContext(server.url, otherPayer)).payee && (await otherPayer.get('/vouchers')))
    }))

  it('count bad tokens against the address', () =>
    withServer({ rateLimits: 'documented' }, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const answers = await times(12, () => callerOf(server.url, { authorization: 'Bearer x' }).get('/vouchers'))
      // Two of the ten went for signing up and in.
      assert.equal(count(answers, 'unauthorized'), 8)
      assert.equal(count(answers, 'rate_limit'), 4)
      ok(await payer.get('/vouchers'), 'good tokens go on')
    }))

  it('count for an address all its accounts together, but not where callers cannot be told apart', () =>
    withServer({ rateLimits: 'documented', operation: { trustProxy: 1 } }, async (server) => {
      const accounts: string[] = []
      for (let nth = 0; nth < 8; nth++) {
        const proxied = callerOf(server.url, { 'x-forwarded-for': `192.0.2.${nth}` })
        const data = { type: 'email-password', data: { email: newEmail(), password: PASSWORD } }
        ok(await proxied.post('/auth/sign-up', data))
        accounts.push(ok(await proxied.post<AuthorizationView>('/auth/sign-in', data)).authorization.token)
      }
      const readsFrom = (address: string | null, nth: number, calls: number) => {
        const from: Record<string, string> = address === null ? {} : { 'x-forwarded-for': address }
        const caller = callerOf(server.url, { ...from, authorization: `Bearer ${accounts[nth]}` })
        return times(calls, () => caller.get('/vouchers'))
      }
      for (let nth = 0; nth < 5; nth++) {
        assert.equal(count(await readsFrom('203.0.113.1', nth, 60), 'rate_limit'), 0, 'five of them are not cut off')
      }
      assert.equal(count(await readsFrom('203.0.113.1', 5, 50), 'rate_limit'), 47)
      assert.equal(count(await readsFrom('203.0.113.2', 6, 50), 'rate_limit'), 0, 'elsewhere')
      for (const nth of [6, 7]) assert.equal(count(await readsFrom('10.0.0.1', nth, 10), 'rate_limit'), 0)
    }))

  it('count new accounts for an address, by each way in, and let those sign in that have one', () =>
    withServer({ rateLimits: 'standard', operation: { trustProxy: 1 } }, async (server) => {
      const stranger = callerOf(server.url, { 'x-forwarded-for': '203.0.113.1' })
      const byEmail = () =>
        stranger.post('/auth/sign-up', { type: 'email-password', data: { email: newEmail(), password: PASSWORD } })
      const byWallet = async (wallet: ReturnType<typeof privateKeyToAccount>) => {
        const { challenge } = ok(await stranger.get<{ challenge: string }>('/auth/get-challenge'))
        const { host } = new URL(server.url)
        const message = createSiweMessage({
          ...{ address: wallet.address, chainId: 31338, domain: host, nonce: challenge, uri: server.url, version: '1' },
        })
        const signature = await wallet.signMessage({ message })
        return stranger.post('/auth/sign-in', { type: 'wallet', data: { message, signature } })
      }
      const known = privateKeyToAccount(generatePrivateKey())
      ok(await byWallet(known))
      // As other nodes have counted.
      for (let nth = 2; nth < NEW_ACCOUNTS_AN_HOUR.standard; nth++) {
        await server.app.limits.consumeNewAccount(originKeys('203.0.113.1'))
      }
      ok(await byEmail())
      assertProblem(await byEmail(), 'rate_limit')
      assertProblem(await byWallet(privateKeyToAccount(generatePrivateKey())), 'rate_limit')
      ok(await byWallet(known))
      ok(await (await newPayer(server.url)).caller.get('/vouchers'), 'elsewhere')
    }))

  it('leave a shop alone that polls every two seconds, in the standard preset', () =>
    withServer({ rateLimits: 'standard' }, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const { payee } = await newContext(server.url, payer)
      const polls = await times(40, () => payee.get('/vouchers'))
      assert.equal(count(polls, 'rate_limit'), 0)
      assert.equal(
        count(await times(130, () => callerOf(server.url).get('/auth/get-challenge')), 'rate_limit') > 0,
        true,
      )
    }))

  it('are off where they are switched off', () =>
    withServer({ rateLimits: 'off' }, async (server) => {
      const answers = await times(150, () => callerOf(server.url).get('/auth/get-challenge'))
      assert.equal(count(answers, 'rate_limit'), 0)
    }))
})

describe('guesses, also where other limits are off', () => {
  const signIn = (server: TestServer, code: string) =>
    callerOf(server.url).post('/auth/sign-in', {
      ...{ type: 'resource', data: { resource: `voucher::context::code::${code}` } },
    })

  it('at context codes end after ten wrong ones, even for the right one', () =>
    withServer({}, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const { payee, context } = await newContext(server.url, payer)
      for (let guess = 1; guess <= GUESSES; guess++) {
        ok(await signIn(server, context.code), 'right ones do not count')
        assertProblem(await signIn(server, `ZZZZZ${guess - 1}`), 'invalid_credentials', `guess ${guess}`)
      }
      const refused = await signIn(server, context.code)
      assertProblem(refused, 'rate_limit', 'the right one')
      const wait = Number(refused.headers.get('retry-after'))
      assert.ok(wait > 14 * 60 && wait <= 15 * 60, `${wait}`)
      assert.deepEqual((await signIn(server, 'ZZZZZZ')).body, refused.body, 'a wrong one looks the same')
      ok(await payee.post('/vouchers/reserve-voucher', { code: context.code }), 'whoever is in goes on')
    }))

  it('at context codes by somebody with an account count too', () =>
    withServer({}, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const { context } = await newContext(server.url, payer)
      const { caller: guesser } = await newPayer(server.url)
      const paths = ['/vouchers/reserve-voucher', '/vouchers/sessions/session-open']
      for (let guess = 0; guess < GUESSES; guess++) {
        assertProblem(await guesser.post(paths[guess % 2] ?? '', { code: `ZZZZZ${guess}` }), 'not_found')
      }
      for (const path of paths) assertProblem(await guesser.post(path, { code: context.code }), 'rate_limit')
    }))

  it('at codes of contexts that are over count as wrong, by each way in, but not for their own payer', () =>
    withServer({}, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const { context: live } = await newContext(server.url, payer)
      const dead: string[] = []
      for (let nth = 0; nth < 30; nth++) {
        const body = { format: 'numeric', payers: [{ address: PAYER_ADDRESS }] }
        const { id, code } = ok(await payer.post<{ id: string; code: string }>('/vouchers/contexts/context-open', body))
        ok(await payer.post(`/vouchers/contexts/${id}/context-close`, { payeeId: null }))
        dead.push(code)
      }
      for (const code of dead) assertProblem(await payer.post('/vouchers/reserve-voucher', { code }), 'invalid_code')
      const { caller: guesser } = await newPayer(server.url)
      const ways = [
        (code: string) => guesser.post('/vouchers/reserve-voucher', { code }),
        (code: string) => guesser.post('/vouchers/sessions/session-open', { code }),
        (code: string) => signIn(server, code),
      ]
      const answers: Answer<object>[] = []
      for (const [nth, code] of dead.slice(0, GUESSES).entries()) {
        answers.push((await (ways[nth % 3] ?? ways[0])?.(code)) as Answer<object>)
      }
      assert.equal(count(answers, 'rate_limit'), 0)
      for (const way of ways) assertProblem(await way(live.code), 'rate_limit')
    }))

  it('in parallel learn no more than ten one after the other', () =>
    withServer({}, async (server) => {
      const { caller: payer } = await newPayer(server.url)
      const { context } = await newContext(server.url, payer)
      const answers = await times(48, (index) => signIn(server, index === 40 ? context.code : `ZZZZ${10 + index}`))
      assert.equal(count(answers, 'invalid_credentials'), GUESSES)
      assert.ok(count(answers, 'rate_limit') >= 48 - GUESSES - 1)
    }))

  it('at a password end after ten wrong ones, in parallel too', () =>
    withServer({}, async (server) => {
      const data = { email: newEmail(), password: PASSWORD }
      const post = (path: string, changed: object = {}) =>
        callerOf(server.url).post(path, { type: 'email-password', data: { ...data, ...changed } })
      ok(await post('/auth/sign-up'))
      ok(await post('/auth/sign-in'))
      const answers = await times(24, (index) => post('/auth/sign-in', { password: `wrong password ${index}` }))
      assert.equal(count(answers, 'invalid_credentials'), GUESSES)
      assert.equal(count(answers, 'rate_limit'), 24 - GUESSES)
      assertProblem(await post('/auth/sign-in'), 'rate_limit', 'the right one')
    }))

  it('of strangers at a password lock nobody out where its owner has signed in, and are bounded all the same', () =>
    withServer({ operation: { trustProxy: 1 } }, async (server) => {
      const data = { email: newEmail(), password: PASSWORD }
      const from = (address: string, path: string, changed: object = {}) =>
        callerOf(server.url, { 'x-forwarded-for': address }).post(path, {
          ...{ type: 'email-password', data: { ...data, ...changed } },
        })
      const guess = (address: string) => from(address, '/auth/sign-in', { password: 'a wrong password' })
      ok(await from('203.0.113.1', '/auth/sign-up'))
      ok(await from('203.0.113.1', '/auth/sign-in'))
      for (let nth = 0; nth < GUESSES; nth++) assertProblem(await guess('198.51.100.1'), 'invalid_credentials')
      assertProblem(await guess('198.51.100.1'), 'rate_limit')
      ok(await from('203.0.113.1', '/auth/sign-in'), 'the owner, where it has been before')
      ok(await from('203.0.113.2', '/auth/sign-in'), 'and elsewhere')
      const answers = await times(120, (nth) => guess(`198.51.100.${10 + nth}`))
      assert.equal(count(answers, 'invalid_credentials'), 100 - GUESSES, 'all the world together')
      assertProblem(await from('203.0.113.3', '/auth/sign-in'), 'rate_limit', 'the owner, where it never was')
      ok(await from('203.0.113.1', '/auth/sign-in'), 'the owner, where it has been before')
    }))
})
