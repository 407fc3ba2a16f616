import { hash } from 'node:crypto'
import { isReachableByCode } from '../domain/context.ts'
import type { FindContextBody, FoundContextView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call } from './call.ts'
import { keepAnswer } from './commit.ts'

/**
 * A payee looks for the context that was opened in answer to its invitation. Whoever has seen the invitation finds
 * nothing by it: only the secret that it was made of does.
 * @returns nulls while there is none, which is no answer that an idempotency key would keep
 */
export async function findInvitedContext(app: App, call: Call, { secret }: FindContextBody): Promise<FoundContextView> {
  const key = invitationKey(hash('sha256', secret, 'base64url'))
  const contextId = (await app.store.claimOwners([key])).get(key)
  const context = contextId === undefined ? null : await app.store.context(contextId)
  if (context === null || !isReachableByCode(context, call.nowMs)) return { code: null, expiresAt: null }
  const { code, codeExpiresAtMs } = context
  return keepAnswer(app, call.idempotency, { code, expiresAt: new Date(codeExpiresAtMs).toISOString() })
}

/** Under which the store knows the context that answers an invitation. */
export function invitationKey(invitation: string): string {
  return `invitation:${invitation}`
}
