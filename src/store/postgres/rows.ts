import type { Row } from './connections.ts'

/** The entity in the `body` of a row. Only this store writes that column, so its shape is known. */
export function entity<Entity>(row: Row): Entity {
  return JSON.parse(textOf(row, 'body'))
}

export function textOf(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`Column ${column} holds no text.`)
  return value
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : textOf(row, column)
}

/** PostgreSQL's bigints come as texts. */
export function numberOf(row: Row, column: string): number {
  const value = row[column]
  const number = typeof value === 'string' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number))
    throw new TypeError(`Column ${column} holds no number.`)
  return number
}
