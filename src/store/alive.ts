import type { AliveFilter } from './store.ts'

/** How engines write the n-th placeholder of a statement, from 1. */
type Placeholder = (nth: number) => string

/** What of each table is alive; rows that the clock has ended are not. */
const LIVING = {
  vouchers: `status IN ('RESERVED', 'REDEEMED') AND coalesce(lapses_at_ms > NOW, TRUE)`,
  'vouchers of any age': 'TRUE',
  sessions: `status = 'OPEN' AND closes_at_ms > NOW`,
  contexts: 'code_ended_at_ms IS NULL AND code_expires_at_ms > NOW',
  apiKeys: 'TRUE',
} as const

const TABLES = {
  vouchers: 'vouchers',
  'vouchers of any age': 'vouchers',
  sessions: 'sessions',
  contexts: 'contexts',
  apiKeys: 'api_keys',
} as const

/**
 * Counts what is alive of some owner up to a limit: by an index of the owner and the time, of which it reads no more than
 * what can be alive by its age.
 */
export function aliveQuery(
  { what, of, sinceMs, nowMs }: AliveFilter,
  limit: number,
  placeholder: Placeholder,
): { sql: string; values: (string | number)[] } {
  const owners = Object.entries(of)
  // By the index of the first owner; of several, the last may be anybody's, and have thousands of rows by others.
  const conditions = owners.map(([column], index) =>
    index === 0 ? `${column} = ${placeholder(1)}` : `coalesce(${column}, '') = ${placeholder(index + 1)}`,
  )
  const living = LIVING[what]
  const values: (string | number)[] = [...owners.map(([, id]) => id), sinceMs]
  const since = placeholder(values.length)
  if (living.includes('NOW')) values.push(nowMs)
  const now = placeholder(values.length)
  values.push(limit)
  return {
    sql: `SELECT count(*) AS alive FROM (SELECT 1 FROM ${TABLES[what]}
      WHERE ${conditions.join(' AND ')} AND created_at_ms >= ${since} AND ${living.replace('NOW', now)}
      LIMIT ${placeholder(values.length)}) AS living`,
    values,
  }
}
