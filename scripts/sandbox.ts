import { freePort } from '../test/support/free-port.ts'
import { startProgram, urlOf } from '../test/support/program.ts'

/** A server with its sandbox, from the sources here. It goes when the process does, however that ends. */
export type Sandbox = {
  url: string
  /** Of its chain. */
  rpcUrl: string
  stop: () => Promise<void>
}

/**
 * Starts a server with a sandbox on free ports, and waits until it is up.
 * @param dataDir where both keep what they store
 * @param flags further ones for `serve`
 */
export async function startSandbox(dataDir: string, ...flags: string[]): Promise<Sandbox> {
  const chainPort = await freePort()
  const ports = ['--port', '0', '--chain-port', String(chainPort)]
  const server = startProgram(['serve', '--sandbox', ...ports, '--data', dataDir, ...flags])
  process.once('exit', () => server.process.kill('SIGINT'))
  return {
    url: await urlOf(server),
    rpcUrl: `http://127.0.0.1:${chainPort}`,
    stop: async () => {
      await server.end('SIGINT')
    },
  }
}

/** Ends a check that hangs. */
export function limitRun(ms: number): void {
  setTimeout(() => {
    console.error(`the check has run for ${ms / 60_000} minutes and gives up`)
    process.exit(1)
  }, ms).unref()
}
