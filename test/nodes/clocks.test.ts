import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createLogger } from '../../src/operating/logger.ts'
import { STANDING_MS, SteadyClock } from '../../src/operating/steady-clock.ts'
import type { ContextView, ReservedView, VoucherView } from '../../src/protocol/schemas.ts'
import { sweep } from '../../src/use-cases/sweep.ts'
import { ok } from '../http/problems.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import {
  asking,
  createClock,
  eventually,
  newParties,
  receiptsOf,
  redeem,
  startTestServer,
  type TestClock,
  type TestServer,
  withToken,
} from '../support/server.ts'

const TEN_MINUTES_MS = 600_000
const HOUR_MS = 60 * 60_000

let cluster: TestCluster
before(async () => {
  cluster = await startPostgres()
})
after(() => cluster.stop())

describe('a node whose clock is ten minutes', () => {
  for (const [name, aheadMs] of Object.entries({ ahead: TEN_MINUTES_MS, behind: -TEN_MINUTES_MS })) {
    it(`${name} goes by the database's`, async (t) => {
      const databaseUrl = await cluster.createDatabase()
      const start = async (aheadMs: number): Promise<TestServer> => {
        const clock = createClock()
        clock.advance(aheadMs)
        const server = await startTestServer({ databaseUrl, clock, isClockRight: false })
        t.after(() => server.stop())
        return server
      }
      const [right, wrong] = [await start(0), await start(aheadMs)]

      const parties = await newParties(wrong.url)
      const opened = ok(await parties.payer.get<ContextView>(`/vouchers/contexts/${parties.context.id}`))
      assert.ok(Math.abs(Date.parse(opened.createdAt) - Date.now()) < 60_000, opened.createdAt)

      const atTheRight = withToken(right.url, parties.payeeToken)
      const { id } = await redeem({ ...parties, payee: atTheRight }, asking('1'))
      const seen = ok(await parties.payee.get<VoucherView>(`/vouchers/${id}`))
      assert.equal(seen.status, 'REDEEMED', 'the wrong clock has not ended it')
      ok(await parties.payee.post(`/vouchers/${id}/discard-voucher`))
    })
  }
})

/** A server whose clock can jump, and what it says of that. */
type Jumpy = { server: TestServer; clock: TestClock; says: (words: RegExp) => Promise<unknown> }

/** @param passing how much more time has passed than the test took, awake and asleep */
async function startJumpy(databaseUrl?: string, passing = { awakeMs: 0, asleepMs: 0 }): Promise<Jumpy> {
  const lines: string[] = []
  const clock = createClock()
  const server = await startTestServer({
    ...{ clock, isClockRight: false, logger: createLogger('info', { write: (line) => lines.push(line) }) },
    ...(databaseUrl !== undefined && { databaseUrl }),
    passing: {
      awakeMs: () => performance.now() + passing.awakeMs,
      elapsedMs: () => performance.now() + passing.awakeMs + passing.asleepMs,
    },
  })
  return { server, clock, says: (words) => eventually(async () => lines.some((line) => words.test(line))) }
}

describe('a clock that jumps', () => {
  const engines = { 'the embedded engine': async () => undefined, PostgreSQL: () => cluster.createDatabase() }
  for (const [engine, databaseUrlOf] of Object.entries(engines)) {
    it(`a day ahead and back ends nothing and forgets nothing on ${engine}`, async (t) => {
      const { server, clock, says } = await startJumpy(await databaseUrlOf())
      t.after(() => server.stop())
      const parties = await newParties(server.url)
      const { payer, payee, context } = parties
      const key = { 'idempotency-key': 'once' }
      const reserveOnce = async () =>
        ok(await payee.post<ReservedView>('/vouchers/reserve-voucher', { code: context.code }, key)).id
      const reserved = await reserveOnce()
      const [shown, paid] = [await redeem(parties, asking('1')), await redeem(parties, asking('2'))]
      const assertAlive = async () => {
        await sweep(server.app)
        assert.equal(ok(await payee.get<VoucherView>(`/vouchers/${shown.id}`)).status, 'REDEEMED')
        assert.deepEqual(ok(await payee.get<VoucherView[]>('/vouchers?status=EXPIRED')), [])
        assert.equal(await reserveOnce(), reserved)
      }

      clock.advance(25 * HOUR_MS)
      await says(
        engine === 'PostgreSQL' ? /this clock is wrong/ : /the clock of this machine has jumped; it counts once/,
      )
      await assertAlive()
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      assert.match(metrics, /^sixpence_clock_difference_seconds (90000|89999)/m)
      ok(await payee.post(`/vouchers/${reserved}/redeem-voucher`, asking('3')))
      ok(await payer.post(`/vouchers/${paid.id}/resolve-voucher`, receiptsOf(paid)))

      clock.advance(-25 * HOUR_MS)
      await says(engine === 'PostgreSQL' ? /this clock is right again/ : /jumped back; nothing has ended/)
      await assertAlive()
      ok(await payer.post(`/vouchers/${shown.id}/resolve-voucher`, receiptsOf(shown)))
    })
  }

  it('and stands for five minutes counts', async (t) => {
    const passing = { awakeMs: 0, asleepMs: 0 }
    const { server, clock, says } = await startJumpy(undefined, passing)
    t.after(() => server.stop())
    const parties = await newParties(server.url)
    const { id } = await redeem(parties, asking('1'))
    const statusNow = async () => ok(await parties.payee.get<VoucherView>(`/vouchers/${id}`)).status
    clock.advance(HOUR_MS)
    await says(/has jumped/)
    assert.equal(await statusNow(), 'REDEEMED')
    passing.awakeMs += STANDING_MS
    clock.advance(STANDING_MS)
    await says(/has stood since it jumped/)
    assert.equal(await statusNow(), 'EXPIRED')
  })

  it('because the machine was asleep counts at once', async (t) => {
    const passing = { awakeMs: 0, asleepMs: 0 }
    const { server, clock, says } = await startJumpy(undefined, passing)
    t.after(() => server.stop())
    const parties = await newParties(server.url)
    const { id } = await redeem(parties, asking('1'))
    passing.asleepMs += HOUR_MS
    clock.advance(HOUR_MS)
    await says(/was asleep/)
    assert.equal(ok(await parties.payee.get<VoucherView>(`/vouchers/${id}`)).status, 'EXPIRED')
  })
})

describe('the time that counts', () => {
  const start = () => {
    const passing = { awakeMs: 5_000, elapsedMs: 9_000 }
    const pass = (ms: number) => {
      passing.awakeMs += ms
      passing.elapsedMs += ms
    }
    const time = new SteadyClock(1_000_000, { awakeMs: () => passing.awakeMs, elapsedMs: () => passing.elapsedMs })
    return { time, pass }
  }

  it('passes without being compared, and takes over what a clock is set right by', () => {
    const { time, pass } = start()
    pass(60_000)
    assert.equal(time.now(), 1_060_000)
    assert.equal(time.compare(1_061_500), null)
    assert.equal(time.now(), 1_061_500)
  })

  it('is not moved by what lies within the doubt of a slow answer', () => {
    const { time } = start()
    assert.equal(time.compare(1_002_500, 3_000), null)
    assert.equal(time.now(), 1_000_000)
  })

  it('believes no clock that jumps on before it has stood', () => {
    const { time, pass } = start()
    assert.equal(time.compare(5_000_000), 'jumped')
    pass(STANDING_MS - 1)
    assert.equal(time.compare(9_000_000 + STANDING_MS), 'jumped')
    pass(STANDING_MS - 1)
    assert.equal(time.compare(9_000_000 + 2 * STANDING_MS), null)
    pass(1)
    assert.equal(time.compare(9_000_000 + 2 * STANDING_MS), 'believed')
    assert.equal(time.now(), 9_000_000 + 2 * STANDING_MS)
  })

  it('goes back only as far as a clock that has stood', () => {
    const { time, pass } = start()
    assert.equal(time.compare(400_000), 'jumped')
    pass(STANDING_MS)
    assert.equal(time.compare(400_000 + STANDING_MS), 'believed')
    assert.equal(time.doubtedMs, 0)
  })
})
