import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { startTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts'
import { judgeShared } from '../judge.ts'
import { Load } from '../load.ts'
import { type NodeProcess, startTwoNodes, urlsOf } from '../node-process.ts'
import type { Scenario, Trial } from '../scenario.ts'

const WRITES = [5, 60] as const

/** Every connection of every node is ended by PostgreSQL, again and again. */
export const connectionsTerminated: Scenario = {
  name: 'connections-terminated',
  times: { whole: 25, short: 3 },
  run: async (trial) => {
    const { nodes, databaseUrl } = await startTwoNodes(trial)
    const sql = new Client({ connectionString: databaseUrl })
    await sql.connect()
    trial.defer(() => sql.end())
    const load = await Load.start(urlsOf(nodes), trial)
    let terminated = 0
    for (let round = 0; round < trial.times; round++) {
      await load.more(trial.random.between(...WRITES))
      const { rowCount } = await sql.query(TERMINATE_OTHERS)
      terminated += rowCount ?? 0
    }
    const { broken, remark } = await judgeShared(databaseUrl, load)
    return { tried: trial.times, broken, remark: `${terminated} connections, ${remark}` }
  },
}

const TERMINATE_OTHERS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

/** How long nothing comes through: some of it is shorter and some longer than nodes wait for an answer. */
const SILENCE_MS = [300, 6_000] as const

/** What one node and PostgreSQL say to each other is lost for a while, and nobody hears of it. */
export const connectionsBlackHoled: Scenario = {
  name: 'connections-black-holed',
  times: { whole: 8, short: 0 },
  run: async (trial) => {
    const { nodes, databaseUrl, proxy } = await startNodesAndProxy(trial)
    const load = await Load.start(urlsOf(nodes), trial)
    for (let round = 0; round < trial.times; round++) {
      await load.more(trial.random.between(...WRITES))
      await load.callsAt(nodes[0].url)
      proxy.mode = 'silent'
      await delay(trial.random.between(...SILENCE_MS))
      proxy.mode = 'pass'
    }
    return { tried: trial.times, ...(await judgeShared(databaseUrl, load)) }
  },
}

/** How PostgreSQL's protocol names the statement that commits, whatever it commits. */
const COMMIT = '\0commit\0'
const COMMITTED = 'SELECT 1\0'

/** PostgreSQL commits, and the connection ends before its reply is there; callers repeat the write under its key. */
export const commitRepliesCut: Scenario = {
  name: 'commit-replies-cut',
  times: { whole: 100, short: 10 },
  run: async (trial) => {
    const { nodes, databaseUrl, proxy } = await startNodesAndProxy(trial)
    const load = await Load.start(urlsOf(nodes), trial)
    const random = trial.random.fork('cuts')
    proxy.cutsReplyTo = (request) => request.includes(COMMIT) && random.between(1, 4) === 1
    const committed = () => proxy.cutReplies.filter((reply) => reply.includes(COMMITTED)).length
    while (committed() < trial.times) await load.more(1)
    proxy.cutsReplyTo = () => false
    return { tried: committed(), ...(await judgeShared(databaseUrl, load)) }
  },
}

/** Two nodes on one database, of which the first reaches it through a proxy. */
async function startNodesAndProxy(
  trial: Trial,
): Promise<{ nodes: [NodeProcess, NodeProcess]; databaseUrl: string; proxy: TcpProxy }> {
  const cluster = await trial.postgres()
  const databaseUrl = await cluster.createDatabase()
  const proxy = await startTcpProxy(cluster.port)
  trial.defer(() => proxy.stop())
  const proxied = databaseUrl.replace(`:${cluster.port}/`, `:${proxy.port}/`)
  const { nodes } = await startTwoNodes(trial, [proxied, databaseUrl])
  return { nodes, databaseUrl, proxy }
}
