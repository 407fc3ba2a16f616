import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'

export type Row = Record<string, SQLOutputValue>

/** Runs SQL on one connection and prepares each text once. SQL texts must come from a small, fixed set. */
export class Statements {
  readonly #db: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** @returns how many rows it wrote */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes)
  }

  /** @returns the row number that the new row got */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).lastInsertRowid)
  }

  get(sql: string, ...values: SQLInputValue[]): Row | null {
    return this.#prepare(sql).get(...values) ?? null
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values)
  }

  /** For results of which the reader may want the beginning only; read it before anything else is asked. */
  iterate(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#prepare(sql).iterate(...values)
  }

  /** For results too large to hold. Columns go by their place, 0 and up: names for each row would cost twice the time. */
  each(sql: string): Iterable<Row> {
    const statement = this.#db.prepare(sql)
    statement.setReturnArrays(true)
    return statement.iterate()
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}

/** The entity in the `body` of a row. Only this store writes that column, so its shape is known. */
export function entity<Entity>(row: Row): Entity {
  return JSON.parse(textOf(row, 'body'))
}

export function entityOrNull<Entity>(row: Row | null): Entity | null {
  return row === null ? null : entity(row)
}

export function textOf(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`Column ${column} holds no text.`)
  return value
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : textOf(row, column)
}

export function numberOf(row: Row | null, column: string | number): number {
  const value = row?.[column]
  if (typeof value !== 'number') throw new TypeError(`Column ${column} holds no number.`)
  return value
}

/** True where SQLite refused a row because of a UNIQUE constraint or index. */
export function isUniqueViolation(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_CONSTRAINT_UNIQUE
}

/** The extended result code of an error of the engine; null for any other error. */
function sqliteCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : null
}

/** The result code without its extension, such as SQLITE_FULL. */
export function sqlitePrimaryCode(error: unknown): number | null {
  const code = sqliteCode(error)
  return code === null ? null : code & 0xff
}

/** https://sqlite.org/rescode.html */
const SQLITE_CONSTRAINT_UNIQUE = 2067
