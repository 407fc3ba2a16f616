import { randomUUID } from 'node:crypto'
import { after, before, it } from 'node:test'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import { newParties, startTestServer, type TestServer } from '../support/server.ts'
import { assertProblem, ok } from './problems.ts'

let cluster: TestCluster
let server: TestServer
before(async () => {
  cluster = await startPostgres()
  server = await startTestServer({ databaseUrl: await cluster.createDatabase() })
})
after(async () => {
  await server.stop()
  await cluster.stop()
})

it('while the store is out of reach callers are asked to come back, and then they get what they asked for', async () => {
  const { payee, payer, context } = await newParties(server.url)
  const key = { 'idempotency-key': randomUUID() }
  const calls = [
    () => payer.get(`/vouchers/contexts/${context.id}`),
    () => payee.post('/vouchers/reserve-voucher', { code: context.code }, key),
  ]
  await cluster.kill()
  for (const call of calls) assertProblem(await call(), 'overloaded')
  await cluster.restart()
  for (const call of calls) ok(await call())
})
