import { Client } from 'pg'
import type { Row } from '../postgres/connections.ts'
import { messageOf } from '../postgres/failures.ts'
import { keepLogGrowing, prepareSchema } from '../postgres/open.ts'
import { type Target, targetOf } from '../postgres/target.ts'
import { StoreUnusable } from '../store.ts'
import { Checksum, type Value } from './checksum.ts'

/** "SIXQ": whoever holds this advisory lock moves a store here. */
const MOVE_LOCK = 0x53495851

const CONNECT_TIMEOUT_MS = 2_000
/** After a mover was killed, PostgreSQL may take a moment to see that it is gone. */
const LOCK_TIMEOUT_MS = 10_000

/** The store to be moved: what it is, and what its servers alone know. */
export type Moved = { identity: string; secretText: string | null }

/**
 * A PostgreSQL database that a store is moved into. The table `moving` is there until all has arrived and is proven: it
 * says which store comes, and how far each table is. Servers do not start beside it.
 */
export class MoveTarget {
  /** The database, in words without a password. */
  readonly name: string
  readonly #target: Target
  readonly #client: Client
  #progress: Record<string, unknown> = {}

  /** @throws StoreUnusable where the URL is none */
  constructor(url: string) {
    this.#target = targetOf(url)
    this.name = this.#target.name
    this.#client = new Client({
      ...this.#target.config,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      keepAlive: true,
    })
    this.#client.on('error', () => undefined)
  }

  /**
   * Begins to move a store into an empty database, or goes on with it.
   * @throws StoreUnusable where the database holds anything else
   */
  async begin(moved: Moved): Promise<void> {
    await this.#client.connect()
    await this.#lock()
    await prepareSchema(this.#client, this.#target, async () => {
      if (!(await this.#isMoving())) await this.#claim(moved)
    })
    const [found] = await this.#rows('SELECT source, progress FROM moving')
    if (found?.source !== moved.identity) throw this.#otherSource()
    this.#progress = Object(found.progress)
  }

  /** The key of the last row of a table that has arrived; 0 where none has. */
  reached(table: string): number {
    return Number(this.#progress[table] ?? 0)
  }

  /** Adds rows and says so in the progress, both or neither. */
  async add(table: string, columns: string[], rows: Value[][], reached: number): Promise<void> {
    const list = columns.join(', ')
    const records = rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])))
    await this.#client.query({
      name: `add to ${table}`,
      text: `WITH added AS (INSERT INTO ${table} (${list}) OVERRIDING SYSTEM VALUE
          SELECT ${list} FROM json_populate_recordset(NULL::${table}, $1))
        UPDATE moving SET progress = jsonb_set(progress, ARRAY[$2], to_jsonb($3::bigint))`,
      values: [JSON.stringify(records), table, reached],
    })
  }

  /** Reads a table back. */
  async checksumOf(table: string, columns: string[], batchSize: number): Promise<Checksum> {
    const checksum = new Checksum()
    const list = columns.map((column) => `${column}::text`).join(', ')
    await this.#client.query(`BEGIN READ ONLY; DECLARE arrived NO SCROLL CURSOR FOR SELECT ${list} FROM ${table}`)
    for (;;) {
      const { rows } = await this.#client.query<Value[]>({ text: `FETCH ${batchSize} FROM arrived`, rowMode: 'array' })
      if (rows.length === 0) break
      for (const row of rows) checksum.add(row)
    }
    await this.#client.query('COMMIT')
    return checksum
  }

  async secretText(): Promise<string | null> {
    const [row] = await this.#rows('SELECT body FROM secrets')
    return typeof row?.body === 'string' ? row.body : null
  }

  /** Makes the moved store one that servers may start on. */
  async end(tables: string[]): Promise<void> {
    await this.#client.query('BEGIN')
    for (const table of tables) await this.#continueRows(table)
    await keepLogGrowing(this.#client)
    await this.#client.query('DROP TABLE moving; COMMIT; ANALYZE')
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  async #lock(): Promise<void> {
    try {
      await this.#client.query(`SELECT pg_advisory_lock(${MOVE_LOCK})`)
    } catch (error) {
      throw new StoreUnusable(`A store is being moved to ${this.name} just now: ${messageOf(error)}.`, { cause: error })
    }
  }

  async #isMoving(): Promise<boolean> {
    const [found] = await this.#rows(`SELECT to_regclass('moving') IS NOT NULL AS moving`)
    return found?.moving === true
  }

  /** The secrets come first: a server that is started now would make its own otherwise. */
  async #claim({ identity, secretText }: Moved): Promise<void> {
    for (const table of await this.#tables()) {
      const [found] = await this.#rows(`SELECT EXISTS (SELECT FROM ${table}) AS used`)
      if (found?.used !== false) {
        throw new StoreUnusable(
          `${this.name} is in use already: its table ${table} is not empty. Choose an empty database.`,
        )
      }
    }
    await this.#client.query('CREATE TABLE moving (source text NOT NULL, progress jsonb NOT NULL)')
    await this.#client.query(`INSERT INTO moving VALUES ($1, '{}')`, [identity])
    if (secretText !== null) await this.#client.query('INSERT INTO secrets (body) VALUES ($1)', [secretText])
  }

  async #tables(): Promise<string[]> {
    const found = await this.#rows(`SELECT relname FROM pg_class
      WHERE relnamespace = '${this.#target.schema}'::regnamespace AND relkind = 'r' AND relname <> 'sixpence_store'`)
    return found.map(({ relname }) => String(relname))
  }

  /** New rows are numbered after those that have arrived. */
  async #continueRows(table: string): Promise<void> {
    const [found] = await this.#rows(`SELECT attidentity <> '' AS numbered FROM pg_attribute
      WHERE attrelid = '${table}'::regclass AND attname = 'row'`)
    if (found?.numbered !== true) return
    const [last] = await this.#rows(`SELECT coalesce(max(row), 0) + 1 AS next FROM ${table}`)
    await this.#client.query(`ALTER TABLE ${table} ALTER COLUMN row RESTART WITH ${last?.next}`)
  }

  #otherSource(): StoreUnusable {
    return new StoreUnusable(
      `${this.name} holds an unfinished move of another store, or of this one before a server wrote to it again. To begin anew, drop the schema ${this.#target.schema} there.`,
    )
  }

  async #rows(sql: string): Promise<Row[]> {
    return (await this.#client.query<Row>(sql)).rows
  }
}
