import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { freePort } from '../../test/support/free-port.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { type Program, startProgram, urlOf } from '../../test/support/program.ts'
import { type Nginx, startNginx } from './nginx.ts'

/** Two nodes on one PostgreSQL behind nginx. */
export type Site = {
  nginx: Nginx
  /** The first runs the sandbox's chain, so the second is the one to end. */
  nodes: readonly [Node, Node]
  rpcUrl: string
  /** Ends all of it, and removes what it wrote. */
  close: () => Promise<void>
}

/** One node: its place, and the program that runs there now. */
class Node {
  /** Host and port. */
  readonly address: string
  readonly #args: string[]
  readonly #env: Record<string, string>
  #program: Program | null = null

  constructor(port: number, args: string[], env: Record<string, string>) {
    this.address = `127.0.0.1:${port}`
    this.#args = ['serve', '--port', String(port), ...args]
    this.#env = env
  }

  async start(): Promise<void> {
    this.#program = startProgram(this.#args, this.#env)
    await urlOf(this.#program)
  }

  /** @returns the exit code, null where the signal ended it */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    return this.#program === null ? null : this.#program.end(signal)
  }

  /** How many event streams it has open, as its own metrics say. */
  async streams(): Promise<number> {
    const metrics = await (await fetch(`http://${this.address}/metrics`)).text()
    return Number(/^sixpence_event_streams (\d+)$/m.exec(metrics)?.[1])
  }
}

/** Longer than nginx keeps a connection to a node. */
const DRAIN_DELAY = '6s'

/** @throws Missing where the machine lacks something */
export async function openSite(): Promise<Site> {
  const home = await mkdtemp(join(tmpdir(), 'sixpence-deploy-'))
  const closing: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true })]
  const close = async () => {
    for (const part of closing.splice(0).reverse()) await part()
  }
  try {
    const [port, otherPort, chainPort] = [await freePort(), await freePort(), await freePort()]
    const nginx = await startNginx(await directory(home, 'nginx'), [`127.0.0.1:${port}`, `127.0.0.1:${otherPort}`])
    closing.push(nginx.stop)
    trust(nginx.certificateFile)
    const cluster = await startPostgres()
    closing.push(cluster.stop)
    const rpcUrl = `http://127.0.0.1:${chainPort}`
    const env = { SIXPENCE_DATABASE_URL: await cluster.createDatabase() }
    const common = ['--public-url', nginx.url, '--trust-proxy', '127.0.0.1', '--drain-delay', DRAIN_DELAY]
    const data = ['--data', await directory(home, 'data')]
    const nodes = [
      new Node(port, ['--sandbox', '--chain-port', String(chainPort), ...data, ...common], env),
      new Node(otherPort, ['--sandbox', '--chain-url', rpcUrl, ...common], env),
    ] as const
    for (const node of nodes) {
      closing.push(() => node.end('SIGTERM'))
      await node.start()
    }
    return { nginx, nodes, rpcUrl, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function directory(home: string, name: string): Promise<string> {
  const path = join(home, name)
  await mkdir(path)
  return path
}

/** From here on this process takes the certificate for real. */
function trust(certificateFile: string): void {
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(certificateFile, 'utf8')])
}
