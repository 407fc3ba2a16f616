import type { Event } from '../../domain/event.ts'
import type { LoggedEvent } from '../store.ts'
import type { Query, Row } from './connections.ts'
import { entity, textOf } from './rows.ts'

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
        AND tick < (SELECT tick_offset FROM sixpence_store) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      ORDER BY tick, row LIMIT $3`,
    values: [tick, row, limit],
  }
}

export function loggedEvent(row: Row): LoggedEvent {
  return { position: `${textOf(row, 'tick')}.${textOf(row, 'row')}`, event: entity<Event>(row) }
}

function placeAt(position: string): [tick: string, row: string] {
  const [, tick, row] = /^(\d{1,18})\.(\d{1,18})$/.exec(position) ?? []
  if (tick === undefined || row === undefined) throw new RangeError(`${position} is no position in the log`)
  return [tick, row]
}
