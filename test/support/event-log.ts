import type { Event } from '../../src/domain/event.ts'
import { newId } from '../../src/protocol/ids.ts'
import type { Store } from '../../src/store/store.ts'
import { eventually } from './server.ts'

/** Far more than a test writes. */
const ALL = 1_000_000

/** All that has happened on a server, oldest first. An event may show a moment late, so a last one is awaited. */
export async function eventLog({ app }: { app: { store: Store } }): Promise<Event[]> {
  const last = marker()
  await app.store.commit({ events: [last] })
  const log = await eventually(async () => {
    const events = (await app.store.events(null, ALL)).map(({ event }) => event)
    return events.some(({ id }) => id === last.id) && events
  })
  return log.filter(({ subjectId }) => subjectId !== last.subjectId)
}

function marker(): Event {
  const nobody = { subjectId: 'ctx_marker', payerId: 'usr_nobody', payeeId: null }
  return { id: newId('evt', 0), type: 'context.opened', createdAtMs: 0, version: 1, data: {}, ...nobody }
}
