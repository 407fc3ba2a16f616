import { setImmediate as nextTurn } from 'node:timers/promises'
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
/** How many of them at a time: the largest have more than 100 KB, and each is read, written anew and told of. */
const SLICE = 25

/**
 * Tidies up what the clock has ended: vouchers, context codes, sessions, old answers. Readers never wait for it, since
 * they apply the clock themselves. One node at a time does it.
 */
export function sweep(app: App): Promise<void> {
  return whileHolding(app, 'sweep', tidyUp)
}

async function tidyUp(app: App): Promise<void> {
  const nowMs = app.clock()
  await inSlices(
    (limit) => app.store.lapsedVouchers(nowMs, limit),
    ({ id }) => expireVoucher(app, id, nowMs),
  )
  await Promise.all([releaseContextCodes(app, nowMs), closeSessions(app, nowMs)])
  await app.store.forget(nowMs)
}

function releaseContextCodes(app: App, nowMs: number): Promise<void> {
  return inSlices(
    (limit) => app.store.lapsedContextCodes(nowMs, limit),
    (context) =>
      unlessChanged(async () => {
        await commit(app, { contexts: [releaseContextCode(context)] })
        restContextCode(app, context, context.codeExpiresAtMs)
      }),
  )
}

function closeSessions(app: App, nowMs: number): Promise<void> {
  return inSlices(
    (limit) => app.store.lapsedSessions(nowMs, limit),
    (session) =>
      unlessChanged(() => {
        const closed = endSession(session, nowMs)
        return commit(app, { sessions: [closed], events: [sessionEvent('session.closed', closed, nowMs)] })
      }),
  )
}

/** What is tidied up is read no more, so each slice begins where the one before ended; others have their turns in between. */
async function inSlices<Row>(
  read: (limit: number) => Promise<Row[]>,
  tidy: (row: Row) => Promise<void>,
): Promise<void> {
  for (let taken = 0; taken < BATCH; taken += SLICE) {
    const rows = await read(SLICE)
    await Promise.all(rows.map(tidy))
    if (rows.length < SLICE) return
    await nextTurn()
  }
}

/** Who changed the row meanwhile has made the sweep needless; the next one sees what is left. */
async function unlessChanged(tidy: () => Promise<void>): Promise<void> {
  try {
    await tidy()
  } catch (error) {
    if (!(error instanceof Conflict) || isLeaseLost(error)) throw error
  }
}
