import { sessionAsOf } from '../domain/session.ts'
import { type Voucher, voucherAsOf } from '../domain/voucher.ts'
import type { SessionQuery, SessionView, SessionVouchersQuery, VoucherView } from '../protocol/schemas.ts'
import type { Page } from '../store/store.ts'
import type { App } from './app.ts'
import { type Call, inLineAs, type KeyHolder, type Payee, type User } from './call.ts'
import { findSessionAsParty, partyOf } from './find.ts'
import { collect, type Listed, listPage } from './page.ts'
import { sessionView, voucherView } from './views.ts'

/** The session, and a page of its vouchers, oldest voucher first. @throws Refusal `not_found` */
export async function getSession(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  sessionId: string,
  query: SessionVouchersQuery,
): Promise<{ session: SessionView; vouchers: Listed }> {
  const session = await findSessionAsParty(app, call, sessionId)
  return { session: sessionView(session), vouchers: await pageOfSession(app, call, sessionId, query) }
}

/** A page of a session's vouchers, oldest first: each is a VoucherView. */
function pageOfSession(app: App, call: Call, sessionId: string, query: SessionVouchersQuery): Promise<Listed> {
  return app.lists.run(inLineAs(call), async () => {
    const vouchers = new VouchersInSession(app, call, sessionId, query.offset)
    const { rows, isCut } = await collect({ limit: query.limit ?? MAX_LIMIT, view: voucherView, ...vouchers.reading() })
    return { rows, next: isCut ? { offset: vouchers.passed } : null }
  })
}

export const MAX_LIMIT = 1000

/** The first page of a session's vouchers, as a part of its view. */
export async function firstVouchers(
  app: App,
  call: Call,
  sessionId: string,
): Promise<Pick<SessionView, 'vouchers' | 'hasMoreVouchers'>> {
  const { rows, next } = await pageOfSession(app, call, sessionId, {})
  const vouchers: VoucherView[] = rows.map((row) => JSON.parse(row))
  return { vouchers, ...(next !== null && { hasMoreVouchers: true }) }
}

/** Reads a session's vouchers in slices, oldest first, as the clock has them. */
export class VouchersInSession {
  /** How many come before what is read next. */
  passed: number
  readonly #app: App
  readonly #call: Call
  readonly #sessionId: string

  constructor(app: App, call: Call, sessionId: string, offset = 0) {
    this.#app = app
    this.#call = call
    this.#sessionId = sessionId
    this.passed = offset
  }

  /** What `collect` reads by. */
  reading() {
    return {
      read: async (limit: number): Promise<Voucher[]> => {
        const slice = await this.#app.store.vouchersOf(this.#sessionId, { limit, offset: this.passed })
        return slice.map((voucher) => voucherAsOf(voucher, this.#call.nowMs))
      },
      take: (): void => {
        this.passed += 1
      },
    }
  }
}

/**
 * A page of the sessions of which the caller is a party, newest first: each is a SessionView. So a wallet finds the session
 * that it is to join.
 */
export async function listSessions(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  query: SessionQuery,
): Promise<Listed> {
  const filter = { party: partyOf(call.caller), contextId: query.contextId ?? null }
  const read = (page: Page) => app.store.sessions({ ...page, ...filter })
  return app.lists.run(inLineAs(call), () =>
    listPage(query, read, (session) => sessionView(sessionAsOf(session, call.nowMs))),
  )
}
