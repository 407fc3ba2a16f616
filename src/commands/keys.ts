import { resolve } from 'node:path'
import { noAttestation } from '../auth/attestation.ts'
import { readSecrets } from '../auth/secrets-file.ts'
import { createTokens } from '../auth/tokens.ts'
import { apiKeyActions } from '../client/api-keys.ts'
import { byToken } from '../client/auth.ts'
import { createClient } from '../client/client.ts'
import type { Config } from '../config.ts'
import { quoted } from '../protocol/plain-text.ts'
import { startServer } from '../server.ts'
import { assertPostgresStore } from '../store/postgres/open.ts'
import { hasDatabase, readOwner } from '../store/sqlite/open.ts'
import { StoreUnusable } from '../store/store.ts'

type Print = (line: string) => void

/** Makes an API key and prints it, this once. */
export async function createKey(
  config: Config,
  name: string,
  ownerId: string | undefined,
  print: Print,
): Promise<void> {
  const body = { name, ...(ownerId !== undefined && { ownerId }) }
  const made = await withOperator(config, (api) => api.createApiKey(body))
  print(`${made.key}`)
  print('')
  print(`This is shown once. Send it as x-api-key. Its id is ${made.id}, its owner ${made.ownerId}.`)
}

export async function listKeys(config: Config, print: Print): Promise<void> {
  const keys = await withOperator(config, (api) => api.listApiKeys())
  if (keys.length === 0) print('There are no API keys.')
  for (const { id, prefix, name, ownerId, createdAt, revokedAt } of keys) {
    print(
      `${id}  ${prefix}…  ${revokedAt === null ? 'live' : `revoked ${revokedAt}`}  ${createdAt}  ${ownerId}  ${quoted(name)}`,
    )
  }
}

export async function revokeKey(config: Config, keyId: string, print: Print): Promise<void> {
  const key = await withOperator(config, (api) => api.revokeApiKey(keyId))
  print(`${key.id}, named ${quoted(key.name)}, is revoked since ${key.revokedAt}.`)
}

type Operator = ReturnType<typeof apiKeyActions>

function operatorOf(url: string, token: string): Operator {
  return apiKeyActions(createClient({ url }, byToken(token)))
}

/**
 * Speaks as the operator: to the server that owns the data directory, or else to one that runs for this call alone, which
 * a shared database allows at any time. Whoever reads the directory's secrets, or the database, is the operator.
 * @throws StoreUnusable where no store is: a new one would make keys that no server knows
 */
async function withOperator<T>(config: Config, use: (api: Operator) => Promise<T>): Promise<T> {
  await assertStoreThere(config)
  const url = config.databaseUrl === null ? readOwner(config.dataDir)?.note : null
  if (url && (await isAnswering(url))) {
    const tokens = createTokens({ secrets: readSecrets(config), clock: Date.now })
    return use(operatorOf(url, await tokens.issue({ kind: 'operator' })))
  }
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    dataDir: config.dataDir,
    databaseUrl: config.databaseUrl,
    publicHosts: [],
    times: { ...config, unknownGraceMs: 0, dropGraceMs: 0 },
    rateLimits: 'off',
    webhookAllow: config.webhookAllow,
    attestation: noAttestation,
    networks: [],
    clock: Date.now,
    logger: null,
  })
  try {
    return await use(operatorOf(server.url, await server.app.tokens.issue({ kind: 'operator' })))
  } finally {
    await server.stop()
  }
}

async function assertStoreThere({ dataDir, databaseUrl }: Config): Promise<void> {
  if (databaseUrl !== null) return assertPostgresStore(databaseUrl)
  if (hasDatabase(dataDir)) return
  throw new StoreUnusable(
    `There is no Sixpence store in ${resolve(dataDir)}. Name the directory of your server with --data, or its database with --database-url; a new server makes its store when it first starts.`,
  )
}

async function isAnswering(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/api/v1/finance/networks`)).ok
  } catch {
    return false
  }
}
