import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient, http } from 'viem'
import { AnvilUnusable } from './anvil-unusable.ts'
import { fileOf } from './optional-packages.ts'

export type AnvilProcess = {
  rpcUrl: string
  /** Ends anvil and waits until it has written its state. */
  stop(): Promise<void>
}

export type AnvilOptions = {
  port: number
  chainId: number
  /** Further command-line arguments. */
  args?: string[]
  /** Called when anvil ends without having been stopped. */
  onUnexpectedEnd?: () => void
}

/** Somebody else listens on the port that the local chain should have. */
export class PortTaken extends AnvilUnusable {
  constructor(port: number) {
    super(
      `Port ${port} on 127.0.0.1 is taken by another program. Choose another for the local chain with --chain-port.`,
    )
  }
}

/**
 * Anvil outlives a Ctrl-C (it has its own process group), but not its parent: the parent holds the other end of the
 * shell's standard input, which closes however the parent ends. Then the shell ends anvil gently, so that it writes its
 * state.
 */
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- &
anvil=$!
(read -r _ <&3; kill -TERM $anvil) &
watcher=$!
wait $anvil
ended_with=$?
kill $watcher
exit $ended_with`

const PORT_FREE_WITHIN_MS = 3_000
const ANSWERS_WITHIN_MS = 20_000
const STOPS_WITHIN_MS = 10_000
const POLL_MS = 25

/**
 * Starts anvil on 127.0.0.1 and waits until it answers.
 * @throws PortTaken, AnvilUnusable
 */
export async function startAnvilProcess(options: AnvilOptions): Promise<AnvilProcess> {
  const binary = anvilBinary()
  await portFree(options.port)
  const child = spawnGuarded(binary, options)
  const ended = once(child, 'exit')
  const words = collect(child)
  const rpcUrl = `http://127.0.0.1:${options.port}`
  try {
    await answering(rpcUrl, child)
  } catch (error) {
    await end(child, ended)
    const taken = words().includes('Address already in use')
    throw taken ? new PortTaken(options.port) : new AnvilUnusable(`Anvil did not start: ${words()}`, { cause: error })
  }
  let stopping = false
  child.once('exit', () => {
    if (!stopping) options.onUnexpectedEnd?.()
  })
  return {
    rpcUrl,
    stop: async () => {
      stopping = true
      await end(child, ended)
    },
  }
}

function spawnGuarded(binary: string, { port, chainId, args = [] }: AnvilOptions): ChildProcess {
  const command = [
    binary,
    '--quiet',
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--chain-id',
    String(chainId),
    ...args,
  ]
  return spawn('/bin/sh', ['-c', GUARD, 'sh', ...command], { detached: true, stdio: ['pipe', 'ignore', 'pipe'] })
}

/** The program itself, not its npm wrapper, which leaves anvil behind when it is killed. */
function anvilBinary(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  try {
    const require = createRequire(fileOf('@foundry-rs/anvil'))
    if (process.platform === 'win32') throw new Error('anvil is guarded by a POSIX shell')
    return require.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/bin/anvil`)
  } catch (cause) {
    throw new AnvilUnusable(
      `There is no local chain (anvil) for ${process.platform} on ${process.arch}, or it was left out: npm install --include=optional brings it where it is.`,
      { cause },
    )
  }
}

/**
 * Waits a little for a port: a chain whose server was just killed writes its state before it gives the port back.
 * @throws PortTaken
 */
export async function portFree(port: number): Promise<void> {
  const deadline = performance.now() + PORT_FREE_WITHIN_MS
  while (await isPortTaken(port, '127.0.0.1')) {
    if (performance.now() > deadline) throw new PortTaken(port)
    await delay(POLL_MS)
  }
}

/** Whether another program listens there. What else keeps a server from listening shows when it tries. */
export async function isPortTaken(port: number, host: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  } finally {
    server.close()
  }
}

async function answering(rpcUrl: string, child: ChildProcess): Promise<void> {
  const client = createClient({ transport: http(rpcUrl, { retryCount: 0, timeout: 1_000 }) })
  const deadline = performance.now() + ANSWERS_WITHIN_MS
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`)
    try {
      await client.request({ method: 'eth_chainId' })
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await delay(POLL_MS)
    }
  }
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.stdin?.destroy()
  const gentle = await Promise.race([ended.then(() => true), delay(STOPS_WITHIN_MS, false, { ref: false })])
  if (gentle || child.pid === undefined) return
  process.kill(-child.pid, 'SIGKILL')
  await ended
}

function collect(child: ChildProcess): () => string {
  const chunks: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  return () => chunks.join('').trim()
}
