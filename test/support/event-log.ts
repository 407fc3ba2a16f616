import type { Event } from '../../src/domain/event.ts'
import type { TestServer } from './server.ts'

/** Far more than a test writes. */
const ALL = 1_000_000

/** All that has happened on a server, oldest first. */
export async function eventLog({ app }: TestServer): Promise<Event[]> {
  return (await app.store.events(null, ALL)).map(({ event }) => event)
}
