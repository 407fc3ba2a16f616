import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { CodeDealers } from '../domain/code-dealer.ts'
import type { DeliveryStatus } from '../domain/webhook-delivery.ts'
import type { ProblemCode } from '../protocol/problems.ts'
import { eachWatched } from '../store/each-watched.ts'
import type { Store } from '../store/store.ts'
import type { NodeStatus } from './readiness.ts'

/** What is only looked at when somebody asks for the metrics. */
export type MetricSources = {
  store: Pick<Store, 'watched' | 'webhookBacklog'>
  storeStats: () => { commits: number; groups: number }
  codes: CodeDealers
  streams: { openCount: number; cutCount: number }
  nodes: () => NodeStatus[]
  callsUnderWay: () => number
  relayers: () => Promise<RelayerNumbers[]>
  clock: () => number
  /** This machine's. */
  ownClock: () => number
}

/** How a key that carries out signatures stands on a network, in wei. */
type RelayerNumbers = {
  network: string
  underWay: number
  spentWei: bigint
  dailyCapWei: bigint
  balanceWei: bigint | null
}

/** A call that is over. `status` 499: the caller went away before the answer was out. */
export type EndedCall = { method: string; route: string; status: number; durationMs: number }

export type Task = 'sweep' | 'watch' | 'webhooks' | 'pools' | 'relays'

/** In the format that Prometheus reads. */
export type Exposition = { contentType: string; text: string }

/** From a read out of memory to a call that waits for a block. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Node's own numbers are the process's, however many servers it runs. */
let processRegistry: Registry | undefined

export class Metrics {
  readonly #registry = new Registry()
  readonly #durations: Histogram<'method' | 'route' | 'status'>
  readonly #refusals: Counter<'code'>
  readonly #failures: Counter<'task'>
  readonly #attempts: Counter<'outcome'>
  readonly #refreshes: Refresh[]
  /** Finding a histogram's labels costs more than observing, so that is done once for each route and status. */
  readonly #observers = new Map<string, { observe: (seconds: number) => void }>()

  constructor(sources: MetricSources) {
    const registers = [this.#registry]
    this.#durations = new Histogram({
      name: 'sixpence_http_request_duration_seconds',
      help: 'How long calls took, by route pattern and status; 499: the caller went away first',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATION_BUCKETS_SECONDS,
      registers,
    })
    this.#refusals = new Counter({
      name: 'sixpence_refusals_total',
      help: 'Calls refused, by problem code',
      labelNames: ['code'],
      registers,
    })
    this.#failures = new Counter({
      name: 'sixpence_background_failures_total',
      help: 'Turns of background work that failed and will run again',
      labelNames: ['task'],
      registers,
    })
    for (const task of ['sweep', 'watch', 'webhooks', 'pools', 'relays'] satisfies Task[])
      this.#failures.inc({ task }, 0)
    this.#attempts = new Counter({
      name: 'sixpence_webhook_attempts_total',
      help: 'Attempts to send a webhook, by what became of the delivery',
      labelNames: ['outcome'],
      registers,
    })
    const watches = [
      watchStore,
      watchCodes,
      watchSettlements,
      watchWebhooks,
      watchNodes,
      watchRelayers,
      watchStreams,
      watchClock,
    ]
    this.#refreshes = watches.map((watch) => watch(this.#registry, sources))
    processRegistry ??= startProcessRegistry()
  }

  callEnded({ method, route, status, durationMs }: EndedCall): void {
    const key = `${status} ${method} ${route}`
    let observer = this.#observers.get(key)
    if (observer === undefined) {
      observer = this.#durations.labels(method, route, String(status))
      this.#observers.set(key, observer)
    }
    observer.observe(durationMs / 1000)
  }

  refused(code: ProblemCode): void {
    this.#refusals.inc({ code })
  }

  failed(task: Task): void {
    this.#failures.inc({ task })
  }

  /** @param status of the delivery after the attempt */
  webhookAttempted(status: DeliveryStatus): void {
    this.#attempts.inc({ outcome: status.toLowerCase() })
  }

  async expose(): Promise<Exposition> {
    // A store out of reach takes its own numbers along, not the others: those are needed most just then.
    await Promise.allSettled(this.#refreshes.map(async (refresh) => refresh()))
    const own = await this.#registry.metrics()
    const ofProcess = (await processRegistry?.metrics()) ?? ''
    return { contentType: this.#registry.contentType, text: `${own}\n${ofProcess}` }
  }
}

function startProcessRegistry(): Registry {
  const register = new Registry()
  collectDefaultMetrics({ register })
  return register
}

/** Brings numbers up to date that are only looked at when somebody asks. */
type Refresh = () => void | Promise<void>

function watchStore(registry: Registry, { storeStats, callsUnderWay }: MetricSources): Refresh {
  const registers = [registry]
  const commits = new Counter({ name: 'sixpence_commits_total', help: 'Commits made durable', registers })
  const groups = new Counter({
    name: 'sixpence_commit_groups_total',
    help: 'Disk syncs that made them durable; commits divided by groups is the mean group size',
    registers,
  })
  const underWay = new Gauge({
    name: 'sixpence_calls_under_way',
    help: 'Calls that are being answered, but for those that wait for something outside',
    registers,
  })
  return () => {
    const stats = storeStats()
    commits.reset()
    commits.inc(stats.commits)
    groups.reset()
    groups.inc(stats.groups)
    underWay.set(callsUnderWay())
  }
}

function watchCodes(registry: Registry, { codes }: MetricSources): Refresh {
  const liveCodes = new Gauge({
    name: 'sixpence_live_codes',
    help: 'Codes of six digits in use, of 1 000 000',
    labelNames: ['pool'],
    registers: [registry],
  })
  return async () => {
    for (const [pool, dealer] of Object.entries(codes)) liveCodes.set({ pool }, await dealer.liveCount())
  }
}

function watchSettlements(registry: Registry, { store, clock }: MetricSources): Refresh {
  const registers = [registry]
  const pending = new Gauge({
    name: 'sixpence_settlements_pending',
    help: 'Settlements that are PENDING',
    registers,
  })
  const lag = new Gauge({
    name: 'sixpence_settlement_lag_seconds',
    help: 'For how long the oldest PENDING settlement has waited; 0 where none does',
    registers,
  })
  return async () => {
    const submittedAtMs = await pendingSince(store)
    const nowMs = clock()
    pending.set(submittedAtMs.length)
    lag.set((nowMs - submittedAtMs.reduce((oldest, each) => Math.min(oldest, each), nowMs)) / 1000)
  }
}

function watchWebhooks(registry: Registry, { store }: MetricSources): Refresh {
  const backlog = new Gauge({
    name: 'sixpence_webhook_backlog',
    help: 'Webhook deliveries that are still to be sent',
    registers: [registry],
  })
  return async () => backlog.set(await store.webhookBacklog())
}

/** When the receipts of each PENDING settlement came in. */
async function pendingSince(store: MetricSources['store']): Promise<number[]> {
  // One that changes meanwhile comes twice.
  const submittedAtMs = new Map<string, number>()
  for await (const { id, pendingSinceMs } of eachWatched(store)) {
    if (pendingSinceMs !== null) submittedAtMs.set(id, pendingSinceMs)
  }
  return [...submittedAtMs.values()]
}

function watchNodes(registry: Registry, { nodes }: MetricSources): Refresh {
  const registers = [registry]
  const labelNames = ['network'] as const
  const up = new Gauge({
    name: 'sixpence_node_up',
    help: 'Whether a node of the network answered when last asked',
    labelNames,
    registers,
  })
  const head = new Gauge({
    name: 'sixpence_chain_head',
    help: 'Number of the newest block seen',
    labelNames,
    registers,
  })
  return () => {
    for (const node of nodes()) {
      up.set({ network: node.network }, node.up ? 1 : 0)
      if (node.head !== null) head.set({ network: node.network }, node.head)
    }
  }
}

const WEI_PER_COIN = 1e18

function watchRelayers(registry: Registry, { relayers }: MetricSources): Refresh {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['network'] as const, registers: [registry] })
  const underWay = gauge('sixpence_relays', 'Transactions of the relayer that are not settled')
  const spent = gauge('sixpence_relayer_spent', 'Coins that the relayer spent or promised in 24 hours')
  const cap = gauge('sixpence_relayer_daily_cap', 'Coins that the relayer may spend in 24 hours')
  const balance = gauge('sixpence_relayer_balance', 'Coins that the relayer has')
  const coins = (wei: bigint) => Number(wei) / WEI_PER_COIN
  return async () => {
    for (const { network, ...status } of await relayers()) {
      underWay.set({ network }, status.underWay)
      spent.set({ network }, coins(status.spentWei))
      cap.set({ network }, coins(status.dailyCapWei))
      if (status.balanceWei !== null) balance.set({ network }, coins(status.balanceWei))
    }
  }
}

function watchStreams(registry: Registry, { streams }: MetricSources): Refresh {
  const registers = [registry]
  const open = new Gauge({ name: 'sixpence_event_streams', help: 'Event streams that are open', registers })
  const cut = new Counter({
    name: 'sixpence_event_streams_cut_total',
    help: 'Event streams that were ended because their readers did not take what came',
    registers,
  })
  return () => {
    open.set(streams.openCount)
    cut.reset()
    cut.inc(streams.cutCount)
  }
}

function watchClock(registry: Registry, { clock, ownClock }: MetricSources): Refresh {
  const difference = new Gauge({
    name: 'sixpence_clock_difference_seconds',
    help: "How far this machine's clock is ahead of the time that the server goes by",
    registers: [registry],
  })
  return () => difference.set((ownClock() - clock()) / 1000)
}
