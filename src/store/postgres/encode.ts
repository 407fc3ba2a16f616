import type { Credential } from '../../domain/account.ts'
import { CODE_REST_MS } from '../../domain/code-dealer.ts'
import type { Event } from '../../domain/event.ts'
import {
  API_KEY_COLUMNS,
  CONTEXT_COLUMNS,
  type Columns,
  SESSION_COLUMNS,
  VOUCHER_COLUMNS,
  WEBHOOK_DELIVERY_COLUMNS,
  WEBHOOK_ENDPOINT_COLUMNS,
} from '../columns.ts'
import type { Change, Claim, StoredAnswer, Versioned } from '../store.ts'
import { digest, storable } from './text.ts'

type Row = Record<string, string | number | boolean | null>

const NO_COLUMNS: Columns<unknown> = { fixed: {}, changing: {} }

/** The argument of the SQL function `commit_change`: the change as rows. What the change does not have is left out. */
export function encodeChange(change: Change): string {
  return JSON.stringify({
    fence: change.fence,
    locks: some(locksOf(change), ([id, shared]) => ({ id, shared })),
    answer: change.answer && answerRow(change.answer),
    code_rest_ms: takesCode(change) ? CODE_REST_MS : undefined,
    unchanged_contexts: some(change.unchanged?.contexts, versionRow),
    unchanged_sessions: some(change.unchanged?.sessions, versionRow),
    contexts: entityRows(CONTEXT_COLUMNS, change.contexts),
    sessions: entityRows(SESSION_COLUMNS, change.sessions),
    vouchers: entityRows(VOUCHER_COLUMNS, change.vouchers),
    accounts: entityRows(NO_COLUMNS, change.accounts),
    api_keys: entityRows(API_KEY_COLUMNS, change.apiKeys),
    credentials: some(change.credentials, credentialRow),
    webhook_endpoints: entityRows(WEBHOOK_ENDPOINT_COLUMNS, change.webhookEndpoints),
    webhook_deliveries: entityRows(WEBHOOK_DELIVERY_COLUMNS, change.webhookDeliveries),
    log_places: entityRows(NO_COLUMNS, change.logPlaces),
    relay_queues: entityRows(NO_COLUMNS, change.relayQueues),
    claims: some(change.claims?.toSorted(byKey), claimRow),
    events: some(change.events, eventRow),
  })
}

/** Whether rows come to be that may hold a code which others had before. */
function takesCode({ contexts = [], vouchers = [] }: Change): boolean {
  return [...contexts, ...vouchers].some(({ version }) => version === 1)
}

/**
 * Contexts and sessions that others' decisions may rest on: whoever decided on one shares its lock (true), whoever
 * changes it holds it alone (false).
 */
function locksOf({ contexts = [], sessions = [], unchanged = {} }: Change): [id: string, shared: boolean][] {
  const locks = new Map<string, boolean>()
  for (const { id } of [...(unchanged.contexts ?? []), ...(unchanged.sessions ?? [])]) locks.set(id, true)
  for (const { id, version } of [...contexts, ...sessions]) if (version > 1) locks.set(id, false)
  return [...locks]
}

/** Undefined where there is nothing to encode, which JSON leaves out. */
function some<Item, Encoded>(items: Item[] | undefined, encode: (item: Item) => Encoded): Encoded[] | undefined {
  return items === undefined || items.length === 0 ? undefined : items.map(encode)
}

function entityRows<Entity extends Versioned>(columns: Columns<Entity>, entities: Entity[] | undefined) {
  return some(entities?.toSorted(newOnesThenById), (entity) => entityRow(columns, entity))
}

/** New rows keep their order, which lists show. Rows that others may change too are taken in one order by everybody. */
function newOnesThenById(a: Versioned, b: Versioned): number {
  if (a.version === 1 || b.version === 1) return Number(a.version > 1) - Number(b.version > 1)
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

function eventRow(event: Event): Row {
  const { payerId, payeeId } = event
  return { payer_id: storable(payerId), payee_id: payeeId && storable(payeeId), body: JSON.stringify(event) }
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
