import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Refusal } from '../../src/domain/refusal.ts'
import { LoadGate, type Shed } from '../../src/operating/load.ts'
import {
  type Answer,
  asking,
  newParties,
  newPayer,
  type Parties,
  receiptsOf,
  redeem,
  reserve,
  startTestServer,
  type TestServer,
} from '../support/server.ts'
import { newEmail, PASSWORD } from './calls.ts'
import { assertProblem, ok } from './problems.ts'

/** How late the loop of the test server is said to be. */
const CALM_MS = 0
const BUSY_MS = 700
const BUSIER_MS = 1500
const BUSIEST_MS = 5000

async function withLoad(test: (server: TestServer, setLate: (ms: number) => void) => Promise<void>): Promise<void> {
  let lateMs = CALM_MS
  const server = await startTestServer({ operation: { delayMs: () => lateMs } })
  try {
    await test(server, (ms) => {
      lateMs = ms
    })
  } finally {
    await server.stop()
  }
}

const signUp = (parties: Parties): Promise<Answer> =>
  parties.payer.post('/auth/sign-up', { type: 'email-password', data: { email: newEmail(), password: PASSWORD } })

describe('a server with too much to do', () => {
  it('refuses reading and signing up first, and still takes payments', () =>
    withLoad(async (server, setLate) => {
      const parties = await newParties(server.url)
      const { id } = await reserve(parties)
      setLate(BUSY_MS)
      for (const path of ['/vouchers', `/vouchers/${id}`, '/vouchers/contexts', '/finance/networks']) {
        assertProblem(await parties.payer.get(path), 'overloaded', path)
      }
      assertProblem(await signUp(parties), 'overloaded')
      const voucher = await redeem(parties, asking('100'))
      ok(await parties.payer.post(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher)))
    }))

  it('then begins no payment, but ends those that have begun', () =>
    withLoad(async (server, setLate) => {
      const parties = await newParties(server.url)
      const { id } = await reserve(parties)
      setLate(BUSIER_MS)
      const { code } = parties.context
      assertProblem(await parties.payee.post('/vouchers/reserve-voucher', { code }), 'overloaded')
      assertProblem(await parties.payee.post('/vouchers/sessions/session-open', { code }), 'overloaded')
      const voucher = ok(
        await parties.payee.post<Awaited<ReturnType<typeof redeem>>>(`/vouchers/${id}/redeem-voucher`, asking('100')),
      )
      const resolved = await parties.payer.post(`/vouchers/${id}/resolve-voucher`, receiptsOf(voucher))
      assert.equal(ok(resolved).status, 'RESOLVED')
    }))

  it('refuses even those before it falls over, answers its operator, and comes back', () =>
    withLoad(async (server, setLate) => {
      const parties = await newParties(server.url)
      const voucher = await redeem(parties, asking('100'))
      const resolve = () => parties.payer.post(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher))
      setLate(BUSIEST_MS)
      assertProblem(await resolve(), 'overloaded')
      for (const path of ['/healthz', '/readyz', '/metrics']) {
        assert.equal((await fetch(server.url + path)).status, 200, path)
      }
      setLate(CALM_MS)
      assert.equal(ok(await resolve()).status, 'RESOLVED')
      await newPayer(server.url)
    }))
})

describe('the gate', () => {
  const refusedOf = (gate: LoadGate): Shed[] =>
    (['first', 'second', 'last', 'never'] as const).filter((shed) => {
      try {
        gate.assertRoom(shed)
        return false
      } catch (error) {
        assert.ok(error instanceof Refusal && error.code === 'overloaded')
        return true
      }
    })

  it('shuts as calls pile up, in the same order, and opens as they end', () => {
    const bound = (underWay: number) => ({ delayMs: 100, underWay, retryAfterSeconds: 1 })
    const gate = new LoadGate(() => 0, { first: bound(1), second: bound(2), last: bound(3) })
    const seen: Shed[][] = []
    for (let call = 1; call <= 4; call++) {
      gate.enter()
      seen.push(refusedOf(gate))
    }
    assert.deepEqual(seen, [[], ['first'], ['first', 'second'], ['first', 'second', 'last']])
    for (let call = 1; call <= 3; call++) gate.leave()
    assert.deepEqual(refusedOf(gate), [])
  })
})
