import type { Event } from '../../domain/event.ts'
import type { LoggedEvent, Party, Stretch } from '../store.ts'
import type { Query, Row } from './connections.ts'
import { entity, textOf } from './rows.ts'

/** Beyond every row of a tick. */
const LAST_ROW = '9'.repeat(18)

/** Holds for rows that no transaction still under way can come to lie before. */
const SETTLED =
  'tick < (SELECT tick_offset FROM sixpence_store) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint'

/**
 * The log after a position. Rows of transactions that began after one that is still under way are left for later: that
 * one may yet come to lie before them.
 * @throws RangeError
 */
export function eventsQuery(after: string | null, limit: number, maxBytes: number): Query {
  const [tick, row] = after === null ? ['0', '0'] : placeAt(after)
  return {
    name: 'events',
    text: upToBytes(
      `SELECT tick, row, body FROM events
      WHERE (tick, row) > ($1, $2)
        AND ${SETTLED}
      ORDER BY tick, row LIMIT $3`,
      '$4',
    ),
    values: [tick, row, limit, wholeNumber(maxBytes)],
  }
}

/** Of a page its beginning, with the row that reaches the bytes. The lengths of rows are known without loading their bodies. */
function upToBytes(page: string, maxBytes: string): string {
  return `SELECT tick, row, body FROM (
      SELECT tick, row, body, sum(octet_length(body)) OVER (
        ORDER BY tick, row ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS bytes_before FROM (${page}) AS page
    ) AS measured WHERE coalesce(bytes_before, 0) < ${maxBytes}::bigint ORDER BY tick, row`
}

function wholeNumber(maxBytes: number): number {
  return Math.min(maxBytes, Number.MAX_SAFE_INTEGER)
}

/**
 * What a party may see of a stretch of the log: one index scan for each side that it is on; no row comes from both. A
 * party of nobody sees nothing: comparing with NULL matches no row.
 * @throws RangeError
 */
export function eventsOfQuery(
  { payerId, payeeId }: Party,
  { after, upTo }: Stretch,
  limit: number,
  maxBytes: number,
): Query {
  const stretch = `(tick, row) > ($3, $4) AND (tick, row) <= ($5, $6) AND ${SETTLED} ORDER BY tick, row LIMIT $7`
  return {
    name: 'eventsOf',
    text: upToBytes(
      `(SELECT tick, row, body FROM events WHERE payer_id = $1 AND ${stretch})
      UNION ALL
      (SELECT tick, row, body FROM events WHERE payee_id = $2 AND payer_id IS DISTINCT FROM $1 AND ${stretch})
      ORDER BY tick, row LIMIT $7`,
      '$8',
    ),
    values: [payerId, payeeId, ...placeAt(after), ...placeAt(upTo), limit, wholeNumber(maxBytes)],
  }
}

/**
 * The events at positions, with the number of each in `nth`, from 1. In a store that was moved, a position that SQLite
 * gave names a tick alone.
 * @throws RangeError
 */
export function eventsAtQuery(positions: string[]): Query {
  const places = positions.map(placeAt)
  return {
    name: 'eventsAt',
    text: `SELECT nth, events.body FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS wanted (tick, row, nth)
      JOIN events ON events.tick = wanted.tick AND (events.row = wanted.row OR wanted.row = ${LAST_ROW})`,
    values: [places.map(([tick]) => tick), places.map(([, row]) => row)],
  }
}

/** The newest event that `eventsQuery` shows, by its place. */
export const END_OF_LOG: Query = {
  name: 'endOfLog',
  text: `SELECT tick, row FROM events WHERE ${SETTLED} ORDER BY tick DESC, row DESC LIMIT 1`,
}

/** Before all events. */
const BEGINNING = '0.0'

export function endOfLog(newest: Row | undefined): string {
  return newest === undefined ? BEGINNING : positionOf(newest)
}

export function loggedEvent(row: Row): LoggedEvent {
  return { position: positionOf(row), event: entity<Event>(row) }
}

function positionOf(row: Row): string {
  return `${textOf(row, 'tick')}.${textOf(row, 'row')}`
}

/** A tick without a row is a position that SQLite gave, before the store was moved: there each event has its own. */
function placeAt(position: string): [tick: string, row: string] {
  const [, tick, row = LAST_ROW] = /^(\d{1,18})(?:\.(\d{1,18}))?$/.exec(position) ?? []
  if (tick === undefined) throw new RangeError(`${position} is no position in the log`)
  return [tick, row]
}
