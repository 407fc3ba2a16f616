import type { ContextView, PageQuery } from '../protocol/schemas.ts'
import type { Page } from '../store/store.ts'
import type { App } from './app.ts'
import { type Call, inLineAs, type User } from './call.ts'
import { findOwnContext } from './find.ts'
import { type Listed, listPage } from './page.ts'
import { contextView } from './views.ts'

/** @throws Refusal `not_found` */
export async function getContext(app: App, call: Call<User>, contextId: string): Promise<ContextView> {
  return contextView(await findOwnContext(app, call, contextId))
}

/** A page of the payer's own contexts, newest first: each is a ContextView. */
export async function listContexts(app: App, call: Call<User>, query: PageQuery): Promise<Listed> {
  const read = (page: Page) => app.store.contexts({ ...page, payerId: call.caller.accountId })
  return app.lists.run(inLineAs(call), () => listPage(query, read, contextView))
}
