import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export const REQUEST_ID_HEADER = 'x-request-id'

/** What proxies make, and nothing that could forge a line of the log. */
const FORM = /^[A-Za-z0-9._-]{8,64}$/

/** The caller's own id for a request where it is well-formed, otherwise a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers[REQUEST_ID_HEADER]
  return typeof given === 'string' && FORM.test(given) ? given : randomUUID()
}
