import { hashApiKey, isApiKeyForm } from '../auth/api-keys.ts'
import { Refusal } from '../domain/refusal.ts'
import type { App } from './app.ts'
import { type Caller, payeeIdOfAccount } from './call.ts'

/** How a request says who it is from. */
export type Presented = { authorization: string | undefined; apiKey: string | undefined }

const BEARER = /^Bearer +(\S+) *$/i

/**
 * Tells who calls, from the bearer token or the API key.
 * @throws Refusal `unauthorized` where there is neither, or it is not good (any more)
 */
export async function authenticate(app: App, { authorization, apiKey }: Presented): Promise<Caller> {
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1]
    return (
      (token && (await byToken(app, token))) || refuse('The bearer token is not valid, or has expired. Sign in again.')
    )
  }
  if (apiKey !== undefined) return (await byApiKey(app, apiKey)) ?? refuse('The API key is not valid, or was revoked.')
  return refuse('Send a bearer token in Authorization, or an API key in x-api-key.')
}

function refuse(detail: string): never {
  throw new Refusal('unauthorized', detail)
}

async function byToken(app: App, token: string): Promise<Caller | null> {
  const claims = await app.tokens.verify(token)
  switch (claims?.kind) {
    case 'user':
      return { kind: 'user', accountId: claims.accountId, payeeId: payeeIdOfAccount(claims.accountId) }
    case 'payee':
      return { kind: 'payee', payeeId: claims.payeeId, contextId: claims.contextId }
    case 'operator':
      return { kind: 'operator' }
    default:
      return null
  }
}

async function byApiKey(app: App, text: string): Promise<Caller | null> {
  if (!isApiKeyForm(text)) return null
  const key = await app.store.apiKeyByHash(hashApiKey(text))
  if (key === null || key.revokedAtMs !== null) return null
  return { kind: 'key', keyId: key.id, accountId: key.ownerId, payeeId: payeeIdOfAccount(key.ownerId) }
}
