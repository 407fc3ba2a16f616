import type { Credential } from '../../domain/account.ts'
import type { Event } from '../../domain/event.ts'
import { type Change, Conflict, type Versioned } from '../store.ts'
import type { Answers } from './answers.ts'
import { take } from './claims.ts'
import { numberOf, type Statements } from './statements.ts'
import {
  ACCOUNTS,
  API_KEYS,
  CONTEXTS,
  LOG_PLACES,
  put,
  putDelivery,
  RELAY_QUEUES,
  SESSIONS,
  VOUCHERS,
  WEBHOOK_ENDPOINTS,
} from './tables.ts'

/**
 * Writes a change within the open transaction; on a throw the caller undoes what was written.
 * The answer comes first: of two calls with one idempotency key, the loser learns that there is an answer to repeat.
 * @param nowMs decides which stored answers have expired
 * @throws Conflict
 */
export function applyChange(sql: Statements, answers: Answers, change: Change, nowMs: number): void {
  if (change.answer !== undefined) answers.store(change.answer, nowMs)
  for (const context of change.unchanged?.contexts ?? []) assertUnchanged(sql, 'contexts', context)
  for (const session of change.unchanged?.sessions ?? []) assertUnchanged(sql, 'sessions', session)
  for (const context of change.contexts ?? []) put(sql, CONTEXTS, context)
  for (const session of change.sessions ?? []) put(sql, SESSIONS, session)
  for (const voucher of change.vouchers ?? []) put(sql, VOUCHERS, voucher)
  for (const account of change.accounts ?? []) put(sql, ACCOUNTS, account)
  for (const apiKey of change.apiKeys ?? []) put(sql, API_KEYS, apiKey)
  for (const credential of change.credentials ?? []) addCredential(sql, credential)
  for (const endpoint of change.webhookEndpoints ?? []) put(sql, WEBHOOK_ENDPOINTS, endpoint)
  for (const delivery of change.webhookDeliveries ?? []) putDelivery(sql, delivery)
  for (const place of change.logPlaces ?? []) put(sql, LOG_PLACES, place)
  for (const queue of change.relayQueues ?? []) put(sql, RELAY_QUEUES, queue)
  for (const claim of change.claims ?? []) take(sql, claim)
  for (const event of change.events ?? []) log(sql, event)
}

function assertUnchanged(sql: Statements, table: 'contexts' | 'sessions', { id, version }: Versioned): void {
  const row = sql.get(`SELECT version FROM ${table} WHERE id = ?`, id)
  if (row === null || numberOf(row, 'version') !== version) throw new Conflict('version', id)
}

function addCredential(sql: Statements, credential: Credential): void {
  const { kind, identifier } = credential
  const written = sql.run(
    'INSERT INTO credentials (kind, identifier, body) VALUES (?, ?, ?) ON CONFLICT (kind, identifier) DO NOTHING',
    kind,
    identifier,
    JSON.stringify(credential),
  )
  if (written === 0) throw new Conflict('credential', `${kind} ${identifier}`)
}

function log(sql: Statements, event: Event): void {
  sql.run(
    'INSERT INTO events (payer_id, payee_id, body) VALUES (?, ?, ?)',
    event.payerId,
    event.payeeId,
    JSON.stringify(event),
  )
}
