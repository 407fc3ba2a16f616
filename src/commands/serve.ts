import { pino } from 'pino'
import { formatEther, getAddress } from 'viem'
import { jwsAttestation, noAttestation } from '../auth/attestation.ts'
import type { Relayer } from '../chains/relayer.ts'
import { assertServable, type Config } from '../config.ts'
import { type NetworkConfig, sandboxNetwork, servedNetwork } from '../networks.ts'
import { createLogger } from '../operating/logger.ts'
import { isPortTaken } from '../sandbox/anvil-process.ts'
import { SANDBOX_NETWORK } from '../sandbox/facts.ts'
import { assertSandboxInstalled } from '../sandbox/optional-packages.ts'
import { type SandboxChain, startSandboxChain } from '../sandbox/sandbox-chain.ts'
import { type RunningServer, startServer } from '../server.ts'
import { callAgain, storeFlags, USUAL_URL } from './hints.ts'
import { readRelayerKey } from './relayer-key.ts'

/** How long the node may take to hear of a transaction, and how long one that it knew may be gone. */
const UNKNOWN_GRACE_MS = 5_000
const DROP_GRACE_MS = 60_000

/** A server that runs, with its sandbox chain where it has one. */
export type Serving = {
  url: string
  rpcUrl: string | null
  networks: NetworkConfig[]
  /** Who carries out signatures, by network. */
  relayers: ReadonlyMap<string, Relayer>
  stop: () => Promise<void>
}

/** Another program listens where the server should. Meant for whoever started it. */
class PortTakenError extends Error {
  override readonly name = 'PortTakenError'
}

/** Said at once: before the chain is started, which takes its time. */
async function assertPortFree({ port, host }: Config): Promise<void> {
  if (port === 0 || !(await isPortTaken(port, host))) return
  throw new PortTakenError(`Port ${port} on ${host} is taken by another program. Choose another with --port.`)
}

/**
 * Starts the server as configured, and in the sandbox its chain too.
 * @param onProgress told what the start is at: a first one takes some seconds
 * @throws ConfigError, and whatever `startServer` and `startSandboxChain` throw; then nothing runs
 */
export async function serve(config: Config, onProgress?: (step: string) => void): Promise<Serving> {
  assertServable(config)
  if (config.sandbox && config.chainUrl === null) assertSandboxInstalled()
  const relayer = config.relayer && readRelayerKey(config.relayer)
  const logger = createLogger(config.logLevel, pino.destination({ fd: process.stderr.fd, sync: true }))
  const sandboxRpcUrl = config.sandbox ? (config.chainUrl ?? `http://127.0.0.1:${config.chainPort}`) : null
  const networks = [...config.networks, ...(sandboxRpcUrl === null ? [] : [sandboxNetwork({ rpcUrl: sandboxRpcUrl })])]
  let chain: SandboxChain | null = null
  const startChain = async () => {
    await assertPortFree(config)
    if (config.sandbox && config.chainUrl === null) {
      chain = await startSandboxChain({
        dataDir: config.dataDir,
        port: config.chainPort,
        log: (line) => logger.warn(line),
        ...(onProgress && { onProgress }),
      })
    }
    onProgress?.('the server')
  }
  const stopChain = async () => chain?.stop()
  let server: RunningServer
  onProgress?.(config.databaseUrl === null ? `the store in ${config.dataDir}` : 'the database')
  try {
    server = await startServer({
      host: config.host,
      port: config.port,
      dataDir: config.dataDir,
      databaseUrl: config.databaseUrl,
      publicHosts: [new URL(config.publicUrl).host],
      times: {
        reserveTtlMs: config.reserveTtlMs,
        signingTtlMs: config.signingTtlMs,
        contextTtlMs: config.contextTtlMs,
        resolveWaitMs: config.resolveWaitMs,
        unknownGraceMs: UNKNOWN_GRACE_MS,
        dropGraceMs: DROP_GRACE_MS,
      },
      swaps: config.swaps,
      rateLimits: config.rateLimits,
      webhookAllow: config.webhookAllow,
      attestation: config.attestation === 'jws' ? jwsAttestation : noAttestation,
      networks: networks.map((network) => ({ ...servedNetwork(network), mayBeginAnew: isOwnChain(network, config) })),
      ...(relayer && { relayer }),
      sandboxRpcUrl,
      onStoreOpened: startChain,
      clock: Date.now,
      logger,
      operation: { trustProxy: config.trustProxy, metricsFor: config.metrics, drainDelayMs: config.drainDelayMs },
    })
  } catch (error) {
    await stopChain()
    throw error
  }
  const stop = async () => {
    await server.stop()
    await stopChain()
  }
  return { url: server.url, rpcUrl: sandboxRpcUrl, networks, relayers: server.app.relayers, stop }
}

/** The sandbox's chain, where the server keeps it itself: it begins anew where its state is broken. */
function isOwnChain({ name }: NetworkConfig, config: Config): boolean {
  return config.sandbox && config.chainUrl === null && name === SANDBOX_NETWORK
}

/** What runs where, and what to type next. */
export function describeServing(serving: Serving, config: Config): string[] {
  const networks = serving.networks.map(
    ({ name, chainId, rpcUrls, confirmations }) =>
      `${name} (chain id ${chainId}): ${settles(confirmations)}, ${rpcUrls.length === 0 ? 'no node, so unverified' : `asks ${rpcUrls.map(hostOf).join(', ')}`}`,
  )
  return [
    `pages      ${serving.url}/register (take a payment), ${serving.url}/wallet (make one)`,
    `API        ${serving.url}/api/v1`,
    ...(serving.rpcUrl === null
      ? []
      : [`chain      ${originOf(serving.rpcUrl)} (a sandbox: play money, ten funded accounts)`]),
    ...(config.databaseUrl === null || config.sandbox ? [`data       ${config.dataDir}`] : []),
    ...(config.databaseUrl === null ? [] : [`database   ${databaseOf(config.databaseUrl)}`]),
    ...networks.map((line) => `network    ${line}`),
    ...[...serving.relayers.values()].map(
      ({ network, address, dailyCapWei }) =>
        `relayer    ${getAddress(address)} pays gas on ${network}, at most ${formatEther(dailyCapWei)} in 24 hours`,
    ),
    '',
    nextStep(serving, config),
    'Ctrl-C stops everything.',
  ]
}

function nextStep({ url }: Serving, config: Config): string {
  const program = callAgain({ folder: process.cwd(), script: process.argv[1] ?? '' })
  if (!config.sandbox) return `Next: make an API key with: ${program} keys create --name shop${storeFlags(config)}`
  return `Next, in another terminal: ${program} demo${url === USUAL_URL ? '' : ` --url ${url}`}`
}

/** All of an RPC URL that may be shown: the rest of it is often a key. */
function hostOf(url: string): string {
  return new URL(url).host
}

/** Where the sandbox's chain is, without what else its URL may hold. */
function originOf(url: string): string {
  return new URL(url).origin
}

/** A database as it may be shown: without user, password and options. */
function databaseOf(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

function settles(confirmations: NetworkConfig['confirmations']): string {
  return confirmations === 'finalized' ? 'settles when final' : `settles after ${confirmations} confirmations`
}
