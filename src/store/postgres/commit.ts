import { setTimeout as delay } from 'node:timers/promises'
import { CommitUnknown, Conflict } from '../store.ts'
import type { Connections } from './connections.ts'
import { Collision, ConnectionLost } from './failures.ts'

const MOST_ATTEMPTS = 4
const LONGEST_PAUSE_MS = 30

/**
 * Commits an encoded change in one round trip. Commits that lock each other out are tried again, as they were: the
 * function does all or nothing.
 * @throws Conflict, CommitUnknown, StoreUnavailable
 */
export async function commitChange(connections: Connections, change: string, nowMs: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await connections.ask({ name: 'commit', text: 'SELECT commit_change($1, $2)', values: [change, nowMs] })
      return
    } catch (error) {
      if (error instanceof ConnectionLost) throw unknown(error)
      if (!(error instanceof Collision)) throw error
      if (attempt === MOST_ATTEMPTS) throw new Conflict('version', error.message)
      await delay(Math.random() * LONGEST_PAUSE_MS)
    }
  }
}

function unknown(cause: ConnectionLost): CommitUnknown {
  return new CommitUnknown(`Nobody can say whether the commit happened. ${cause.message}`, { cause })
}
