import { hash } from 'node:crypto'
import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { type Columns, VOUCHER_COLUMNS, WEBHOOK_DELIVERY_COLUMNS, WEBHOOK_ENDPOINT_COLUMNS } from '../columns.ts'
import { digest, storable } from '../postgres/text.ts'
import { closeDatabase, hasDatabase, openDatabase } from '../sqlite/open.ts'
import { entity, numberOf, type Row, Statements, textOf } from '../sqlite/statements.ts'
import { StoreUnusable } from '../store.ts'
import { Checksum, type Value } from './checksum.ts'

/** Rows of one table as PostgreSQL is to hold them, and the key of the last one. */
export type Batch = { rows: Value[][]; reached: number }

type Make = (row: Row) => Value

/** Columns of SQLite that PostgreSQL does not have, and columns that it has in other ways. */
type Difference = { without?: string[]; made?: Record<string, Make> }

/** What is not named here, table or column, is carried over as it is. */
const DIFFERENCES: Record<string, Difference> = {
  accounts: { without: ['row'] },
  credentials: { without: ['row'] },
  log_places: { without: ['row'] },
  relay_queues: { without: ['row'] },
  claims: { without: ['row', 'fingerprint'], made: { digest: digestOf('key') } },
  answers: { without: ['row', 'fingerprint', 'scope'], made: { digest: digestOf('scope') } },
  // A position that SQLite gave is read as a tick: whoever resumes a stream goes on where it was.
  events: { without: ['position'], made: { tick: positionOf, row: positionOf } },
  // Callers' own words, in which SQLite cannot hold half of a surrogate pair.
  vouchers: { made: fromBody(VOUCHER_COLUMNS, 'order_id') },
  webhook_endpoints: { made: fromBody(WEBHOOK_ENDPOINT_COLUMNS, 'widget_id') },
  webhook_deliveries: { made: fromBody(WEBHOOK_DELIVERY_COLUMNS, 'widget_id') },
}

/** Columns that PostgreSQL holds as they are. */
const VERBATIM = new Set(['body', 'request_hash'])

/** A data directory whose embedded store is moved; this process owns it until `close`. Its rows are only read. */
export class MoveSource {
  readonly tables: SourceTable[]
  /** Tells stores apart, and a store from itself after it was written to. */
  readonly identity: string
  readonly #db: DatabaseSync
  readonly #dataDir: string

  /** @throws StoreUnusable where there is no store, or a server runs on it */
  constructor(dataDir: string, secretText: string | null) {
    if (!hasDatabase(dataDir)) {
      throw new StoreUnusable(
        `There is no Sixpence store in ${resolve(dataDir)}. Name your server's directory with --from.`,
      )
    }
    this.#dataDir = dataDir
    this.#db = openDatabase(dataDir)
    const sql = new Statements(this.#db)
    this.tables = tableNames(sql).map((name) => new SourceTable(sql, name))
    this.identity = hash('sha256', JSON.stringify([secretText, this.tables.map((table) => table.state)]))
  }

  close(): void {
    closeDatabase(this.#db, this.#dataDir)
  }
}

/** One table of the source, in the order of its keys. */
export class SourceTable {
  readonly name: string
  /** As PostgreSQL names them. */
  readonly columns: string[]
  readonly rows: number
  /** Changes with every commit that writes to the table. */
  readonly state: Value[]
  readonly #sql: Statements
  readonly #key: string
  readonly #make: Make[]

  constructor(sql: Statements, name: string) {
    const columns = sql.all('SELECT name, pk FROM pragma_table_info(?)', name)
    const { without = [], made = {} } = DIFFERENCES[name] ?? {}
    const kept = columns.map((column) => textOf(column, 'name')).filter((column) => !without.includes(column))
    const makers = { ...Object.fromEntries(kept.map((column) => [column, columnOf(column)])), ...made }
    this.#sql = sql
    this.name = name
    this.#key = textOf(columns.find(({ pk }) => pk === 1) ?? {}, 'name')
    this.columns = Object.keys(makers)
    this.#make = Object.values(makers)
    this.state = this.#readState(kept.includes('version'))
    this.rows = Number(this.state[1])
  }

  /** How many rows there are up to a key. */
  rowsUpTo(reached: number): number {
    const sql = `SELECT count(*) AS rows FROM ${this.name} WHERE ${this.#key} <= ?`
    return numberOf(this.#sql.get(sql, reached), 'rows')
  }

  /** The next rows after a key. @returns null where there are none */
  after(reached: number, limit: number): Batch | null {
    const rows = this.#sql.all(
      `SELECT * FROM ${this.name} WHERE ${this.#key} > ? ORDER BY ${this.#key} LIMIT ?`,
      reached,
      limit,
    )
    const last = rows.at(-1)
    if (last === undefined) return null
    const values = rows.map((row) => this.#make.map((make) => make(row)))
    return { rows: values, reached: numberOf(last, this.#key) }
  }

  /** The last row in full tells stores apart that are of one size. */
  #readState(hasVersion: boolean): Value[] {
    const row = this.#sql.get(`SELECT count(*) AS rows, ${hasVersion ? 'coalesce(sum(version), 0)' : '0'} AS versions
      FROM ${this.name}`)
    const last = this.#sql.get(`SELECT * FROM ${this.name} ORDER BY ${this.#key} DESC LIMIT 1`)
    return [this.name, numberOf(row, 'rows'), numberOf(row, 'versions'), JSON.stringify(last)]
  }
}

/** The rows of a table in short, as PostgreSQL is to hold them. */
export function checksumOf(table: SourceTable, batchSize: number): Checksum {
  const checksum = new Checksum()
  let batch = table.after(0, batchSize)
  while (batch !== null) {
    for (const row of batch.rows) checksum.add(row)
    batch = table.after(batch.reached, batchSize)
  }
  return checksum
}

/** All of them: what a new step of the schema adds is moved too, or found to have no place. */
function tableNames(sql: Statements): string[] {
  const found = sql.all(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY name`,
  )
  return found.map((row) => textOf(row, 'name'))
}

function columnOf(column: string): Make {
  return (row) => {
    const value = row[column]
    if (typeof value === 'string') return VERBATIM.has(column) ? value : storable(value)
    return value === null ? null : numberOf(row, column)
  }
}

/** PostgreSQL shows a digest as a UUID. */
function digestOf(column: string): Make {
  return (row) => digest(textOf(row, column)).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function positionOf(row: Row): number {
  return numberOf(row, 'position')
}

/** What SQLite puts in the place of half of a surrogate pair. */
const REPLACEMENT = '\u{fffd}'

function fromBody<Entity>({ fixed, changing }: Columns<Entity>, name: string): Record<string, Make> {
  const column = fixed[name] ?? changing[name]
  if (column === undefined) throw new Error(`there is no column ${name}`)
  const asItIs = columnOf(name)
  const make: Make = (row) => {
    const value = asItIs(row)
    return typeof value === 'string' && value.includes(REPLACEMENT) ? storable(`${column(entity<Entity>(row))}`) : value
  }
  return { [name]: make }
}
