import { releaseContextCode } from '../domain/context.ts'
import { endSession } from '../domain/session.ts'
import { Conflict } from '../store/store.ts'
import type { App } from './app.ts'
import { commit, sessionEvent } from './commit.ts'
import { expireVoucher } from './expire-voucher.ts'
import { restContextCode } from './rest-code.ts'
import { isLeaseLost, whileHolding } from './while-holding.ts'

/** How many rows of each kind one sweep takes; the rest waits for the next. */
const BATCH = 1000

/**
 * Tidies up what the clock has ended: vouchers, context codes, sessions, old answers. Readers never wait for it, since
 * they apply the clock themselves. One node at a time does it.
 */
export function sweep(app: App): Promise<void> {
  return whileHolding(app, 'sweep', tidyUp)
}

async function tidyUp(app: App): Promise<void> {
  const nowMs = app.clock()
  const vouchers = await app.store.lapsedVouchers(nowMs, BATCH)
  await Promise.all(vouchers.map(({ id }) => expireVoucher(app, id, nowMs)))
  await Promise.all([releaseContextCodes(app, nowMs), closeSessions(app, nowMs)])
  await app.store.forget(nowMs)
}

async function releaseContextCodes(app: App, nowMs: number): Promise<void> {
  const contexts = await app.store.lapsedContextCodes(nowMs, BATCH)
  await Promise.all(
    contexts.map((context) =>
      unlessChanged(async () => {
        await commit(app, { contexts: [releaseContextCode(context)] })
        restContextCode(app, context, context.codeExpiresAtMs)
      }),
    ),
  )
}

async function closeSessions(app: App, nowMs: number): Promise<void> {
  const sessions = await app.store.lapsedSessions(nowMs, BATCH)
  await Promise.all(
    sessions.map((session) =>
      unlessChanged(() => {
        const closed = endSession(session, nowMs)
        return commit(app, { sessions: [closed], events: [sessionEvent('session.closed', closed, nowMs)] })
      }),
    ),
  )
}

/** Who changed the row meanwhile has made the sweep needless; the next one sees what is left. */
async function unlessChanged(tidy: () => Promise<void>): Promise<void> {
  try {
    await tidy()
  } catch (error) {
    if (!(error instanceof Conflict) || isLeaseLost(error)) throw error
  }
}
