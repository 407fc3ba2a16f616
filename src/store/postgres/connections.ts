import { type ClientBase, type ClientConfig, Pool, type PoolClient } from 'pg'
import { StoreUnavailable } from '../store.ts'
import { ConnectionLost, isRefusal, meaningOf, messageOf } from './failures.ts'

export type Row = Record<string, unknown>

/** @param name where the text is one of few: such a statement is prepared once for each connection */
export type Query = { name?: string; text: string; values?: (string | number | null | string[] | (number | null)[])[] }

const CONNECT_TIMEOUT_MS = 2_000
const STATEMENT_TIMEOUT_MS = 3_000
const LOCK_TIMEOUT_MS = 1_000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000
/** Longer than any statement may take: beyond it nobody is there any more. */
const SILENCE_TIMEOUT_MS = 4_000
const PATIENCE_MS = 120_000
const IDLE_CONNECTION_LIFE_MS = 60_000

/** A pool of connections to the primary, which may break at any time. */
export class Connections {
  readonly #pool: Pool
  readonly #underWay = new Set<Promise<unknown>>()
  #ending: Promise<void> | null = null

  /** Connects when it is first asked something. */
  constructor(config: ClientConfig, size: number) {
    this.#pool = new Pool({
      ...config,
      max: size,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
      query_timeout: SILENCE_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_CONNECTION_LIFE_MS,
      keepAlive: true,
      verify: (client, done) => void assertPrimary(client).then(() => done(), done),
    })
    // A connection that breaks says so to whoever waits for it, and the pool forgets it; nobody else needs to know.
    this.#pool.on('error', () => undefined)
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
  }

  get isOpen(): boolean {
    return this.#ending === null
  }

  /** Lets work finish before the pool ends. @throws Error once it is ending */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    if (!this.isOpen) throw new Error('The store is closed.')
    const running = work()
    this.#underWay.add(running)
    try {
      return await running
    } finally {
      this.#underWay.delete(running)
    }
  }

  /**
   * Asks what may be asked twice. After a restart of the server every connection of the pool is broken, and each tells
   * only when it is used.
   */
  read(query: Query): Promise<Row[]> {
    return this.during(async () => {
      const deadline = performance.now() + SILENCE_TIMEOUT_MS
      for (;;) {
        try {
          return await this.ask(query)
        } catch (error) {
          if (!(error instanceof ConnectionLost) || performance.now() > deadline) throw error
        }
      }
    })
  }

  /** Reads much, as is done once at start. */
  readPatiently(query: Query): Promise<Row[]> {
    return this.during(() =>
      this.#withClient(async (client) => {
        await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${PATIENCE_MS}`)
        const { rows } = await client.query<Row>({ ...query, ...{ query_timeout: PATIENCE_MS } })
        await client.query('COMMIT')
        return rows
      }),
    )
  }

  /**
   * Asks once.
   * @throws ConnectionLost where it may have happened or not; StoreUnavailable, Conflict, Collision and others where not
   */
  ask(query: Query): Promise<Row[]> {
    return this.#withClient(async (client) => (await client.query<Row>(query)).rows)
  }

  /** Ends the connections after all that is under way. */
  end(): Promise<void> {
    this.#ending ??= Promise.allSettled(this.#underWay).then(() => this.#pool.end())
    return this.#ending
  }

  async #withClient<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#connect()
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      client.release(!isRefusal(error))
      throw meaningOf(error)
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      throw new StoreUnavailable(`There is no connection to PostgreSQL: ${messageOf(error)}.`, { cause: error })
    }
  }
}

/**
 * A standby shows the past, so nothing may be decided on it.
 * @throws StoreUnavailable
 */
export async function assertPrimary(client: ClientBase): Promise<void> {
  const { rows } = await client.query<Row>('SHOW transaction_read_only')
  if (rows[0]?.transaction_read_only !== 'off')
    throw new StoreUnavailable('This PostgreSQL is a standby, or read-only.')
}
