import { type Nodes, nodesOf } from './nodes.ts'
import { startPostgres } from './postgres.ts'
import { createClock, startTestServer, type TestServerOptions } from './server.ts'

/** Starts two servers on one new PostgreSQL database. Each takes what wallets sign for the other. */
export async function twoNodesOnPostgres(options: TestServerOptions): Promise<Nodes> {
  const cluster = await startPostgres()
  const shared = { clock: createClock(), ...options, databaseUrl: await cluster.createDatabase() }
  const first = await startTestServer(shared)
  const second = await startTestServer({ ...shared, publicHosts: [new URL(first.url).host] })
  return nodesOf([first, second], cluster.stop)
}
