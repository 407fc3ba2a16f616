import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Attestation } from './auth/attestation.ts'
import { createGuessLimits } from './auth/guesses.ts'
import { withLoopbackNames } from './auth/hosts.ts'
import { createPasswords, type PasswordCost } from './auth/passwords.ts'
import { createFairQueue, createQueue } from './auth/queue.ts'
import { createRateLimits, type RatePreset } from './auth/rate-limits.ts'
import { createTokens } from './auth/tokens.ts'
import { type EvmChain, openEvmChain } from './chains/evm/evm-chain.ts'
import type { KeepGenesis } from './chains/evm/genesis-check.ts'
import { openEvmRelayer } from './chains/evm/relay/evm-relayer.ts'
import { evmRules } from './chains/evm/rules.ts'
import type { Relayer } from './chains/relayer.ts'
import { EventStreams } from './delivery/event-streams.ts'
import { type Currency, indexCurrencies, type Network } from './domain/currency.ts'
import type { Hex } from './domain/payment.ts'
import type { RequiredDepth } from './domain/settlement.ts'
import type { DeliveryStatus } from './domain/webhook-delivery.ts'
import { type Engine, openEngine } from './engine.ts'
import { type FxSettings, type Lookout, openFx } from './fx/open-fx.ts'
import { createHttp } from './http/app.ts'
import type { MetricsAudience } from './http/metrics-audience.ts'
import type { Routes } from './http/routes.ts'
import { startLoop } from './loop.ts'
import { LoadGate, monitorDelay } from './operating/load.ts'
import { Metrics, type Task } from './operating/metrics.ts'
import { type Phase, readReadiness } from './operating/readiness.ts'
import type { Passing } from './operating/steady-clock.ts'
import { AliveBounds } from './use-cases/alive.ts'
import type { App, Log, SwapPolicy, Times } from './use-cases/app.ts'
import { EventFanOut, markBeginning } from './use-cases/fan-out-events.ts'
import { keepGenesis } from './use-cases/keep-genesis.ts'
import { Leases } from './use-cases/leases.ts'
import { readRelayers } from './use-cases/read-relayers.ts'
import { RecentRows } from './use-cases/recent-rows.ts'
import { WebhookSender } from './use-cases/send-webhooks.ts'
import { sweep } from './use-cases/sweep.ts'
import { tendRelays, watchRelayerBalance } from './use-cases/tend-relays.ts'
import { watchSettlements } from './use-cases/watch-settlements.ts'

/** A network, what is paid in it, and the nodes to ask; without nodes its payments stay UNVERIFIED. */
export type ServedNetwork = {
  network: Network
  currencies: Currency[]
  rpcUrls: string[]
  confirmations: RequiredDepth
  pollIntervalMs: number
  maxHeadAgeMs: number | null
  /** Whether its chain may begin anew on the same data, as the sandbox's own may; otherwise such a chain is not believed. */
  mayBeginAnew?: boolean
  /** Who names prices there; left out: nobody. */
  fx?: FxSettings
}

export type ServerOptions = {
  host: string
  /** 0 takes any free port. */
  port: number
  dataDir: string
  /** The PostgreSQL database that nodes share; null: the embedded one in `dataDir`. */
  databaseUrl: string | null
  /** Hosts, with ports, under which wallets reach the server; the address that it listens on is always one. */
  publicHosts: string[]
  times: Times
  /** What differs from `DEFAULT_SWAPS`. */
  swaps?: Partial<SwapPolicy>
  rateLimits: RatePreset
  /** Hosts, hosts with ports, and networks that webhooks may reach although they are private, and by http. */
  webhookAllow: readonly string[]
  attestation: Attestation
  /** What hashing a password costs; left out: what OWASP asks for. */
  passwordCost?: PasswordCost
  networks: ServedNetwork[]
  /** Who carries out signatures; left out: nobody. */
  relayer?: RelayerSettings
  /** The node of the sandbox's chain, for wallets in browsers; left out: there is none. */
  sandboxRpcUrl?: string | null
  /** Runs once the store is owned and before any node is asked: the sandbox starts its chain here. */
  onStoreOpened?: () => Promise<void>
  /** This machine's (Unix milliseconds). */
  clock: () => number
  /** Whether the clock is right whatever else says otherwise, as the clock of a test is; false by default. */
  isClockRight?: boolean
  /** What time passes by; left out: the machine's own monotonic clock. */
  passing?: Passing
  logger: FastifyBaseLogger | null
  /** What differs from `DEFAULT_OPERATION`. */
  operation?: Partial<Operation>
}

/** A key that pays for gas, and the most that it may pay in 24 hours on each network where it does. */
export type RelayerSettings = { privateKey: Hex; dailyCapsWei: ReadonlyMap<string, bigint> }

/** How the server is run, watched and stopped. */
export type Operation = {
  /** How many proxies stand before the server (0: none), or which they are: their word on the caller's address counts. */
  trustProxy: number | readonly string[]
  metricsFor: MetricsAudience
  /** How long a stopping server goes on taking calls after it says that it is not ready. */
  drainDelayMs: number
  /** How late the event loop is just now; null: measured. */
  delayMs: (() => number) | null
  /** How often an event stream shows that it lives, and asks whether its reader may still read. */
  heartbeatMs: number
}

const DEFAULT_SWAPS: SwapPolicy = { quoteTtlMs: 2 * 60_000, slippageBps: 50, fee: null }

const DEFAULT_OPERATION: Operation = {
  trustProxy: 0,
  metricsFor: 'loopback',
  drainDelayMs: 0,
  delayMs: null,
  heartbeatMs: 15_000,
}

export type RunningServer = {
  url: string
  app: App
  http: Routes
  /** Says that it is not ready, ends what runs, lets calls under way finish, and closes the store. */
  stop: () => Promise<void>
}

/** How long calls under way have to end when the server stops. */
const DRAIN_MS = 10_000

/** Lists under way, and those that wait for them. */
const LISTS = { atOnce: 4, waiting: 500, waitingEach: 20 }

/** Calls that look through a session for what their receipts pay, and those that wait for them: readers do not take their turns. */
const SESSION_LOOKS = { atOnce: 4, waiting: 1000 }

const SWEEP_PAUSE_MS = 1000
const WATCH_PAUSE_MS = 2000
const WEBHOOK_PAUSE_MS = 1000
const POOLS_PAUSE_MS = 10_000
const RELAYS_PAUSE_MS = 2000
const BALANCE_PAUSE_MS = 60_000

/**
 * Puts the parts together and starts them. This is the only place that knows them all.
 * @throws StoreUnusable, SecretsUnusable, WrongChainId, and what listening throws; then nothing runs
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const log = logFor(options.logger)
  const engine = await openEngine({ ...options, isClockRight: options.isClockRight ?? false, log })
  const chains: EvmChain[] = []
  const stopping = new AbortController()
  try {
    await options.onStoreOpened?.()
    for (const served of options.networks) {
      if (served.rpcUrls.length > 0) chains.push(await startChain(served, engine, log))
    }
    const operation = { ...DEFAULT_OPERATION, ...options.operation }
    const streams = openStreams(engine.store, { operation, log, stopping: stopping.signal })
    const { fx, lookouts } = openFx(options.networks.flatMap(marketOf), { chains, clock: engine.clock })
    const relayers = openRelayers(options.relayer, chains)
    const parts = { engine, chains, relayers, fx, streams, log, stopping: stopping.signal }
    const app = await createApp(options, parts)
    const operating = operate(operation, { app, engine, chains, ownClock: options.clock })
    const { logger } = options
    const { sandboxRpcUrl = null } = options
    const http = createHttp(app, { logger, sandboxRpcUrl, ...operating.http })
    await markBeginning(app)
    await http.listen({ host: options.host, port: options.port })
    const url = urlOf(http, options.host)
    const hosts = withLoopbackNames([...options.publicHosts, new URL(url).host])
    app.publicHosts.splice(0, app.publicHosts.length, ...hosts)
    engine.announce(url)
    const stopLoops = startLoops(app, { chains, lookouts }, operating)
    operating.enter('ready')
    const stop = async () => {
      await operating.leave()
      stopping.abort()
      await closeHttp(http)
      const loopsEnd = stopLoops()
      for (const chain of chains) chain.stop()
      await loopsEnd
      await app.leases.giveUpAll()
      await engine.close()
    }
    return { url, app, http, stop }
  } catch (error) {
    for (const chain of chains) chain.stop()
    await engine.close()
    throw error
  }
}

/** Where the operator has said how much it may cost; there must be a node to ask. */
function openRelayers(settings: RelayerSettings | undefined, chains: EvmChain[]): Relayer[] {
  return chains.flatMap((chain) => {
    const dailyCapWei = settings?.dailyCapsWei.get(chain.network)
    if (settings === undefined || dailyCapWei === undefined) return []
    return [openEvmRelayer({ chain, privateKey: settings.privateKey, dailyCapWei })]
  })
}

type Operated = { app: App; engine: Engine; chains: EvmChain[]; ownClock: () => number }

/** What the operator sees of the server, and how the server says that it comes and goes. */
function operate(operation: Operation, { app, engine, chains, ownClock }: Operated) {
  const { store } = engine
  const { trustProxy, metricsFor, drainDelayMs } = operation
  let phase: Phase = 'starting'
  const monitor = operation.delayMs === null ? monitorDelay() : { delayMs: operation.delayMs, stop: () => undefined }
  const load = new LoadGate(monitor.delayMs)
  const nodes = () => chains.map((chain) => ({ network: chain.network, ...chain.lastSeen() }))
  const relayers = () => readRelayers(app)
  const sources = {
    ...app,
    nodes,
    relayers,
    storeStats: () => store.stats(),
    callsUnderWay: () => load.underWay,
    ownClock,
  }
  const metrics = metricsFor === 'off' ? null : new Metrics(sources)
  const readiness = () => readReadiness({ phase: () => phase, store, nodes })
  return {
    http: { trustProxy, load, readiness, metrics, metricsFor, isStopping: () => phase === 'stopping' },
    failed: (task: Task) => metrics?.failed(task),
    attempted: (status: DeliveryStatus) => metrics?.webhookAttempted(status),
    enter: (next: Phase) => {
      phase = next
    },
    /** Whoever sends callers here has until the end of this to hear that there are to be no more. */
    leave: async () => {
      phase = 'stopping'
      await delay(drainDelayMs)
      monitor.stop()
    },
  }
}

function marketOf({ network, currencies, fx }: ServedNetwork) {
  return fx === undefined ? [] : [{ network: network.name, currencies, fx }]
}

async function closeHttp(http: Routes): Promise<void> {
  const impatience = setTimeout(() => http.server.closeAllConnections(), DRAIN_MS)
  await http.close()
  clearTimeout(impatience)
}

async function startChain(served: ServedNetwork, { store, clock }: Engine, log: Log): Promise<EvmChain> {
  const { network, rpcUrls, confirmations, pollIntervalMs, maxHeadAgeMs } = served
  const chain = openEvmChain({
    network: network.name,
    chainId: network.chainId ?? 0,
    rpcUrls,
    required: confirmations,
    pollIntervalMs,
    maxHeadAgeMs,
    clock,
    keepGenesis: genesisKeeper(served, store, log),
    log: (line) => log.warn({ network: network.name }, line),
  })
  await chain.start()
  return chain
}

/** Tells a chain that was reset from the one that the stored payments are on. */
function genesisKeeper(
  { network, mayBeginAnew = false }: ServedNetwork,
  store: Engine['store'],
  log: Log,
): KeepGenesis {
  return async (hash) => {
    const known = await keepGenesis(store, network.chainId ?? 0, hash)
    if (known === hash || !mayBeginAnew) return known
    log.warn(
      { network: network.name },
      'the chain was reset: what was paid before is not on it, and old vouchers may fail',
    )
    return hash
  }
}

function openStreams(
  store: Engine['store'],
  { operation, log, stopping }: { operation: Operation; log: Log; stopping: AbortSignal },
): EventStreams {
  const onError = (error: unknown) => log.error({ err: error }, 'reading the log of events failed; it will run again')
  return new EventStreams({ store, heartbeatMs: operation.heartbeatMs, stopping, onError })
}

type Parts = {
  engine: Engine
  chains: EvmChain[]
  relayers: Relayer[]
  fx: App['fx']
  streams: EventStreams
  log: Log
  stopping: AbortSignal
}

async function createApp(options: ServerOptions, parts: Parts): Promise<App> {
  const { engine, chains, relayers, fx, streams, log, stopping } = parts
  const { store, secrets, clock } = engine
  return {
    store,
    recent: new RecentRows(store),
    alive: new AliveBounds(store, options.rateLimits !== 'off', clock),
    clock,
    times: options.times,
    networks: new Map(options.networks.map(({ network }) => [network.name, network])),
    currencies: indexCurrencies(options.networks.flatMap(({ currencies }) => currencies)),
    fx,
    swaps: { ...DEFAULT_SWAPS, ...options.swaps },
    chains: new Map(chains.map((chain) => [chain.network, chain])),
    relayers: new Map(relayers.map((relayer) => [relayer.network, relayer])),
    rules: evmRules,
    codes: await store.codeDealers(clock()),
    secrets,
    tokens: createTokens({ secrets, clock }),
    passwords: createPasswords(options.passwordCost),
    attestation: options.attestation,
    guesses: createGuessLimits(engine.makeGuessLimiter),
    limits: createRateLimits(options.rateLimits, engine.makeRateLimiter),
    publicHosts: [...options.publicHosts],
    stopping,
    followed: new Set(),
    webhookPolicy: { allow: options.webhookAllow },
    leases: new Leases(store),
    fence: null,
    streams,
    lists: createFairQueue(LISTS),
    sessionLooks: createQueue(SESSION_LOOKS),
    log,
  }
}

/** What hears of work that nobody waits for. */
type Watchers = { failed: (task: Task) => void; attempted: (status: DeliveryStatus) => void }

type Watched = { chains: EvmChain[]; lookouts: Lookout[] }

/**
 * What goes on without anybody asking: tidying up, following settlements at every new head, looking what can be
 * swapped, sending webhooks.
 */
function startLoops(app: App, { chains, lookouts }: Watched, watchers: Watchers): () => Promise<void> {
  const report = (task: Task, what: string) => (error: unknown) => {
    watchers.failed(task)
    app.log.error({ err: error }, `${what} failed; it will run again`)
  }
  const stopWebhooks = startWebhooks(app, watchers.attempted, report('webhooks', 'sending webhooks'))
  const sweeping = startLoop(() => sweep(app), SWEEP_PAUSE_MS, report('sweep', 'the sweep'))
  const looking = lookouts.map((look) => startLoop(look, POOLS_PAUSE_MS, report('pools', 'looking for pools')))
  const stopWatching = chains.map((chain) => {
    const watching = startLoop(
      () => watchSettlements(app, chain),
      WATCH_PAUSE_MS,
      report('watch', 'watching settlements'),
    )
    const unsubscribe = chain.onHead(() => watching.wake())
    return () => {
      unsubscribe()
      return watching.stop()
    }
  })
  const stopRelays = startRelays(app, chains, report('relays', 'looking after relays'))
  return async () => {
    const stopLooking = looking.map((loop) => loop.stop())
    const stops = [stopWebhooks, stopRelays, ...stopWatching]
    await Promise.all([sweeping.stop(), ...stopLooking, ...stops.map((stop) => stop())])
  }
}

/** What is relayed is looked after at every new head. */
function startRelays(app: App, chains: EvmChain[], onError: (error: unknown) => void): () => Promise<void> {
  const stops = chains.flatMap((chain) => {
    const relayer = app.relayers.get(chain.network)
    if (relayer === undefined) return []
    const tending = startLoop(() => tendRelays(app, relayer, chain), RELAYS_PAUSE_MS, onError)
    const balance = startLoop(watchRelayerBalance(app, relayer), BALANCE_PAUSE_MS, onError)
    const unsubscribe = chain.onHead(() => tending.wake())
    return [
      async () => {
        unsubscribe()
        await Promise.all([tending.stop(), balance.stop()])
      },
    ]
  })
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}

/** Events are handed out as they come, and sent as soon as they are handed out. */
function startWebhooks(
  app: App,
  onAttempt: Watchers['attempted'],
  onError: (error: unknown) => void,
): () => Promise<void> {
  const sender = new WebhookSender(app, { onAttempt, onRoom: () => sending.wake(), onError })
  const sending = startLoop(() => sender.turn(), WEBHOOK_PAUSE_MS, onError)
  const fanOut = new EventFanOut(app, () => sending.wake())
  const handOut = async () => {
    await fanOut.turn()
  }
  const handingOut = startLoop(handOut, WEBHOOK_PAUSE_MS, onError)
  const unsubscribe = app.store.onEvents(() => {
    if (!fanOut.isIdle) handingOut.wake()
  })
  return async () => {
    unsubscribe()
    await Promise.all([handingOut.stop(), sending.stop()])
    await sender.stop()
  }
}

function urlOf(http: Routes, host: string): string {
  const { port } = http.server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }

function logFor(logger: FastifyBaseLogger | null): Log {
  return logger ?? SILENT
}
