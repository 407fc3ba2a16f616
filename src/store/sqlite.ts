import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Account, ApiKey, Credential } from '../domain/account.ts'
import { CODE_REST_MS, type CodeDealers } from '../domain/code-dealer.ts'
import { CodePool, type HeldCode } from '../domain/code-pool.ts'
import type { Context } from '../domain/context.ts'
import type { Event } from '../domain/event.ts'
import type { RelayQueue } from '../domain/relay-queue.ts'
import type { Session } from '../domain/session.ts'
import type { Voucher } from '../domain/voucher.ts'
import { DELIVERY_LIFE_MS, type WebhookDelivery } from '../domain/webhook-delivery.ts'
import { DELETED_LIFE_MS, type WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import { aliveQuery } from './alive.ts'
import { watchedVoucher } from './columns.ts'
import { Listeners } from './listeners.ts'
import { Answers } from './sqlite/answers.ts'
import { applyChange } from './sqlite/apply.ts'
import { claimOwner } from './sqlite/claims.ts'
import { GroupCommit } from './sqlite/group-commit.ts'
import { Leases } from './sqlite/leases.ts'
import {
  apiKeysQuery,
  competingQuery,
  contextsQuery,
  type Query,
  sessionsQuery,
  settlingWithQuery,
  vouchersQuery,
  watchedQuery,
  webhookDeliveriesQuery,
  webhookEndpointsQuery,
} from './sqlite/lists.ts'
import { eventsOfQuery, loggedEvents, rowAt } from './sqlite/log.ts'
import { closeDatabase, openDatabase, unusable, writeOwner } from './sqlite/open.ts'
import { entity, entityOrNull, numberOf, type Row, Statements, textOf, textOrNull } from './sqlite/statements.ts'
import { callableQuery, dueQuery, FORGET_ORPHANS, listeningQuery } from './sqlite/webhooks.ts'
import type {
  AliveFilter,
  Change,
  CompetingFilter,
  Lease,
  LoggedEvent,
  LogPlace,
  Page,
  Party,
  SessionFilter,
  SettlingFilter,
  Store,
  StoredAnswer,
  Stretch,
  VoucherFilter,
  VoucherSlice,
  WatchedVoucher,
  WatchPlace,
  WebhookDeliveryFilter,
  WebhookEndpointFilter,
} from './store.ts'

/** Rows that one transaction forgets: enough to keep up, few enough not to hold up commits. */
const FORGET_BATCH = 500

/** Claims that are looked up in one turn of the event loop. */
const CLAIMS_A_TURN = 1000

type ForgettingTable = 'answers' | 'claims' | 'webhook_deliveries' | 'webhook_endpoints'

/** A code of six digits, as the dealer deals them. */
const SIX_DIGITS = '[0-9][0-9][0-9][0-9][0-9][0-9]'

/**
 * Opens the embedded store in a directory, which this process owns until it closes the store.
 * @param options.dataDir made if it is not there, readable by its owner only
 * @param options.clock Unix milliseconds; tells which stored answers a commit may replace
 * @throws StoreUnusable
 */
export async function openSqliteStore(options: { dataDir: string; clock?: () => number }): Promise<SqliteStore> {
  const db = openDatabase(options.dataDir)
  try {
    return new SqliteStore(db, options.dataDir, options.clock ?? Date.now)
  } catch (error) {
    closeDatabase(db, options.dataDir)
    throw unusable(options.dataDir, error)
  }
}

/** The embedded engine: one SQLite file, one process, one disk sync for all commits of a turn of the event loop. */
export class SqliteStore implements Store {
  readonly #db: DatabaseSync
  readonly #dataDir: string
  readonly #clock: () => number
  readonly #sql: Statements
  readonly #answers: Answers
  readonly #groups: GroupCommit
  readonly #listeners = new Listeners()
  readonly #leases = new Leases()

  /** Use `openSqliteStore`. */
  constructor(db: DatabaseSync, dataDir: string, clock: () => number) {
    this.#db = db
    this.#dataDir = dataDir
    this.#clock = clock
    this.#sql = new Statements(db)
    this.#answers = new Answers(this.#sql)
    this.#groups = new GroupCommit(db)
  }

  async commit(change: Change): Promise<void> {
    this.#assertOpen()
    await this.#groups.enqueue(() => {
      if (change.fence) this.#leases.assertHeld(change.fence)
      applyChange(this.#sql, this.#answers, change, this.#clock())
    })
    if (change.events?.length) this.#listeners.tell()
  }

  /** Tells whoever finds the directory taken, and the command line, where the owner is to be reached. */
  announce(url: string): void {
    writeOwner(this.#dataDir, url)
  }

  /** Commits made durable since the store was opened, and the transactions (disk syncs) that it took. */
  stats(): { commits: number; groups: number } {
    return this.#groups.stats()
  }

  async takeLease(name: string, holder: string, lifeMs: number): Promise<Lease | null> {
    return this.#leases.take(name, holder, lifeMs)
  }

  async giveUpLease(lease: Lease): Promise<void> {
    this.#leases.giveUp(lease)
  }

  async context(id: string): Promise<Context | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM contexts WHERE id = ?', id))
  }

  async contextByCode(code: string): Promise<Context | null> {
    const sql = 'SELECT body FROM contexts WHERE code = ? ORDER BY created_at_ms DESC, row DESC LIMIT 1'
    return entityOrNull(this.#sql.get(sql, code))
  }

  async contexts(filter: Page & { payerId: string }): Promise<Context[]> {
    return this.#list(contextsQuery(filter))
  }

  async session(id: string): Promise<Session | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM sessions WHERE id = ?', id))
  }

  async sessions(filter: SessionFilter): Promise<Session[]> {
    return this.#list(sessionsQuery(filter))
  }

  async openSessionsOf(contextId: string, limit: number): Promise<Session[]> {
    const sql = `SELECT body FROM sessions WHERE context_id = ? AND status = 'OPEN'
      ORDER BY created_at_ms DESC, row DESC LIMIT ?`
    return this.#list({ sql, values: [contextId, limit] })
  }

  async haveMet(payerId: string, payeeId: string): Promise<boolean> {
    // By the payer's index: payers have few rows, and payees may have any number.
    const sql = `SELECT EXISTS (SELECT 1 FROM vouchers WHERE payer_id = ?1 AND +payee_id = ?2)
      OR EXISTS (SELECT 1 FROM sessions WHERE payer_id = ?1 AND +payee_id = ?2) AS met`
    return this.#sql.get(sql, payerId, payeeId)?.met === 1
  }

  async voucher(id: string): Promise<Voucher | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM vouchers WHERE id = ?', id))
  }

  async vouchers(filter: VoucherFilter): Promise<Voucher[]> {
    return this.#list(vouchersQuery(filter))
  }

  async competingVouchers(filter: CompetingFilter): Promise<VoucherSlice> {
    return this.#slice(competingQuery(filter), filter.limit)
  }

  async settlingWith(filter: SettlingFilter): Promise<VoucherSlice> {
    return this.#slice(settlingWithQuery(filter), filter.limit)
  }

  async vouchersOf(sessionId: string, { limit, offset }: Pick<Page, 'limit' | 'offset'>): Promise<Voucher[]> {
    const sql = 'SELECT body FROM vouchers WHERE session_id = ? ORDER BY created_at_ms, row LIMIT ? OFFSET ?'
    return this.#list({ sql, values: [sessionId, limit, offset] })
  }

  async watched(limit: number, after: WatchPlace | null = null): Promise<WatchedVoucher[]> {
    const { sql, values } = watchedQuery(limit, after)
    return this.#sql.all(sql, ...values).flatMap((row) =>
      watchedVoucher({
        id: textOf(row, 'id'),
        changedAtMs: numberOf(row, 'settling_since_ms'),
        watch: textOrNull(row, 'watch'),
        body: textOrNull(row, 'body'),
      }),
    )
  }

  async countAlive(filter: AliveFilter, limit: number): Promise<number> {
    const { sql, values } = aliveQuery(filter, limit, () => '?')
    return numberOf(this.#sql.get(sql, ...values), 'alive')
  }

  async account(id: string): Promise<Account | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM accounts WHERE id = ?', id))
  }

  async credential(kind: Credential['kind'], identifier: string): Promise<Credential | null> {
    const sql = 'SELECT body FROM credentials WHERE kind = ? AND identifier = ?'
    return entityOrNull(this.#sql.get(sql, kind, identifier))
  }

  async apiKeyByHash(hash: string): Promise<ApiKey | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM api_keys WHERE hash = ?', hash))
  }

  async apiKey(id: string): Promise<ApiKey | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM api_keys WHERE id = ?', id))
  }

  async apiKeys(ownerId: string | null, page: Page): Promise<ApiKey[]> {
    return this.#list(apiKeysQuery(ownerId, page))
  }

  async claimOwners(keys: string[]): Promise<Map<string, string>> {
    const owners = new Map<string, string>()
    for (const [index, key] of keys.entries()) {
      // A transaction may have tens of thousands of parts: others have their turns in between.
      if (index % CLAIMS_A_TURN === CLAIMS_A_TURN - 1) await nextTurn()
      const ownerId = claimOwner(this.#sql, key)
      if (ownerId !== null) owners.set(key, ownerId)
    }
    return owners
  }

  async answer(scope: string, nowMs: number): Promise<StoredAnswer | null> {
    return this.#answers.find(scope, nowMs)
  }

  async events(after: string | null, limit: number, maxBytes = Number.POSITIVE_INFINITY): Promise<LoggedEvent[]> {
    const sql = 'SELECT position, body FROM events WHERE position > ? ORDER BY position LIMIT ?'
    return loggedEvents(this.#sql.iterate(sql, after === null ? 0 : rowAt(after), limit), maxBytes)
  }

  async eventsOf(
    party: Party,
    stretch: Stretch,
    limit: number,
    maxBytes = Number.POSITIVE_INFINITY,
  ): Promise<LoggedEvent[]> {
    const { sql, values } = eventsOfQuery(party, stretch, limit)
    return loggedEvents(this.#sql.iterate(sql, ...values), maxBytes)
  }

  async eventsAt(positions: string[]): Promise<Map<string, Event>> {
    const found = new Map<string, Event>()
    for (const position of new Set(positions)) {
      const row = this.#sql.get('SELECT body FROM events WHERE position = ?', rowAt(position))
      if (row !== null) found.set(position, entity<Event>(row))
    }
    return found
  }

  async endOfLog(): Promise<string> {
    const row = this.#sql.get('SELECT max(position) AS position FROM events')
    return typeof row?.position === 'number' ? String(row.position) : '0'
  }

  onEvents(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  async webhookEndpoint(id: string): Promise<WebhookEndpoint | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM webhook_endpoints WHERE id = ?', id))
  }

  async webhookEndpoints(filter: WebhookEndpointFilter): Promise<WebhookEndpoint[]> {
    return this.#list(webhookEndpointsQuery(filter))
  }

  async hasListeningEndpoints(): Promise<boolean> {
    return this.#sql.get('SELECT 1 FROM webhook_endpoints WHERE enabled = 1 LIMIT 1') !== null
  }

  async listeningEndpoints(payerIds: string[], payeeIds: string[]): Promise<WebhookEndpoint[]> {
    return this.#list(listeningQuery(payerIds, payeeIds))
  }

  async callableEndpoints(filter: Parameters<Store['callableEndpoints']>[0]): Promise<WebhookEndpoint[]> {
    return this.#list(callableQuery(filter))
  }

  async webhookDelivery(id: string): Promise<WebhookDelivery | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM webhook_deliveries WHERE id = ?', id))
  }

  async webhookDeliveries(filter: WebhookDeliveryFilter): Promise<WebhookDelivery[]> {
    return this.#list(webhookDeliveriesQuery(filter))
  }

  async dueDeliveries(endpointId: string, nowMs: number, limit: number): Promise<WebhookDelivery[]> {
    return this.#list(dueQuery(endpointId, nowMs, limit))
  }

  async webhookBacklog(): Promise<number> {
    const sql = 'SELECT count(*) AS waiting FROM webhook_deliveries WHERE due_at_ms IS NOT NULL'
    return numberOf(this.#sql.get(sql), 'waiting')
  }

  async logPlace(id: string): Promise<LogPlace | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM log_places WHERE id = ?', id))
  }

  async relayQueue(id: string): Promise<RelayQueue | null> {
    return entityOrNull(this.#sql.get('SELECT body FROM relay_queues WHERE id = ?', id))
  }

  async lapsedVouchers(nowMs: number, limit: number): Promise<Voucher[]> {
    const sql = 'SELECT body FROM vouchers WHERE lapses_at_ms <= ? ORDER BY lapses_at_ms LIMIT ?'
    return this.#list({ sql, values: [nowMs, limit] })
  }

  async lapsedContextCodes(nowMs: number, limit: number): Promise<Context[]> {
    const sql = `SELECT body FROM contexts WHERE code_ended_at_ms IS NULL AND code_expires_at_ms <= ?
      ORDER BY code_expires_at_ms LIMIT ?`
    return this.#list({ sql, values: [nowMs, limit] })
  }

  async lapsedSessions(nowMs: number, limit: number): Promise<Session[]> {
    const sql = `SELECT body FROM sessions WHERE status = 'OPEN' AND closes_at_ms <= ? ORDER BY closes_at_ms LIMIT ?`
    return this.#list({ sql, values: [nowMs, limit] })
  }

  async forget(nowMs: number): Promise<void> {
    await this.#forgetRows('answers', 'expires_at_ms', nowMs)
    await this.#forgetRows('claims', 'forget_at_ms', nowMs)
    await this.#forgetRows('webhook_deliveries', 'created_at_ms', nowMs - DELIVERY_LIFE_MS)
    await this.#inBatches((size) => this.#sql.run(FORGET_ORPHANS, size))
    await this.#forgetRows('webhook_endpoints', 'deleted_at_ms', nowMs - DELETED_LIFE_MS)
  }

  async codeDealers(nowMs: number): Promise<CodeDealers> {
    const restingSinceMs = nowMs - CODE_REST_MS
    return {
      voucher: new CodePool(this.#codes('vouchers', 'ended_at_ms', restingSinceMs)),
      context: new CodePool(this.#codes('contexts', 'code_ended_at_ms', restingSinceMs)),
    }
  }

  async close(): Promise<void> {
    if (!this.#db.isOpen) return
    this.#groups.drain()
    closeDatabase(this.#db, this.#dataDir)
  }

  #slice({ sql, values }: Query, limit: number): VoucherSlice {
    const rows = this.#sql.all(sql, ...values)
    const last = rows.length < limit ? undefined : rows.at(-1)
    return {
      vouchers: rows.map((row) => entity<Voucher>(row)),
      next: last === undefined ? null : numberOf(last, 'row'),
    }
  }

  #list<Entity>({ sql, values }: Query): Entity[] {
    return this.#sql.all(sql, ...values).map((row) => entity<Entity>(row))
  }

  /** Six-digit codes in use, and those whose owner ended after `restingSinceMs`. */
  #codes(table: 'vouchers' | 'contexts', endedColumn: string, restingSinceMs: number): HeldCode[] {
    const sql = `SELECT code, ${endedColumn} AS ended FROM ${table} WHERE ${endedColumn} IS NULL AND code GLOB ?
      UNION ALL SELECT code, ${endedColumn} FROM ${table} WHERE ${endedColumn} > ? AND code GLOB ?`
    return this.#sql.all(sql, SIX_DIGITS, restingSinceMs, SIX_DIGITS).map(heldCode)
  }

  async #forgetRows(table: ForgettingTable, timeColumn: string, untilMs: number): Promise<void> {
    const sql = `DELETE FROM ${table} WHERE row IN
      (SELECT row FROM ${table} WHERE ${timeColumn} <= ? ORDER BY ${timeColumn} LIMIT ?)`
    await this.#inBatches((size) => this.#sql.run(sql, untilMs, size))
  }

  /** Deletes in batches, between which commits and reads have their turns. */
  async #inBatches(forget: (size: number) => number): Promise<void> {
    let forgotten = FORGET_BATCH
    while (forgotten === FORGET_BATCH && this.#db.isOpen) {
      forgotten = forget(FORGET_BATCH)
      await nextTurn()
    }
  }

  #assertOpen(): void {
    if (!this.#db.isOpen) throw new Error('The store is closed.')
  }
}

function heldCode(row: Row): HeldCode {
  return { code: textOf(row, 'code'), endedAtMs: row.ended === null ? null : numberOf(row, 'ended') }
}
