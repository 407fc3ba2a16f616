import type { VoucherStatus } from '../domain/voucher.ts'

/** A part of a WHERE clause, with a question mark for each value, in every engine. */
export type Condition = { sql: string; values: (string | number | null)[] }

/** What lapses at some time, and reads EXPIRED from then on, whatever the row says. */
const LAPSING: VoucherStatus[] = ['RESERVED', 'REDEEMED']

/**
 * The status as the clock has it, as a filter of rows that something narrower has found.
 * @param column the status as the engine is to read it there
 */
export function isAsOf(column: string, status: VoucherStatus, nowMs: number): Condition {
  if (status === 'EXPIRED') {
    return { sql: `(${column} = ? OR coalesce(lapses_at_ms <= ?, FALSE))`, values: [status, nowMs] }
  }
  return LAPSING.includes(status)
    ? { sql: `(${column} = ? AND coalesce(lapses_at_ms > ?, TRUE))`, values: [status, nowMs] }
    : is(column, status)
}

/** The same as index scans: no row comes from two. */
export function armsOfStatus(status: VoucherStatus, nowMs: number): Condition[][] {
  const lapsed = { sql: 'coalesce(lapses_at_ms <= ?, FALSE)', values: [nowMs] }
  if (status === 'EXPIRED') return [[is('status', status)], ...LAPSING.map((one) => [is('status', one), lapsed])]
  const living = { sql: 'coalesce(lapses_at_ms > ?, TRUE)', values: [nowMs] }
  return [[is('status', status), ...(LAPSING.includes(status) ? [living] : [])]]
}

export function is(column: string, value: string): Condition {
  return { sql: `${column} = ?`, values: [value] }
}

export function and(conditions: Condition[]): Condition {
  return {
    sql: conditions.length === 0 ? 'TRUE' : conditions.map(({ sql }) => sql).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  }
}
