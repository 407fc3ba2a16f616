import type { Connections, Query } from './connections.ts'
import { numberOf, textOf } from './rows.ts'

/** What the database knows of the codes of one kind. */
export type CodesInUse = {
  /** Those of some codes that nobody holds and that did not end after `restingSinceMs`, in any order. */
  freeAmong(codes: string[], restingSinceMs: number): Promise<string[]>
  /** All of the million codes that are free, in any order. This reads all that are in use. */
  allFree(restingSinceMs: number): Promise<string[]>
  liveCount(): Promise<number>
}

/** Where codes of a kind are held, and since when they rest. */
type Place = { table: 'vouchers' | 'contexts'; endedColumn: string }

export const VOUCHER_CODES: Place = { table: 'vouchers', endedColumn: 'ended_at_ms' }
export const CONTEXT_CODES: Place = { table: 'contexts', endedColumn: 'code_ended_at_ms' }

export function codesInUse(connections: Connections, place: Place): CodesInUse {
  const codesOf = async (rows: ReturnType<Connections['read']>) => (await rows).map((row) => textOf(row, 'code'))
  return {
    freeAmong: (codes, restingSinceMs) => codesOf(connections.read(freeAmongQuery(place, codes, restingSinceMs))),
    allFree: (restingSinceMs) => codesOf(connections.readPatiently(allFreeQuery(place, restingSinceMs))),
    liveCount: async () => {
      const [row] = await connections.readPatiently(liveCountQuery(place))
      return row === undefined ? 0 : numberOf(row, 'live')
    },
  }
}

/** `OFFSET 0` has each code looked up by itself, which is quicker than reading all codes that are in use. */
function freeAmongQuery({ table, endedColumn }: Place, codes: string[], restingSinceMs: number): Query {
  const text = `SELECT code FROM unnest($1::text[]) AS drawn (code)
    WHERE NOT EXISTS (SELECT FROM ${table} WHERE ${table}.code = drawn.code AND ${endedColumn} IS NULL OFFSET 0)
      AND NOT EXISTS (SELECT FROM ${table} WHERE ${table}.code = drawn.code AND ${endedColumn} > $2 OFFSET 0)`
  return { text, values: [codes, restingSinceMs] }
}

/** Codes that somebody holds are left out first: few remain whose rest is to be looked up one by one. */
function allFreeQuery({ table, endedColumn }: Place, restingSinceMs: number): Query {
  const text = `WITH unheld AS MATERIALIZED (
      SELECT code FROM generate_series(0, 999999) AS number, lpad(number::text, 6, '0') AS code
      WHERE NOT EXISTS (SELECT FROM ${table} WHERE ${table}.code = code.code AND ${endedColumn} IS NULL))
    SELECT code FROM unheld
      WHERE NOT EXISTS (SELECT FROM ${table} WHERE ${table}.code = unheld.code AND ${endedColumn} > $1)`
  return { text, values: [restingSinceMs] }
}

function liveCountQuery({ table, endedColumn }: Place): Query {
  return { text: `SELECT count(*) AS live FROM ${table} WHERE ${endedColumn} IS NULL AND code ~ '^[0-9]{6}$'` }
}
