import { mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type AnvilProcess, portFree, startAnvilProcess } from './anvil-process.ts'
import { startBurier } from './burier.ts'
import { SANDBOX_ACCOUNT_COUNT, SANDBOX_CHAIN_ID, SANDBOX_MNEMONIC } from './facts.ts'
import { placeAccountCode } from './sandbox-account.ts'
import { type SandboxClient, sandboxClient } from './sandbox-client.ts'
import { placeExchange } from './sandbox-exchange.ts'
import { placeTokens } from './sandbox-tokens.ts'

export type SandboxChain = {
  rpcUrl: string
  /** Ends the chain and waits until its state is on disk. */
  stop(): Promise<void>
}

export type SandboxChainOptions = {
  /** Where the chain keeps its state, next to the server's own. */
  dataDir: string
  port: number
  log: (line: string) => void
  /** Told what the start is at, for whoever waits for it. */
  onProgress?: (step: string) => void
}

const STATE_FILE = 'sandbox-chain.json'

/** How much of the chain a power cut may cost; a killed server costs nothing. */
const STATE_INTERVAL_SECONDS = 2

/**
 * Starts the local chain with its tokens, exchange and accounts, as an earlier start in the same directory left it.
 * @throws PortTaken, AnvilUnusable
 */
export async function startSandboxChain(options: SandboxChainOptions): Promise<SandboxChain> {
  const { dataDir, port, log, onProgress } = options
  await mkdir(dataDir, { recursive: true })
  // Before the state is looked at: the chain of a server that was just killed may still be writing it.
  await portFree(port)
  onProgress?.(`the sandbox chain, on 127.0.0.1:${port}`)
  const anvil = await startAnvilProcess({
    port,
    chainId: SANDBOX_CHAIN_ID,
    args: await anvilArguments(join(dataDir, STATE_FILE), log),
    onUnexpectedEnd: () => log('The sandbox chain has ended unexpectedly. Restart the server to have it back.'),
  })
  const client = sandboxClient(anvil.rpcUrl)
  onProgress?.('its tokens and its exchange')
  await furnishOrStop(client, anvil)
  const stopBurier = startBurier(client, {
    onFailure: (error) => log(`The sandbox chain cannot mine: ${String(error)}`),
  })
  return {
    rpcUrl: anvil.rpcUrl,
    stop: async () => {
      await stopBurier()
      await anvil.stop()
    },
  }
}

async function anvilArguments(stateFile: string, log: (line: string) => void): Promise<string[]> {
  await putBrokenStateAside(stateFile, log)
  return [
    ...['--mnemonic', SANDBOX_MNEMONIC, '--accounts', String(SANDBOX_ACCOUNT_COUNT)],
    ...['--state', stateFile, '--state-interval', String(STATE_INTERVAL_SECONDS)],
  ]
}

async function furnishOrStop(client: SandboxClient, anvil: AnvilProcess): Promise<void> {
  try {
    await placeTokens(client)
    await placeExchange(client)
    await placeAccountCode(client)
  } catch (error) {
    await anvil.stop()
    throw error
  }
}

/**
 * Anvil does not write its state atomically, so a power cut can leave half a file. The sandbox holds play money: a new
 * chain that starts is worth more than an old one that does not, and the broken file stays for whoever wants to look.
 */
async function putBrokenStateAside(stateFile: string, log: (line: string) => void): Promise<void> {
  const text = await readFile(stateFile, 'utf8').catch(() => null)
  if (text === null || isJson(text)) return
  const aside = `${stateFile}.broken-${new Date().toISOString().replaceAll(':', '-')}`
  await rename(stateFile, aside)
  log(`The state of the sandbox chain is broken. It was put aside as ${aside}, and a new chain begins.`)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
