import type { Event } from '../../domain/event.ts'
import type { LoggedEvent, Party, Stretch } from '../store.ts'
import type { Query, Row } from './connections.ts'
import { entity, textOf } from './rows.ts'

/** Holds for rows that no transaction still under way can come to lie before. */
const SETTLED =
  'tick < (SELECT tick_offset FROM sixpence_store) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint'

/**
 * The log after a position. Rows of transactions that began after one that is still under way are left for later: that
 * one may yet come to lie before them.
 * @throws RangeError
 */
export function eventsQuery(after: string | null, limit: number): Query {
  const [tick, row] = after === null ? ['0', '0'] : placeAt(after)
  return {
    name: 'events',
    text: `SELECT tick, row, body FROM events
      WHERE (tick, row) > ($1, $2)
        AND ${SETTLED}
      ORDER BY tick, row LIMIT $3`,
    values: [tick, row, limit],
  }
}

/**
 * What a party may see of a stretch of the log: one index scan for each side that it is on; no row comes from both. A
 * party of nobody sees nothing: comparing with NULL matches no row.
 * @throws RangeError
 */
export function eventsOfQuery({ payerId, payeeId }: Party, { after, upTo }: Stretch, limit: number): Query {
  const stretch = `(tick, row) > ($3, $4) AND (tick, row) <= ($5, $6) AND ${SETTLED} ORDER BY tick, row LIMIT $7`
  return {
    name: 'eventsOf',
    text: `(SELECT tick, row, body FROM events WHERE payer_id = $1 AND ${stretch})
      UNION ALL
      (SELECT tick, row, body FROM events WHERE payee_id = $2 AND payer_id IS DISTINCT FROM $1 AND ${stretch})
      ORDER BY tick, row LIMIT $7`,
    values: [payerId, payeeId, ...placeAt(after), ...placeAt(upTo), limit],
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

/** Beyond every row of a tick. */
const LAST_ROW = '9'.repeat(18)

/** A tick without a row is a position that SQLite gave, before the store was moved: there each event has its own. */
function placeAt(position: string): [tick: string, row: string] {
  const [, tick, row = LAST_ROW] = /^(\d{1,18})(?:\.(\d{1,18}))?$/.exec(position) ?? []
  if (tick === undefined) throw new RangeError(`${position} is no position in the log`)
  return [tick, row]
}
