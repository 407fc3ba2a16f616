import type { Secrets } from './auth/secrets.ts'
import { loadSecrets } from './auth/secrets-file.ts'
import { openPostgresStore } from './store/postgres.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'

/** The store, and what goes with the choice of it: alone with an embedded one, or with other nodes on PostgreSQL. */
export type Engine = {
  store: Store & { stats: () => { commits: number; groups: number } }
  secrets: Secrets
  /** Tells the command line on this machine where the server is to be reached. */
  announce: (url: string) => void
}

/**
 * Opens the store.
 * @param options.databaseUrl null: the embedded store in `dataDir`
 * @throws StoreUnusable, SecretsUnusable; then nothing is open
 */
export function openEngine(options: {
  dataDir: string
  databaseUrl: string | null
  clock: () => number
}): Promise<Engine> {
  const { dataDir, databaseUrl, clock } = options
  return databaseUrl === null ? openEmbedded(dataDir, clock) : openShared(databaseUrl, dataDir, clock)
}

async function openEmbedded(dataDir: string, clock: () => number): Promise<Engine> {
  const store = await openSqliteStore({ dataDir, clock })
  try {
    const secrets = loadSecrets({ dataDir, nowMs: clock() })
    return { store, secrets, announce: (url) => store.announce(url) }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openShared(url: string, dataDir: string, clock: () => number): Promise<Engine> {
  const store = await openPostgresStore({ url, clock })
  try {
    const secrets = loadSecrets({ dataDir, nowMs: clock() })
    return { store, secrets, announce: () => undefined }
  } catch (error) {
    await store.close()
    throw error
  }
}
