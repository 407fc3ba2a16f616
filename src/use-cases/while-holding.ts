import { Conflict } from '../store/store.ts'
import type { App } from './app.ts'
import { LEASE_RENEWED_EVERY_MS } from './leases.ts'

/**
 * Does work that one process at a time may do; where another one does it, nothing happens. The lease is renewed as long
 * as the work lasts. Whoever loses it all the same ends without an error: another process does the work.
 * @param work all that it commits through its `app` is fenced
 */
export async function whileHolding(app: App, name: string, work: (app: App) => Promise<void>): Promise<void> {
  const lease = await app.leases.take(name)
  if (lease === null) return
  let renewal: Promise<unknown> = Promise.resolve()
  const renewing = setInterval(() => {
    // A lease that could not be renewed tells at the next commit.
    renewal = app.leases.take(name).catch(() => undefined)
  }, LEASE_RENEWED_EVERY_MS)
  try {
    await work({ ...app, fence: lease })
  } catch (error) {
    if (!isLeaseLost(error)) throw error
  } finally {
    clearInterval(renewing)
    await renewal
  }
}

/** Whether a commit failed because its lease was lost. */
export function isLeaseLost(error: unknown): boolean {
  return error instanceof Conflict && error.kind === 'fence'
}
