import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectionError } from '../client/index.ts'
import { DEMO_SETTINGS, readConfig, readSetting, SETTINGS } from '../config.ts'
import { readOwner } from '../store/sqlite/open.ts'
import { type DemoOptions, demo } from './demo.ts'
import { USUAL_URL } from './hints.ts'
import { serve } from './serve.ts'

/**
 * Plays the demo against the server that is named, or the one that runs on the usual data directory, or the one at the
 * usual address, or one that it starts for itself and ends again.
 */
export async function playDemo(
  flags: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  print: (line: string) => void,
): Promise<void> {
  const named = readSetting(DEMO_SETTINGS.url, { flags, env })
  const rpcUrl = readSetting(DEMO_SETTINGS.rpc, { flags, env })
  const story = {
    print,
    oneSignature: readSetting(DEMO_SETTINGS.oneSignature, { flags, env }),
    fx: readSetting(DEMO_SETTINGS.fx, { flags, env }),
  }
  const ofDirectory = readOwner(readSetting(SETTINGS.data, { flags, env }))?.note ?? USUAL_URL
  for (const url of named === null ? new Set([ofDirectory, USUAL_URL]) : [named]) {
    if (await isUp(url)) return demo({ ...story, url, rpcUrl: rpcUrl ?? chainOf(url) })
  }
  if (named !== null) throw new ConnectionError(`No server answers at ${named}.`)
  print(`No server answers at ${USUAL_URL}, so the demo starts one of its own, with a sandbox chain.`)
  print('To play against another one, name it with --url.')
  await withOwnServer(story)
}

/** A server passes on what wallets ask of its sandbox's chain, wherever that is. */
function chainOf(url: string): string {
  return `${url}/sandbox/rpc`
}

async function withOwnServer(story: Omit<DemoOptions, 'url' | 'rpcUrl'>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-demo-'))
  const flags = { sandbox: true, data: dataDir, port: 0, chainPort: await freePort(), logLevel: 'error' }
  const serving = await serve(readConfig({ flags, env: {}, readFile: () => '' }))
  try {
    await demo({ ...story, url: serving.url, rpcUrl: serving.rpcUrl ?? chainOf(serving.url) })
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
