import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { judgeShared } from '../judge.ts'
import { Load } from '../load.ts'
import { startTwoNodes, urlsOf } from '../node-process.ts'
import type { Scenario } from '../scenario.ts'
import { COMMIT } from '../wire.ts'

const WRITES = [5, 60] as const

/** Every connection of every node is ended by PostgreSQL, again and again. */
export const connectionsTerminated: Scenario = {
  name: 'connections-terminated',
  times: { whole: 25, short: 0 },
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
    const { nodes, proxies, databaseUrl } = await startTwoNodes(trial)
    const [proxy] = proxies
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

const COMMITTED = 'SELECT 1\0'

/** PostgreSQL commits, and the connection ends before its reply is there; callers repeat the write under its key. */
export const commitRepliesCut: Scenario = {
  name: 'commit-replies-cut',
  times: { whole: 100, short: 5 },
  run: async (trial) => {
    const { nodes, proxies, databaseUrl } = await startTwoNodes(trial)
    const [proxy] = proxies
    const load = await Load.start(urlsOf(nodes), trial)
    const random = trial.random.fork('cuts')
    proxy.choose = (request) => (request.includes(COMMIT) && random.between(1, 4) === 1 ? 'cut' : null)
    const committed = () => proxy.chosenReplies.filter((reply) => reply.includes(COMMITTED)).length
    while (committed() < trial.times) await load.more(1)
    proxy.choose = () => null
    return { tried: committed(), ...(await judgeShared(databaseUrl, load)) }
  },
}
