import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Operation } from '../../src/server.ts'
import { callerOf, startTestServer, type TestServer } from '../support/server.ts'
import { assertProblem, ok } from './problems.ts'

/** What the documented preset lets an address have of challenges in a minute. */
const CALLS = 10

type TrustProxy = Operation['trustProxy']

async function behind(trustProxy: TrustProxy, test: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer({ rateLimits: 'documented', operation: { trustProxy } })
  try {
    await test(server)
  } finally {
    await server.stop()
  }
}

const ask = ({ url }: TestServer, forwardedFor: string) =>
  callerOf(url, { 'x-forwarded-for': forwardedFor }).get('/auth/get-challenge')

/** Uses up the calls of whoever these calls are counted for. */
async function useUp(server: TestServer, forwardedFor: (call: number) => string): Promise<void> {
  for (let call = 1; call <= CALLS; call++) ok(await ask(server, forwardedFor(call)), `call ${call}`)
}

describe('an address that the caller claims', () => {
  it('counts for nothing where no proxy is trusted', () =>
    behind(0, async (server) => {
      await useUp(server, (call) => `192.0.2.${call}`)
      assertProblem(await ask(server, '192.0.2.99'), 'rate_limit')
    }))

  it('counts for nothing where the peer is none of the trusted proxies', () =>
    behind(['10.0.0.0/8'], async (server) => {
      await useUp(server, (call) => `192.0.2.${call}`)
      assertProblem(await ask(server, '192.0.2.99'), 'rate_limit')
    }))

  const trusting: Record<string, TrustProxy> = { 'by address': ['127.0.0.1'], 'by number': 1 }
  for (const [how, trustProxy] of Object.entries(trusting)) {
    it(`counts where a proxy trusted ${how} says so, and each caller has calls of their own`, () =>
      behind(trustProxy, async (server) => {
        await useUp(server, () => '192.0.2.1')
        assertProblem(await ask(server, '192.0.2.1'), 'rate_limit')
        ok(await ask(server, '192.0.2.2'))
      }))

    it(`counts only as the proxy trusted ${how} saw it: what came before is the caller's own word`, () =>
      behind(trustProxy, async (server) => {
        await useUp(server, (call) => `198.51.100.${call}, 192.0.2.1`)
        assertProblem(await ask(server, '198.51.100.99, 192.0.2.1'), 'rate_limit')
      }))
  }

  it('is looked for behind each of several proxies', () =>
    behind(['127.0.0.1', '10.0.0.0/8'], async (server) => {
      await useUp(server, (call) => `192.0.2.1, 10.0.0.${call}`)
      assertProblem(await ask(server, '192.0.2.1, 10.0.0.99'), 'rate_limit')
      ok(await ask(server, '192.0.2.2, 10.0.0.1'))
    }))

  it('is the same at each of its ports, which some proxies say, too', () =>
    behind(1, async (server) => {
      await useUp(server, (call) => `192.0.2.1:${50_000 + call}`)
      assertProblem(await ask(server, '192.0.2.1'), 'rate_limit')
      await useUp(server, (call) => `[2001:db8::1]:${50_000 + call}`)
      assertProblem(await ask(server, '2001:db8::ffff'), 'rate_limit')
      await useUp(server, () => '::ffff:192.0.2.3')
      assertProblem(await ask(server, '192.0.2.3:1'), 'rate_limit')
    }))

  it('limits wrong guesses too', () =>
    behind(1, async (server) => {
      const guess = (address: string) =>
        callerOf(server.url, { 'x-forwarded-for': address }).post('/auth/sign-in', {
          type: 'resource',
          data: { resource: 'voucher::context::code::000000' },
        })
      for (let call = 1; call <= CALLS; call++) assertProblem(await guess('192.0.2.1'), 'invalid_credentials')
      assertProblem(await guess('192.0.2.1'), 'rate_limit')
      assert.notEqual((await guess('192.0.2.2')).body.code, 'rate_limit')
    }))
})
