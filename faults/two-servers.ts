import type { TestServerOptions } from '../test/support/server.ts'
import { createClock, startTestServer, type TestClock, type TestServer } from '../test/support/server.ts'
import type { Trial } from './scenario.ts'

/** Two nodes on one new database in this process, whose clocks and patience can be chosen. */
export async function startTwoServers(
  trial: Trial,
  options: TestServerOptions,
  clocks: [TestClock, TestClock] = [createClock(), createClock()],
): Promise<{ servers: [TestServer, TestServer]; urls: [string, string]; databaseUrl: string }> {
  const databaseUrl = await (await trial.postgres()).createDatabase()
  const start = async (clock: TestClock) => {
    const server = await startTestServer({ ...options, clock, databaseUrl })
    trial.defer(() => server.stop())
    return server
  }
  const servers: [TestServer, TestServer] = [await start(clocks[0]), await start(clocks[1])]
  return { servers, urls: [servers[0].url, servers[1].url], databaseUrl }
}
