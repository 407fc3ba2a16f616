import { type MakeLimiter, makeMemoryLimiter } from './auth/limiter.ts'
import type { Secrets } from './auth/secrets.ts'
import { loadSecrets } from './auth/secrets-file.ts'
import { createSharedLimits } from './auth/shared-limits.ts'
import { openSharedSecrets, RENEWAL_MS } from './auth/shared-secrets.ts'
import { startLoop } from './loop.ts'
import { openPostgresStore } from './store/postgres.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import type { Log } from './use-cases/app.ts'

/** The store, and what goes with the choice of it: alone with an embedded one, or with other nodes on PostgreSQL. */
export type Engine = {
  store: Store & { stats: () => { commits: number; groups: number } }
  secrets: Secrets
  makeRateLimiter: MakeLimiter
  makeGuessLimiter: MakeLimiter
  /** Tells the command line on this machine where the server is to be reached. */
  announce: (url: string) => void
  /** Ends what runs beside the store, and closes the store. */
  close: () => Promise<void>
}

type EngineOptions = { dataDir: string; databaseUrl: string | null; clock: () => number; log: Log }

/**
 * Opens the store.
 * @param options.databaseUrl null: the embedded store in `dataDir`
 * @throws StoreUnusable, SecretsUnusable; then nothing is open
 */
export function openEngine({ databaseUrl, ...options }: EngineOptions): Promise<Engine> {
  return databaseUrl === null ? openEmbedded(options) : openShared({ ...options, databaseUrl })
}

async function openEmbedded({ dataDir, clock }: { dataDir: string; clock: () => number }): Promise<Engine> {
  const store = await openSqliteStore({ dataDir, clock })
  return unlessFailing(store, async () => ({
    store,
    secrets: loadSecrets({ dataDir, nowMs: clock() }),
    makeRateLimiter: makeMemoryLimiter,
    makeGuessLimiter: makeMemoryLimiter,
    announce: (url) => store.announce(url),
    close: () => store.close(),
  }))
}

async function openShared(options: { databaseUrl: string; clock: () => number; log: Log }): Promise<Engine> {
  const { clock, log } = options
  const store = await openPostgresStore({ url: options.databaseUrl, clock })
  return unlessFailing(store, async () => {
    const secrets = await openSharedSecrets({ keeper: store, clock })
    const report = (what: string) => (error: unknown) => log.warn({ err: error }, what)
    const renewing = startLoop(
      secrets.renew,
      RENEWAL_MS,
      report('the secrets could not be renewed; it will be tried again'),
    )
    const limits = createSharedLimits({
      counters: store.counters,
      onError: report('calls are counted by this node alone until the database answers'),
    })
    const { makeRateLimiter, makeGuessLimiter } = limits
    const close = async () => {
      await Promise.all([renewing.stop(), limits.stop()])
      await store.close()
    }
    return { store, secrets, makeRateLimiter, makeGuessLimiter, announce: () => undefined, close }
  })
}

async function unlessFailing(store: Store, open: () => Promise<Engine>): Promise<Engine> {
  try {
    return await open()
  } catch (error) {
    await store.close()
    throw error
  }
}
