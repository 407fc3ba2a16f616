import type { Credential } from '../../domain/account.ts'
import { API_KEY_COLUMNS, CONTEXT_COLUMNS, type Columns, SESSION_COLUMNS, VOUCHER_COLUMNS } from '../columns.ts'
import type { Change, Claim, StoredAnswer, Versioned } from '../store.ts'
import { digest, storable } from './text.ts'

type Row = Record<string, string | number | boolean | null>

/**
 * The argument of the SQL function `commit_change`: the change as rows, each kind in an order that all commits share.
 * What the change does not have is left out.
 */
export function encodeChange(change: Change): string {
  return JSON.stringify({
    locks: some(locksOf(change), (lock) => lock),
    answer: change.answer && answerRow(change.answer),
    unchanged_contexts: some(change.unchanged?.contexts, versionRow),
    unchanged_sessions: some(change.unchanged?.sessions, versionRow),
    contexts: some(change.contexts, (context) => entityRow(CONTEXT_COLUMNS, context), byId),
    sessions: some(change.sessions, (session) => entityRow(SESSION_COLUMNS, session), byId),
    vouchers: some(change.vouchers, (voucher) => entityRow(VOUCHER_COLUMNS, voucher), byId),
    accounts: some(change.accounts, (account) => entityRow({ fixed: {}, changing: {} }, account), byId),
    api_keys: some(change.apiKeys, (apiKey) => entityRow(API_KEY_COLUMNS, apiKey), byId),
    credentials: some(change.credentials, credentialRow),
    claims: some(change.claims, claimRow, byKey),
    events: some(change.events, (event) => JSON.stringify(event)),
  })
}

/**
 * Contexts and sessions that others' decisions may rest on: whoever decided on one shares its lock, whoever changes it
 * holds it alone.
 */
function locksOf({ contexts = [], sessions = [], unchanged = {} }: Change): { id: string; shared: boolean }[] {
  const shared = new Map<string, boolean>()
  for (const { id } of [...(unchanged.contexts ?? []), ...(unchanged.sessions ?? [])]) shared.set(id, true)
  for (const { id, version } of [...contexts, ...sessions]) if (version > 1) shared.set(id, false)
  return Array.from(shared, ([id, isShared]) => ({ id, shared: isShared })).sort(byId)
}

/** Undefined where there is nothing to encode, which JSON leaves out. */
function some<Item, Encoded>(
  items: Item[] | undefined,
  encode: (item: Item) => Encoded,
  order?: (a: Item, b: Item) => number,
): Encoded[] | undefined {
  if (items === undefined || items.length === 0) return undefined
  return (order ? items.toSorted(order) : items).map(encode)
}

function byId(a: { id: string }, b: { id: string }): number {
  return compare(a.id, b.id)
}

function byKey(a: Claim, b: Claim): number {
  return compare(a.key, b.key)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function versionRow({ id, version }: Versioned): Row {
  return { id: storable(id), version }
}

function entityRow<Entity extends Versioned>({ fixed, changing }: Columns<Entity>, entity: Entity): Row {
  const row: Row = { id: storable(entity.id), version: entity.version, body: JSON.stringify(entity) }
  for (const [name, column] of [...Object.entries(fixed), ...Object.entries(changing)]) {
    const value = column(entity)
    row[name] = typeof value === 'string' ? storable(value) : value
  }
  return row
}

function credentialRow(credential: Credential): Row {
  const { kind, identifier } = credential
  return { kind, identifier: storable(identifier), body: JSON.stringify(credential) }
}

function claimRow({ key, ownerId, forgetAtMs }: Claim): Row {
  return { digest: digest(key), key: storable(key), owner_id: storable(ownerId), forget_at_ms: forgetAtMs }
}

function answerRow({ scope, requestHash, body, expiresAtMs, ifAbsent = false }: StoredAnswer): Row {
  return {
    scope: storable(scope),
    digest: digest(scope),
    request_hash: requestHash,
    body,
    expires_at_ms: expiresAtMs,
    if_absent: ifAbsent,
  }
}
