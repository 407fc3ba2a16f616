import type { Event } from '../../domain/event.ts'
import type { LoggedEvent, Party, Stretch } from '../store.ts'
import type { Query } from './lists.ts'
import { entity, numberOf, type Row, textOf } from './statements.ts'

/**
 * What a party may see of a stretch of the log. Each side that the party is on is one index scan in the order of the log.
 * A party of nobody sees nothing: comparing with NULL matches no row.
 * @throws RangeError
 */
export function eventsOfQuery({ payerId, payeeId }: Party, { after, upTo }: Stretch, limit: number): Query {
  const [from, to] = [rowAt(after), rowAt(upTo)]
  return {
    sql: `SELECT position, body FROM (
        SELECT position FROM events WHERE payer_id = ? AND position > ? AND position <= ?
        UNION SELECT position FROM events WHERE payee_id = ? AND position > ? AND position <= ?
        ORDER BY position LIMIT ?
      ) JOIN events USING (position) ORDER BY position`,
    values: [payerId, from, to, payeeId, from, to, limit],
  }
}

/** The events of rows, up to and with the one that reaches `maxBytes`; no further row is read. */
export function loggedEvents(rows: Iterable<Row>, maxBytes: number): LoggedEvent[] {
  const events: LoggedEvent[] = []
  let bytes = 0
  for (const row of rows) {
    events.push(loggedEvent(row))
    bytes += Buffer.byteLength(textOf(row, 'body'))
    if (bytes >= maxBytes) break
  }
  return events
}

function loggedEvent(row: Row): LoggedEvent {
  return { position: String(numberOf(row, 'position')), event: entity<Event>(row) }
}

/** @throws RangeError */
export function rowAt(position: string): number {
  if (!/^\d{1,15}$/.test(position)) throw new RangeError(`${position} is no position in the log`)
  return Number(position)
}
