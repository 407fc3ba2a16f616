import { judgeEmbedded, judgeShared } from '../judge.ts'
import { Load } from '../load.ts'
import { startNode, startTwoNodes, urlsOf } from '../node-process.ts'
import { type Outcome, type Scenario, type Trial, workDirectory } from '../scenario.ts'

/** Each kill comes after so many more acknowledged writes, in the midst of others. */
const WRITES = [10, 80] as const

export const nodeKilled: Scenario = {
  name: 'node-killed',
  times: { whole: 25, short: 1 },
  run: async (trial) => {
    const { nodes, databaseUrl } = await startTwoNodes(trial)
    const load = await Load.start(urlsOf(nodes), trial)
    for (let kill = 0; kill < trial.times; kill++) {
      await load.more(trial.random.between(...WRITES))
      const victim = trial.random.pick(nodes)
      await load.callsAt(victim.url)
      await victim.end('SIGKILL')
      await victim.start()
    }
    return { tried: trial.times, ...(await judgeShared(databaseUrl, load)) }
  },
}

export const clusterKilled: Scenario = {
  name: 'cluster-killed',
  times: { whole: 25, short: 0 },
  run: async (trial) => {
    const cluster = await trial.postgres()
    const { nodes, databaseUrl } = await startTwoNodes(trial)
    const load = await Load.start(urlsOf(nodes), trial)
    for (let kill = 0; kill < trial.times; kill++) {
      await load.more(trial.random.between(...WRITES))
      await load.callsAt(trial.random.pick(nodes).url)
      await cluster.kill()
      await cluster.restart()
    }
    return { tried: trial.times, ...(await judgeShared(databaseUrl, load)) }
  },
}

export const embeddedKilled: Scenario = {
  name: 'embedded-killed',
  times: { whole: 25, short: 0 },
  run: killEmbedded,
}

async function killEmbedded(trial: Trial): Promise<Outcome> {
  const dataDir = await workDirectory(trial)
  const node = await startNode(trial, { dataDir, databaseUrl: null })
  const load = await Load.start([node.url], trial)
  for (let kill = 0; kill < trial.times; kill++) {
    await load.more(trial.random.between(...WRITES))
    await load.callsAt(node.url)
    await node.end('SIGKILL')
    await node.start()
  }
  return { tried: trial.times, ...(await judgeEmbedded(dataDir, load, () => node.end('SIGTERM'))) }
}
