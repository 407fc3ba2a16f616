import { type MakeLimiter, makeMemoryLimiter } from './auth/limiter.ts'
import type { Secrets } from './auth/secrets.ts'
import { loadSecrets } from './auth/secrets-file.ts'
import { createSharedLimits } from './auth/shared-limits.ts'
import { openSharedSecrets, RENEWAL_MS } from './auth/shared-secrets.ts'
import { startLoop } from './loop.ts'
import { CorrectedClock } from './operating/corrected-clock.ts'
import { openPostgresStore, type PostgresStore } from './store/postgres.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import type { Log } from './use-cases/app.ts'

/** The store, and what goes with the choice of it: alone with an embedded one, or with other nodes on PostgreSQL. */
export type Engine = {
  store: Store & { stats: () => { commits: number; groups: number } }
  /** Unix milliseconds; by the database's clock where this node's own is wrong. */
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
  clock: () => number
  /** Whether the clock is right even where the database's differs, as the clock of a test is. */
  isClockRight: boolean
  log: Log
}

/** How often a node looks whether its clock is right. */
const CLOCK_PAUSE_MS = 10_000

/**
 * Opens the store.
 * @throws StoreUnusable, SecretsUnusable; then nothing is open
 */
export function openEngine({ databaseUrl, ...options }: EngineOptions): Promise<Engine> {
  return databaseUrl === null ? openEmbedded(options) : openShared({ ...options, databaseUrl })
}

async function openEmbedded({ dataDir, clock }: { dataDir: string; clock: () => number }): Promise<Engine> {
  const store = await openSqliteStore({ dataDir, clock })
  return unlessFailing(store, async () => ({
    store,
    clock,
    secrets: loadSecrets({ dataDir, nowMs: clock() }),
    makeRateLimiter: makeMemoryLimiter,
    makeGuessLimiter: makeMemoryLimiter,
    announce: (url) => store.announce(url),
    close: () => store.close(),
  }))
}

async function openShared(options: EngineOptions & { databaseUrl: string }): Promise<Engine> {
  const { log } = options
  const ownClock = new CorrectedClock(options.clock)
  const clock = ownClock.now
  const store = await openPostgresStore({ url: options.databaseUrl, clock })
  return unlessFailing(store, async () => {
    const report = (what: string) => (error: unknown) => log.warn({ err: error }, what)
    const stopLooking = options.isClockRight ? async () => undefined : await keepCorrect(ownClock, store, log)
    const secrets = await openSharedSecrets({ keeper: store, clock })
    const onRenewError = report('the secrets could not be renewed; it will be tried again')
    const renewing = startLoop(secrets.renew, RENEWAL_MS, onRenewError)
    const limits = createSharedLimits({
      counters: store.counters,
      onError: report('calls are counted by this node alone until the database answers'),
    })
    const { makeRateLimiter, makeGuessLimiter } = limits
    const close = async () => {
      await Promise.all([renewing.stop(), limits.stop(), stopLooking()])
      await store.close()
    }
    return { store, clock, secrets, makeRateLimiter, makeGuessLimiter, announce: () => undefined, close }
  })
}

/** Compares the clock with the database's, now and from time to time. @returns what ends that */
async function keepCorrect(clock: CorrectedClock, store: PostgresStore, log: Log): Promise<() => Promise<void>> {
  const compare = async () => {
    const before = clock.correctionMs
    await clock.compare(() => store.nowMs())
    const { correctionMs } = clock
    if (Math.abs(correctionMs - before) < 1000) return
    log.warn(
      { correctionMs },
      correctionMs === 0 ? 'this clock is right again' : "this clock is wrong; the database's counts",
    )
  }
  await compare()
  const looking = startLoop(compare, CLOCK_PAUSE_MS, () => undefined)
  return () => looking.stop()
}

async function unlessFailing(store: Store, open: () => Promise<Engine>): Promise<Engine> {
  try {
    return await open()
  } catch (error) {
    await store.close()
    throw error
  }
}
