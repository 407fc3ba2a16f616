import { newApiKey } from '../auth/api-keys.ts'
import type { ApiKey } from '../domain/account.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { newId } from '../protocol/ids.ts'
import type { ApiKeyQuery, ApiKeyView, CreateApiKeyBody, NewApiKeyView } from '../protocol/schemas.ts'
import type { Page } from '../store/store.ts'
import type { App } from './app.ts'
import { type Call, inLineAs } from './call.ts'
import { decideAndCommit } from './commit.ts'
import { notFound } from './find.ts'
import { type Listed, listPage } from './page.ts'
import { newAccount } from './sign-up.ts'
import { apiKeyView } from './views.ts'

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60_000

/**
 * Makes an API key and shows it, this once. A user's key acts for that user; the operator's acts for `ownerId`, or for
 * a new account of its own.
 * @throws Refusal `validation_failed`, `forbidden`
 */
export async function createApiKey(app: App, call: Call, body: CreateApiKeyBody): Promise<NewApiKeyView> {
  const { key, prefix, hash } = newApiKey()
  const owner = await ownerFor(app, call, body.ownerId)
  if (call.caller.kind !== 'operator') await assertRoom(app, owner.id, call.nowMs)
  const row: ApiKey = {
    id: newId('key', call.nowMs),
    version: 1,
    ownerId: owner.id,
    name: body.name,
    prefix,
    hash,
    createdAtMs: call.nowMs,
    revokedAtMs: null,
  }
  const made = owner.made === null ? {} : { accounts: [owner.made] }
  return decideAndCommit(app, call.idempotency, async () => ({
    change: { apiKeys: [row], ...made },
    answer: { ...apiKeyView(row), key },
  }))
}

/** Keys of the last 30 days: those made and revoked count too, or an account could heap them up. */
async function assertRoom(app: App, ownerId: string, nowMs: number): Promise<void> {
  const filter = { what: 'apiKeys', of: { owner_id: ownerId }, sinceMs: nowMs - THIRTY_DAYS_MS, nowMs } as const
  await app.alive.take('apiKeysOfAccount', filter)
}

async function ownerFor(app: App, call: Call, ownerId: string | undefined) {
  const own = ownerOf(call)
  if (own !== null) {
    if (ownerId !== undefined && ownerId !== own) throw invalidField('/ownerId', 'can only be your own account')
    return { id: own, made: null }
  }
  if (ownerId !== undefined) {
    if (!(await app.store.account(ownerId))) throw invalidField('/ownerId', 'names no account')
    return { id: ownerId, made: null }
  }
  const made = newAccount(call.nowMs)
  return { id: made.id, made }
}

/** There were no pages once, and few have more. */
const DEFAULT_KEYS = 1000

/**
 * A page of the keys that the caller may manage, newest first: each is an ApiKeyView. The operator sees all.
 * @throws Refusal `forbidden`
 */
export async function listApiKeys(app: App, call: Call, query: ApiKeyQuery): Promise<Listed> {
  const ownerId = ownerOf(call)
  const read = (page: Page) => app.store.apiKeys(ownerId, page)
  return app.lists.run(inLineAs(call), () => listPage({ limit: DEFAULT_KEYS, ...query }, read, apiKeyView))
}

/** Ends a key at once; a key may end itself. Revoking again changes nothing. @throws Refusal `not_found`, `forbidden` */
export async function revokeApiKey(app: App, call: Call, keyId: string): Promise<ApiKeyView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const key = await app.store.apiKey(keyId)
    if (key === null || !mayEnd(call, key)) throw notFound('API key')
    if (key.revokedAtMs !== null) return { change: {}, answer: apiKeyView(key) }
    const revoked = { ...key, version: key.version + 1, revokedAtMs: call.nowMs }
    return { change: { apiKeys: [revoked] }, answer: apiKeyView(revoked) }
  })
}

function mayEnd(call: Call, key: ApiKey): boolean {
  if (call.caller.kind === 'key') return key.id === call.caller.keyId
  const owner = ownerOf(call)
  return owner === null || key.ownerId === owner
}

/** Whose keys the caller manages; null for the operator, who manages everybody's. */
function ownerOf({ caller }: Call): string | null {
  if (caller.kind === 'user') return caller.accountId
  if (caller.kind === 'operator') return null
  throw new Refusal('forbidden', 'API keys are managed by registered users.')
}
