import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectionError } from '../client/index.ts'
import { DEMO_SETTINGS, readConfig, readSetting } from '../config.ts'
import { type DemoOptions, demo } from './demo.ts'
import { serve } from './serve.ts'

const DEFAULT_URL = 'http://127.0.0.1:4040'
const DEFAULT_RPC_URL = 'http://127.0.0.1:8545'

/**
 * Plays the demo against the server that is named, or the one that runs at the usual place, or one that it starts for
 * itself and ends again.
 */
export async function playDemo(
  flags: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  print: (line: string) => void,
): Promise<void> {
  const named = readSetting(DEMO_SETTINGS.url, { flags, env })
  const rpcUrl = readSetting(DEMO_SETTINGS.rpc, { flags, env }) ?? DEFAULT_RPC_URL
  const url = named ?? DEFAULT_URL
  const story = {
    print,
    oneSignature: readSetting(DEMO_SETTINGS.oneSignature, { flags, env }),
    fx: readSetting(DEMO_SETTINGS.fx, { flags, env }),
  }
  if (await isUp(url)) return demo({ ...story, url, rpcUrl })
  if (named !== null) throw new ConnectionError(`No server answers at ${named}.`)
  print('No server runs yet, so the demo starts one of its own, with a sandbox chain.')
  await withOwnServer(story)
}

async function withOwnServer(story: Omit<DemoOptions, 'url' | 'rpcUrl'>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-demo-'))
  const flags = { sandbox: true, data: dataDir, port: 0, chainPort: await freePort(), logLevel: 'error' }
  const serving = await serve(readConfig({ flags, env: {}, readFile: () => '' }))
  try {
    await demo({ ...story, url: serving.url, rpcUrl: serving.rpcUrl ?? DEFAULT_RPC_URL })
  } finally {
    await serving.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function isUp(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/api/v1/finance/networks`)).ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port')
  return address.port
}
