import type { ContextView, PageQuery } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { findOwnContext } from './find.ts'
import { pageOf } from './page.ts'
import { contextView } from './views.ts'

/** @throws Refusal `not_found` */
export async function getContext(app: App, call: Call<User>, contextId: string): Promise<ContextView> {
  return contextView(await findOwnContext(app, call, contextId))
}

/** The payer's own contexts, newest first. */
export async function listContexts(app: App, call: Call<User>, query: PageQuery): Promise<ContextView[]> {
  const contexts = await app.store.contexts({ ...pageOf(query), payerId: call.caller.accountId })
  return contexts.map(contextView)
}
