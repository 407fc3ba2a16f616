import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../test/support/free-port.ts'
import { type Program, startProgram, urlOf } from '../test/support/program.ts'
import { startTcpProxy, type TcpProxy } from '../test/support/tcp-proxy.ts'
import { type Trial, workDirectory } from './scenario.ts'

/** `sixpence serve` in a process of its own, which comes back at the same address whenever it is started again. */
export type NodeProcess = {
  url: string
  /** Starts it and waits until it serves. */
  start: () => Promise<void>
  /** Sends a signal that ends it, and waits for the end. */
  end: (signal: 'SIGKILL' | 'SIGTERM') => Promise<void>
  /** Holds it still, as a machine does that is out of memory or moved elsewhere. */
  pause: () => void
  wake: () => void
}

/** A network without a node: receipts are taken at the payer's word. */
const NETWORKS = [{ name: 'polygon' }]

export type NodeOptions = {
  /** Null: the embedded store. */
  databaseUrl: string | null
  dataDir: string
  networks?: unknown[]
  flags?: string[]
}

const running = new Set<Program>()
// Trials end what they start; this is for a run that breaks off.
process.once('exit', () => {
  for (const program of running) program.process.kill('SIGKILL')
})

/** Starts a node that ends with the trial. */
export async function startNode(trial: Trial, options: NodeOptions): Promise<NodeProcess> {
  const port = await freePort()
  const config = join(await workDirectory(trial), 'networks.json')
  await writeFile(config, JSON.stringify({ networks: options.networks ?? NETWORKS }))
  const database = options.databaseUrl === null ? [] : ['--database-url', options.databaseUrl]
  const where = ['--data', options.dataDir, '--config', config, '--port', String(port)]
  const flags = [...where, ...database, '--rate-limits', 'off', ...(options.flags ?? [])]
  let program: Program | null = null
  const node: NodeProcess = {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      program = startProgram(['serve', ...flags])
      running.add(program)
      await urlOf(program)
    },
    end: async (signal) => {
      if (program === null) return
      await program.end(signal)
      running.delete(program)
    },
    pause: () => void program?.process.kill('SIGSTOP'),
    wake: () => void program?.process.kill('SIGCONT'),
  }
  trial.defer(() => node.end('SIGKILL'))
  await node.start()
  return node
}

/** Two nodes on one new database, which each reaches through a proxy. */
export async function startTwoNodes(
  trial: Trial,
  options: Pick<NodeOptions, 'networks' | 'flags'> = {},
): Promise<{ nodes: [NodeProcess, NodeProcess]; proxies: [TcpProxy, TcpProxy]; databaseUrl: string }> {
  const cluster = await trial.postgres()
  const databaseUrl = await cluster.createDatabase()
  const start = async () => {
    const proxy = await startTcpProxy(cluster.port)
    trial.defer(() => proxy.stop())
    const url = databaseUrl.replace(`:${cluster.port}/`, `:${proxy.port}/`)
    const node = await startNode(trial, { ...options, dataDir: await workDirectory(trial), databaseUrl: url })
    return { node, proxy }
  }
  const [one, other] = [await start(), await start()]
  return { nodes: [one.node, other.node], proxies: [one.proxy, other.proxy], databaseUrl }
}

export function urlsOf(nodes: readonly NodeProcess[]): string[] {
  return nodes.map(({ url }) => url)
}
