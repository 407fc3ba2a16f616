import { Client } from 'pg'
import { StoreUnusable } from '../store.ts'
import { assertPrimary, type Row } from './connections.ts'
import { messageOf } from './failures.ts'
import { migrationFrom, SCHEMA_VERSION } from './migrations.ts'
import { type Target, targetOf } from './target.ts'

/** "SIXP": whoever holds this advisory lock may change the schema. */
const MIGRATION_LOCK = 0x53495850

/** PostgreSQL 14 is the oldest that is tended. */
const OLDEST_SERVER = 140_000

const CONNECT_TIMEOUT_MS = 2_000
/** How long a node waits for another one that migrates, and for whoever uses a table that has to change. */
const MIGRATION_WAIT_MS = 60_000

/**
 * Brings the database to the current schema. Of several nodes one does it, and the others wait.
 * @throws StoreUnusable
 */
export async function prepareDatabase(target: Target): Promise<void> {
  await withClient(target, (client) =>
    prepareSchema(client, target, async () => {
      await assertNotMoving(client, target)
      await keepLogGrowing(client)
    }),
  )
}

/**
 * Looks whether a database holds a store, and changes nothing.
 * @throws StoreUnusable where it holds none
 */
export async function assertPostgresStore(url: string): Promise<void> {
  const target = targetOf(url)
  const version = await withClient(target, (client) => schemaOf(client, target))
  if (version > 0) return
  throw new StoreUnusable(
    `There is no Sixpence store in ${target.name}. Name the database of your servers with --database-url; a new server makes its store when it first starts.`,
  )
}

async function withClient<T>(target: Target, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    ...target.config,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    lock_timeout: MIGRATION_WAIT_MS,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await use(client)
  } catch (error) {
    if (error instanceof StoreUnusable) throw error
    throw new StoreUnusable(`${target.name} cannot be used: ${messageOf(error)}.`, { cause: error })
  } finally {
    await client.end()
  }
}

/**
 * Brings the database to the current schema, and does more in the same transaction, while nobody else does either.
 * @throws StoreUnusable, or what PostgreSQL says
 */
export async function prepareSchema(client: Client, target: Target, more: () => Promise<void>): Promise<void> {
  await assertUsable(client)
  await client.query('BEGIN')
  await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
  await migrate(client, target)
  await more()
  await client.query('COMMIT')
}

/** The table `moving` is there until all rows of a moved store are. */
async function assertNotMoving(client: Client, { name }: Target): Promise<void> {
  const { moving } = await one(client, `SELECT to_regclass('moving') IS NOT NULL AS moving`)
  if (moving === false) return
  throw new StoreUnusable(`A store is being moved to ${name}, and not all of it has arrived. Run the move to its end.`)
}

async function assertUsable(client: Client): Promise<void> {
  await assertPrimary(client)
  const server = await one(
    client,
    `SELECT current_setting('server_version_num')::int AS version,
    current_setting('server_version') AS release, current_setting('server_encoding') AS encoding`,
  )
  if (Number(server.version) < OLDEST_SERVER) throw new Error(`it is PostgreSQL ${server.release}, and 14 is needed`)
  if (server.encoding !== 'UTF8') throw new Error(`its encoding is ${server.encoding}, and UTF8 is needed`)
}

async function migrate(client: Client, target: Target): Promise<void> {
  const version = await schemaOf(client, target)
  if (version > SCHEMA_VERSION) {
    throw new StoreUnusable(
      `The store in ${target.name} was written by a newer Sixpence: it has schema ${version}, and this program knows schemas up to ${SCHEMA_VERSION}. Start the newer program.`,
    )
  }
  const sql = migrationFrom(version)
  if (sql === null) return
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${target.schema}`)
  await client.query(sql)
}

/** @returns the schema version of the store; 0 where there is none yet */
async function schemaOf(client: Client, { schema, name }: Target): Promise<number> {
  const found = await one(
    client,
    `SELECT count(*)::int AS relations, count(*) FILTER (WHERE relname = 'sixpence_store')::int AS ours
      FROM pg_class WHERE relnamespace = to_regnamespace('${schema}')`,
  )
  if (found.relations === 0) return 0
  if (found.ours === 0) {
    throw new StoreUnusable(
      `The schema ${schema} in ${name} holds tables of something else and is not a Sixpence store. Choose another database.`,
    )
  }
  const { schema_version: version } = await one(client, 'SELECT schema_version FROM sixpence_store')
  return Number(version)
}

/**
 * Transaction ids order the log. In a cluster that the database was restored into they may be behind those that the log
 * has seen; then new events get ticks from where the log ends.
 */
export async function keepLogGrowing(client: Client): Promise<void> {
  await client.query(`UPDATE sixpence_store SET tick_offset = newest.tick - pg_current_xact_id()::text::bigint
    FROM (SELECT max(tick) AS tick FROM events) AS newest
    WHERE newest.tick >= tick_offset + pg_snapshot_xmax(pg_current_snapshot())::text::bigint`)
}

async function one(client: Client, sql: string): Promise<Row> {
  const { rows } = await client.query<Row>(sql)
  const [row] = rows
  if (row === undefined) throw new Error('it gave no answer')
  return row
}
