import type { Account, ApiKey, Credential } from '../domain/account.ts'
import type { CodeDealers } from '../domain/code-dealer.ts'
import type { Context } from '../domain/context.ts'
import type { Event } from '../domain/event.ts'
import type { RelayQueue } from '../domain/relay-queue.ts'
import type { Session } from '../domain/session.ts'
import type { Voucher } from '../domain/voucher.ts'
import { DELIVERY_LIFE_MS, type WebhookDelivery } from '../domain/webhook-delivery.ts'
import { DELETED_LIFE_MS, type WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import { aliveQuery } from './alive.ts'
import { watchedVoucher } from './columns.ts'
import { CodeStock } from './postgres/code-stock.ts'
import { CONTEXT_CODES, codesInUse, VOUCHER_CODES } from './postgres/codes.ts'
import { commitChange } from './postgres/commit.ts'
import { Connections, type Query } from './postgres/connections.ts'
import { Counters } from './postgres/counters.ts'
import { encodeChange } from './postgres/encode.ts'
import {
  apiKeysQuery,
  competingQuery,
  contextsQuery,
  sessionsQuery,
  settlingWithQuery,
  vouchersQuery,
  watchedQuery,
  webhookDeliveriesQuery,
  webhookEndpointsQuery,
} from './postgres/lists.ts'
import { END_OF_LOG, endOfLog, eventsAtQuery, eventsOfQuery, eventsQuery, loggedEvent } from './postgres/log.ts'
import { LogWatch } from './postgres/log-watch.ts'
import { prepareDatabase } from './postgres/open.ts'
import { entity, numberOf, textOf, textOrNull } from './postgres/rows.ts'
import { targetOf } from './postgres/target.ts'
import { digest, storable } from './postgres/text.ts'
import { callableQuery, dueQuery, FORGET_ORPHANS, listeningQuery } from './postgres/webhooks.ts'
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

const POOL_SIZE = 10

/** Rows that one transaction forgets: enough to keep up, few enough not to hold up commits. */
const FORGET_BATCH = 500

type ForgettingTable = 'answers' | 'claims' | 'webhook_deliveries' | 'webhook_endpoints'

export type PostgresOptions = {
  /** `postgres://user:password@host:5432/database`; its `options` may name a schema other than `sixpence`. */
  url: string
  /** Unix milliseconds; tells which stored answers a commit may replace. */
  clock?: () => number
  /** Connections at most; 10 by default. */
  poolSize?: number
}

/**
 * Opens the store in a PostgreSQL database, which any number of nodes may share, and brings it to the current schema.
 * @throws StoreUnusable
 */
export async function openPostgresStore({ url, clock, poolSize }: PostgresOptions): Promise<PostgresStore> {
  const target = targetOf(url)
  await prepareDatabase(target)
  return new PostgresStore(new Connections(target.config, poolSize ?? POOL_SIZE), clock ?? Date.now)
}

/** The engine for many nodes: one PostgreSQL cluster, one round trip a commit. */
export class PostgresStore implements Store {
  /** What nodes count together. */
  readonly counters: Counters
  readonly #connections: Connections
  readonly #clock: () => number
  readonly #watch = new LogWatch(() => this.endOfLog())
  #commits = 0

  /** Use `openPostgresStore`. */
  constructor(connections: Connections, clock: () => number) {
    this.#connections = connections
    this.counters = new Counters(connections)
    this.#clock = clock
  }

  async commit(change: Change): Promise<void> {
    const encoded = encodeChange(change)
    await this.#connections.during(() => commitChange(this.#connections, encoded, this.#clock()))
    this.#commits += 1
    if (change.events?.length) this.#watch.tell()
  }

  /** Commits made durable since the store was opened, and the transactions that it took: PostgreSQL groups their disk syncs. */
  stats(): { commits: number; groups: number } {
    return { commits: this.#commits, groups: this.#commits }
  }

  async takeLease(name: string, holder: string, lifeMs: number): Promise<Lease | null> {
    const text = 'SELECT take_lease($1, $2, $3) AS token'
    const [row] = await this.#connections.read({ name: 'takeLease', text, values: [name, holder, lifeMs] })
    return row === undefined || row.token === null ? null : { name, token: numberOf(row, 'token') }
  }

  async giveUpLease({ name, token }: Lease): Promise<void> {
    const text = `UPDATE leases SET token = token + 1, ends_at = '-infinity' WHERE name = $1 AND token = $2`
    await this.#connections.read({ text, values: [name, token] })
  }

  async context(id: string): Promise<Context | null> {
    return this.#find('context', 'SELECT body FROM contexts WHERE id = $1', id)
  }

  async contextByCode(code: string): Promise<Context | null> {
    const sql = 'SELECT body FROM contexts WHERE code = $1 ORDER BY created_at_ms DESC, row DESC LIMIT 1'
    return this.#find('contextByCode', sql, code)
  }

  async contexts(filter: Page & { payerId: string }): Promise<Context[]> {
    return this.#list(contextsQuery(filter))
  }

  async session(id: string): Promise<Session | null> {
    return this.#find('session', 'SELECT body FROM sessions WHERE id = $1', id)
  }

  async sessions(filter: SessionFilter): Promise<Session[]> {
    return this.#list(sessionsQuery(filter))
  }

  async openSessionsOf(contextId: string, limit: number): Promise<Session[]> {
    const text = `SELECT body FROM sessions WHERE context_id = $1 AND status = 'OPEN'
      ORDER BY created_at_ms DESC, row DESC LIMIT $2`
    return this.#list({ name: 'openSessionsOf', text, values: [contextId, limit] })
  }

  async haveMet(payerId: string, payeeId: string): Promise<boolean> {
    // By the payer's index: payers have few rows, and payees may have any number.
    const text = `SELECT EXISTS (SELECT FROM vouchers WHERE payer_id = $1 AND payee_id || '' = $2)
      OR EXISTS (SELECT FROM sessions WHERE payer_id = $1 AND payee_id || '' = $2) AS met`
    const [row] = await this.#connections.read({ name: 'haveMet', text, values: [payerId, payeeId] })
    return row?.met === true
  }

  async voucher(id: string): Promise<Voucher | null> {
    return this.#find('voucher', 'SELECT body FROM vouchers WHERE id = $1', id)
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
    const text = 'SELECT body FROM vouchers WHERE session_id = $1 ORDER BY created_at_ms, row LIMIT $2 OFFSET $3'
    return this.#list({ name: 'vouchersOf', text, values: [sessionId, limit, offset] })
  }

  async watched(limit: number, after: WatchPlace | null = null): Promise<WatchedVoucher[]> {
    const rows = await this.#connections.read(watchedQuery(limit, after))
    return rows.flatMap((row) =>
      watchedVoucher({
        id: textOf(row, 'id'),
        changedAtMs: numberOf(row, 'settling_since_ms'),
        watch: textOrNull(row, 'watch'),
        body: textOrNull(row, 'body'),
      }),
    )
  }

  async countAlive(filter: AliveFilter, limit: number): Promise<number> {
    const { sql: text, values } = aliveQuery(filter, limit, (nth) => `$${nth}`)
    const storableValues = values.map((value) => (typeof value === 'string' ? storable(value) : value))
    const [row] = await this.#connections.read({ text, values: storableValues })
    return row === undefined ? 0 : numberOf(row, 'alive')
  }

  async account(id: string): Promise<Account | null> {
    return this.#find('account', 'SELECT body FROM accounts WHERE id = $1', id)
  }

  async credential(kind: Credential['kind'], identifier: string): Promise<Credential | null> {
    return this.#find(
      'credential',
      'SELECT body FROM credentials WHERE kind = $1 AND identifier = $2',
      kind,
      identifier,
    )
  }

  async apiKeyByHash(hash: string): Promise<ApiKey | null> {
    return this.#find('apiKeyByHash', 'SELECT body FROM api_keys WHERE hash = $1', hash)
  }

  async apiKey(id: string): Promise<ApiKey | null> {
    return this.#find('apiKey', 'SELECT body FROM api_keys WHERE id = $1', id)
  }

  async apiKeys(ownerId: string | null, page: Page): Promise<ApiKey[]> {
    return this.#list(apiKeysQuery(ownerId, page))
  }

  async claimOwners(keys: string[]): Promise<Map<string, string>> {
    if (keys.length === 0) return new Map()
    const text = `SELECT nth, owner_id FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (digest, nth)
      JOIN claims USING (digest) ORDER BY nth`
    const rows = await this.#connections.read({ name: 'claimOwners', text, values: [keys.map(digest)] })
    return new Map(rows.map((row) => [keys[numberOf(row, 'nth') - 1] ?? '', textOf(row, 'owner_id')]))
  }

  async answer(scope: string, nowMs: number): Promise<StoredAnswer | null> {
    const text = 'SELECT request_hash, body, expires_at_ms FROM answers WHERE digest = $1 AND expires_at_ms > $2'
    const [row] = await this.#connections.read({ name: 'answer', text, values: [digest(scope), nowMs] })
    if (row === undefined) return null
    return {
      scope,
      requestHash: textOf(row, 'request_hash'),
      body: textOf(row, 'body'),
      expiresAtMs: numberOf(row, 'expires_at_ms'),
    }
  }

  async events(after: string | null, limit: number, maxBytes = Number.POSITIVE_INFINITY): Promise<LoggedEvent[]> {
    const rows = await this.#connections.read(eventsQuery(after, limit, maxBytes))
    return rows.map(loggedEvent)
  }

  async eventsOf(
    party: Party,
    stretch: Stretch,
    limit: number,
    maxBytes = Number.POSITIVE_INFINITY,
  ): Promise<LoggedEvent[]> {
    const rows = await this.#connections.read(eventsOfQuery(party, stretch, limit, maxBytes))
    return rows.map(loggedEvent)
  }

  async eventsAt(positions: string[]): Promise<Map<string, Event>> {
    const wanted = [...new Set(positions)]
    if (wanted.length === 0) return new Map()
    const rows = await this.#connections.read(eventsAtQuery(wanted))
    return new Map(rows.map((row) => [wanted[numberOf(row, 'nth') - 1] ?? '', entity<Event>(row)]))
  }

  async endOfLog(): Promise<string> {
    const [newest] = await this.#connections.read(END_OF_LOG)
    return endOfLog(newest)
  }

  onEvents(listener: () => void): () => void {
    return this.#watch.add(listener)
  }

  async webhookEndpoint(id: string): Promise<WebhookEndpoint | null> {
    return this.#find('webhookEndpoint', 'SELECT body FROM webhook_endpoints WHERE id = $1', id)
  }

  async webhookEndpoints(filter: WebhookEndpointFilter): Promise<WebhookEndpoint[]> {
    return this.#list(webhookEndpointsQuery(filter))
  }

  async hasListeningEndpoints(): Promise<boolean> {
    const text = 'SELECT FROM webhook_endpoints WHERE enabled = 1 LIMIT 1'
    return (await this.#connections.read({ name: 'hasListeningEndpoints', text })).length > 0
  }

  async listeningEndpoints(payerIds: string[], payeeIds: string[]): Promise<WebhookEndpoint[]> {
    return this.#list(listeningQuery(payerIds, payeeIds))
  }

  async callableEndpoints(filter: Parameters<Store['callableEndpoints']>[0]): Promise<WebhookEndpoint[]> {
    return this.#list(callableQuery(filter))
  }

  async webhookDelivery(id: string): Promise<WebhookDelivery | null> {
    return this.#find('webhookDelivery', 'SELECT body FROM webhook_deliveries WHERE id = $1', id)
  }

  async webhookDeliveries(filter: WebhookDeliveryFilter): Promise<WebhookDelivery[]> {
    return this.#list(webhookDeliveriesQuery(filter))
  }

  async dueDeliveries(endpointId: string, nowMs: number, limit: number): Promise<WebhookDelivery[]> {
    return this.#list(dueQuery(endpointId, nowMs, limit))
  }

  async webhookBacklog(): Promise<number> {
    const text = 'SELECT count(*) AS waiting FROM webhook_deliveries WHERE due_at_ms IS NOT NULL'
    const [row] = await this.#connections.read({ name: 'webhookBacklog', text })
    return row === undefined ? 0 : numberOf(row, 'waiting')
  }

  async logPlace(id: string): Promise<LogPlace | null> {
    return this.#find('logPlace', 'SELECT body FROM log_places WHERE id = $1', id)
  }

  async relayQueue(id: string): Promise<RelayQueue | null> {
    return this.#find('relayQueue', 'SELECT body FROM relay_queues WHERE id = $1', id)
  }

  async lapsedVouchers(nowMs: number, limit: number): Promise<Voucher[]> {
    const text = 'SELECT body FROM vouchers WHERE lapses_at_ms <= $1 ORDER BY lapses_at_ms LIMIT $2'
    return this.#list({ text, values: [nowMs, limit] })
  }

  async lapsedContextCodes(nowMs: number, limit: number): Promise<Context[]> {
    const text = `SELECT body FROM contexts WHERE code_ended_at_ms IS NULL AND code_expires_at_ms <= $1
      ORDER BY code_expires_at_ms LIMIT $2`
    return this.#list({ text, values: [nowMs, limit] })
  }

  async lapsedSessions(nowMs: number, limit: number): Promise<Session[]> {
    const text = `SELECT body FROM sessions WHERE status = 'OPEN' AND closes_at_ms <= $1 ORDER BY closes_at_ms LIMIT $2`
    return this.#list({ text, values: [nowMs, limit] })
  }

  async forget(nowMs: number): Promise<void> {
    await this.#forgetRows('answers', 'digest', 'expires_at_ms', nowMs)
    await this.#forgetRows('claims', 'digest', 'forget_at_ms', nowMs)
    await this.#forgetRows('webhook_deliveries', 'id', 'created_at_ms', nowMs - DELIVERY_LIFE_MS)
    await this.#inBatches({ text: FORGET_ORPHANS, values: [FORGET_BATCH] })
    await this.#forgetRows('webhook_endpoints', 'id', 'deleted_at_ms', nowMs - DELETED_LIFE_MS)
    await this.counters.forget()
  }

  async codeDealers(): Promise<CodeDealers> {
    return {
      voucher: new CodeStock(codesInUse(this.#connections, VOUCHER_CODES)),
      context: new CodeStock(codesInUse(this.#connections, CONTEXT_CODES)),
    }
  }

  /** The database's clock (Unix milliseconds). */
  async nowMs(): Promise<number> {
    const [row] = await this.#connections.read({ name: 'nowMs', text: 'SELECT database_now_ms() AS now_ms' })
    if (row === undefined) throw new Error('the database gave no time')
    return numberOf(row, 'now_ms')
  }

  /** The secrets that the nodes share, as text; null where there are none yet. */
  async secretText(): Promise<string | null> {
    const [row] = await this.#connections.read({ text: 'SELECT body FROM secrets' })
    return row === undefined ? null : textOf(row, 'body')
  }

  /**
   * Puts other secrets in the place of those that are there, unless another node was faster.
   * @param previous what `secretText` said
   * @returns false where the secrets are not `previous` any more; then nothing happened
   */
  async putSecretText(previous: string | null, next: string): Promise<boolean> {
    const rows = await this.#connections.read(
      previous === null
        ? { text: 'INSERT INTO secrets (body) VALUES ($1) ON CONFLICT DO NOTHING RETURNING 1', values: [next] }
        : { text: 'UPDATE secrets SET body = $2 WHERE body = $1 RETURNING 1', values: [previous, next] },
    )
    return rows.length === 1
  }

  async close(): Promise<void> {
    this.#watch.end()
    await this.#connections.end()
  }

  async #find<Entity>(name: string, text: string, ...values: string[]): Promise<Entity | null> {
    const [found] = await this.#list<Entity>({ name, text, values })
    return found ?? null
  }

  async #slice(query: Query, limit: number): Promise<VoucherSlice> {
    const rows = await this.#connections.read(query)
    const last = rows.length < limit ? undefined : rows.at(-1)
    return {
      vouchers: rows.map((row) => entity<Voucher>(row)),
      next: last === undefined ? null : numberOf(last, 'row'),
    }
  }

  async #list<Entity>({ values = [], ...query }: Query): Promise<Entity[]> {
    const storableValues = values.map((value) => (typeof value === 'string' ? storable(value) : value))
    const rows = await this.#connections.read({ ...query, values: storableValues })
    return rows.map((row) => entity<Entity>(row))
  }

  /** Rows that another node is forgetting are left to it. */
  async #forgetRows(table: ForgettingTable, key: 'digest' | 'id', timeColumn: string, untilMs: number): Promise<void> {
    const text = `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE ${timeColumn} <= $1
      ORDER BY ${timeColumn} LIMIT ${FORGET_BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1`
    await this.#inBatches({ text, values: [untilMs] })
  }

  /** Deletes in batches, so that no transaction is long. */
  async #inBatches(forget: Query): Promise<void> {
    let forgotten = FORGET_BATCH
    while (forgotten === FORGET_BATCH && this.#connections.isOpen) {
      forgotten = (await this.#connections.read(forget)).length
    }
  }
}
