import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ContextView, VoucherView } from '../../src/protocol/schemas.ts'
import { ok } from '../http/problems.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import {
  asking,
  createClock,
  newParties,
  redeem,
  startTestServer,
  type TestServer,
  withToken,
} from '../support/server.ts'

const TEN_MINUTES_MS = 600_000

describe('a node whose clock is ten minutes', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await startPostgres()
  })
  after(() => cluster.stop())

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
