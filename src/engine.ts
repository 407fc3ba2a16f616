import { type MakeLimiter, makeMemoryLimiter } from './auth/limiter.ts'
import type { Secrets } from './auth/secrets.ts'
import { loadSecrets } from './auth/secrets-file.ts'
import { createSharedLimits } from './auth/shared-limits.ts'
import { openSharedSecrets, RENEWAL_MS } from './auth/shared-secrets.ts'
import { startLoop } from './loop.ts'
import { type ClockNews, type Passing, STANDING_MS, SteadyClock } from './operating/steady-clock.ts'
import { openPostgresStore, type PostgresStore } from './store/postgres.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import type { Log } from './use-cases/app.ts'

/** The store, and what goes with the choice of it: alone with an embedded one, or with other nodes on PostgreSQL. */
export type Engine = {
  store: Store & { stats: () => { commits: number; groups: number } }
  /** Unix milliseconds; steady where a clock jumps, and by the database's clock where there is one. */
  clock: () => number
  secrets: Secrets
  makeRateLimiter: MakeLimiter
  makeGuessLimiter: MakeLimiter
  /** Tells the command line on this machine where the server is to be reached. */
  announce: (url: string) => void
  /** Ends what runs beside the store, and closes the store. */
  close: () => Promise<void>
}

type EngineOptions = {
  dataDir: string
  /** Null: the embedded store in `dataDir`. */
  databaseUrl: string | null
  /** This machine's (Unix milliseconds). */
  clock: () => number
  /** Whether the clock is right whatever else says otherwise, as the clock of a test is. */
  isClockRight: boolean
  /** What time passes by; left out: the machine's own monotonic clock. */
  passing?: Passing
  log: Log
}

/** How often the clocks are compared: with one's own, and with the database's. */
const OWN_CLOCK_PAUSE_MS = 1_000
const DATABASE_CLOCK_PAUSE_MS = 10_000

/**
 * Opens the store.
 * @throws StoreUnusable, SecretsUnusable; then nothing is open
 */
export function openEngine({ databaseUrl, ...options }: EngineOptions): Promise<Engine> {
  return databaseUrl === null ? openEmbedded(options) : openShared({ ...options, databaseUrl })
}

async function openEmbedded(options: Omit<EngineOptions, 'databaseUrl'>): Promise<Engine> {
  const { dataDir, isClockRight, log } = options
  const time = new SteadyClock(options.clock(), options.passing)
  const clock = isClockRight ? options.clock : time.now
  const store = await openSqliteStore({ dataDir, clock })
  return unlessFailing(store, async () => {
    const secrets = loadSecrets({ dataDir, nowMs: clock() })
    const compare = async () => tellOfClock(log, 'this machine', time, time.compare(options.clock()))
    const comparing = isClockRight ? null : startLoop(compare, OWN_CLOCK_PAUSE_MS, () => undefined)
    const close = async () => {
      await comparing?.stop()
      await store.close()
    }
    const announce = (url: string) => store.announce(url)
    return {
      store,
      clock,
      secrets,
      makeRateLimiter: makeMemoryLimiter,
      makeGuessLimiter: makeMemoryLimiter,
      announce,
      close,
    }
  })
}

async function openShared(options: EngineOptions & { databaseUrl: string }): Promise<Engine> {
  const { isClockRight, log } = options
  const time = new SteadyClock(options.clock(), options.passing)
  const clock = isClockRight ? options.clock : time.now
  const store = await openPostgresStore({ url: options.databaseUrl, clock })
  return unlessFailing(store, async () => {
    const report = (what: string) => (error: unknown) => log.warn({ err: error }, what)
    const stopComparing = isClockRight ? async () => undefined : await keepInStep(time, store, options)
    const secrets = await openSharedSecrets({ keeper: store, clock })
    const onRenewError = report('the secrets could not be renewed; it will be tried again')
    const renewing = startLoop(secrets.renew, RENEWAL_MS, onRenewError)
    const limits = createSharedLimits({
      counters: store.counters,
      onError: report('calls are counted by this node alone until the database answers'),
    })
    const { makeRateLimiter, makeGuessLimiter } = limits
    const close = async () => {
      await Promise.all([renewing.stop(), limits.stop(), stopComparing()])
      await store.close()
    }
    return { store, clock, secrets, makeRateLimiter, makeGuessLimiter, announce: () => undefined, close }
  })
}

/** Goes by the database's clock from now on. @returns what ends that */
async function keepInStep(
  time: SteadyClock,
  store: PostgresStore,
  { clock, log }: Pick<EngineOptions, 'clock' | 'log'>,
): Promise<() => Promise<void>> {
  const ask = async () => {
    const beforeMs = time.now()
    const theirsMs = await store.nowMs()
    const doubtMs = (time.now() - beforeMs) / 2
    return { theirsMs: theirsMs + doubtMs, doubtMs }
  }
  time.set((await ask()).theirsMs)
  const compare = async () => {
    const { theirsMs, doubtMs } = await ask()
    tellOfClock(log, 'the database', time, time.compare(theirsMs, doubtMs))
  }
  const comparing = startLoop(compare, DATABASE_CLOCK_PAUSE_MS, () => undefined)
  const looking = startLoop(watchOwnClock(time, { clock, log }), OWN_CLOCK_PAUSE_MS, () => undefined)
  return async () => {
    await Promise.all([comparing.stop(), looking.stop()])
  }
}

/** Says so when this machine's clock goes wrong, and when it is right again; nothing goes by it. */
function watchOwnClock(time: SteadyClock, { clock, log }: Pick<EngineOptions, 'clock' | 'log'>): () => Promise<void> {
  let wasWrong = false
  return async () => {
    const differenceMs = clock() - time.now()
    const isWrong = Math.abs(differenceMs) > (wasWrong ? 1_000 : 2_000)
    if (isWrong === wasWrong) return
    wasWrong = isWrong
    log.warn({ differenceMs }, isWrong ? "this clock is wrong; the database's counts" : 'this clock is right again')
  }
}

function tellOfClock(log: Log, whose: string, { doubtedMs }: SteadyClock, news: ClockNews): void {
  if (news === 'jumped') {
    const waits = `it counts once it has stood for ${STANDING_MS / 60_000} minutes, and nothing ends by it before`
    log.warn({ differenceMs: doubtedMs }, `the clock of ${whose} has jumped; ${waits}`)
  }
  if (news === 'returned') log.warn({}, `the clock of ${whose} has jumped back; nothing has ended by its jump`)
  if (news === 'believed') log.warn({}, `the clock of ${whose} has stood since it jumped; its time counts now`)
  if (news === 'slept') log.info({}, `this machine was asleep; the time is that of ${whose} again`)
}

async function unlessFailing(store: Store, open: () => Promise<Engine>): Promise<Engine> {
  try {
    return await open()
  } catch (error) {
    await store.close()
    throw error
  }
}
