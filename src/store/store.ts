import type { Account, ApiKey, Credential } from '../domain/account.ts'
import type { CodeDealers } from '../domain/code-dealer.ts'
import type { Context } from '../domain/context.ts'
import type { Event } from '../domain/event.ts'
import type { Hex } from '../domain/hex.ts'
import type { RelayQueue } from '../domain/relay-queue.ts'
import type { Session } from '../domain/session.ts'
import type { Voucher, VoucherStatus } from '../domain/voucher.ts'
import type { WalletId } from '../domain/wallet.ts'
import type { WatchNote } from '../domain/watch.ts'
import type { DeliveryStatus, WebhookDelivery } from '../domain/webhook-delivery.ts'
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts'

/**
 * One atomic step: all of it is durable, or none of it happened.
 *
 * A row to write carries the version that it will have: version 1 is inserted, version n replaces n − 1 and nothing else.
 * A change that loses in several ways fails at its fence first, then at its answer: who repeats a call is to learn of the
 * answer.
 */
export type Change = {
  contexts?: Context[]
  sessions?: Session[]
  vouchers?: Voucher[]
  accounts?: Account[]
  apiKeys?: ApiKey[]
  credentials?: Credential[]
  /** No two that are not deleted have the same place with their owner: the later one is a `version` conflict. */
  webhookEndpoints?: WebhookEndpoint[]
  /** A new one whose endpoint has a delivery of the same event already is left out; that is no conflict. */
  webhookDeliveries?: WebhookDelivery[]
  logPlaces?: LogPlace[]
  relayQueues?: RelayQueue[]
  /** Rows that the decision read and that must still have this version. */
  unchanged?: { contexts?: Versioned[]; sessions?: Versioned[] }
  /** Unique things taken for good, such as a log of a transaction or a sign-in challenge. Taking one's own again is fine. */
  claims?: Claim[]
  events?: Event[]
  /** The stored answer of an idempotency key. */
  answer?: StoredAnswer
  /** The lease under which the work was done and which must still be held. */
  fence?: Lease
}

/** What one node at a time may do, for a while. `token` grows with each holder: an older one is of no use any more. */
export type Lease = { name: string; token: number }

/** How far a reader of the log has come: whoever moves it on is the only one who did what lies before. */
export type LogPlace = Versioned & { position: string }

export type Versioned = { id: string; version: number }

export type Claim = {
  key: string
  /** Whoever takes it: a voucher's id, or anything else that tells takers apart. */
  ownerId: string
  /**
   * From when `forget` may drop the claim (Unix milliseconds); until it does, the claim holds. Null for money, which is
   * never forgotten. Taken again by its owner, a claim keeps the later time.
   */
  forgetAtMs: number | null
}

export type StoredAnswer = {
  /** Hash of caller, route and idempotency key. */
  scope: string
  /** Hash of the body that came with it. */
  requestHash: string
  /** The answer as JSON; sealed where it holds a secret. */
  body: string
  /** From then on it is not shown, and gives way to a new answer of the same scope. */
  expiresAtMs: number
  /** With `true` an answer that is there already stays, and the rest of the change happens. */
  ifAbsent?: boolean
}

/**
 * Why a commit lost: somebody else changed a row (`version`), holds the code (`code`), took the claim (`claim`),
 * answered the idempotency key (`answer`), has the credential (`credential`), or may hold the lease by now (`fence`).
 */
export type ConflictKind = 'version' | 'code' | 'claim' | 'answer' | 'credential' | 'fence'

/** The commit lost a race and nothing of it happened. Load again and decide again. */
export class Conflict extends Error {
  readonly kind: ConflictKind
  /** The row, code, claim, scope or lease at which it failed. */
  readonly key: string

  constructor(kind: ConflictKind, key: string) {
    super(`${kind} conflict at ${key}`)
    this.name = 'Conflict'
    this.kind = kind
    this.key = key
  }
}

/** The store cannot be opened because something else owns it or it is not what it should be. Meant for the operator. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable'
}

/** The store does not answer just now: it is out of reach, or too slow. Nothing happened. Try again later. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/**
 * The connection broke before the commit was answered: it happened, or it did not. The idempotency key of the call tells
 * which, and so does loading again.
 */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown'
}

/** A slice of a list, newest first, of what was created from `sinceMs` on and before `untilMs` (Unix milliseconds). */
export type Page = { limit: number; offset: number; sinceMs: number | null; untilMs: number | null }

/** Rows of one party: as payer (an account), as payee, or as either. With neither there are none. */
export type Party = { payerId: string | null; payeeId: string | null }

export type VoucherFilter = Page & {
  party: Party
  /** The status as the clock has it at `nowMs`. */
  status: VoucherStatus | null
  orderId: string | null
  sessionId: string | null
  code: string | null
  nowMs: number
}

/** Part of a look-up that has no end of its own: slice after slice, the oldest voucher first. */
type Slice = {
  /** Where the slice before ended (`next`); null: from the beginning. */
  after: number | null
  limit: number
}

/** `next` is null where nothing is left. */
export type VoucherSlice = { vouchers: Voucher[]; next: number | null }

/**
 * Vouchers that can still be paid, of payers who have shown to hold an address: those that its wallets have signed for, and
 * those of their accounts.
 */
export type CompetingFilter = Slice & {
  /** What signs with the address, each once. */
  wallets: WalletId[]
  /** The accounts that these sign in to, each once. */
  accountIds: string[]
  /** What they ask for (`askOf`): one of these, each once. */
  asks: string[]
  /** Only those that were created from then on (Unix milliseconds). */
  sinceMs: number
}

/** Vouchers of other payers whose settlement is PENDING, and whose last payment this transaction is to carry. */
export type SettlingFilter = Slice & { hash: Hex; asks: string[]; exceptPayerId: string }

export type SessionFilter = Page & { party: Party; contextId: string | null }

/** Endpoints of one owner that are not deleted. */
export type WebhookEndpointFilter = Page & {
  ownerId: string
  /** Leaves out those that hear of what the owner pays. */
  payeeOnly: boolean
  enabled: boolean | null
  widgetId: string | null
}

export type WebhookDeliveryFilter = Page & {
  ownerId: string
  /** Leaves out those of endpoints that hear of what the owner pays. */
  payeeOnly: boolean
  endpointId: string | null
  status: DeliveryStatus | null
  eventType: string | null
  widgetId: string | null
}

/** What is alive of an owner, or of what two have with each other. */
export type AliveFilter = {
  what: 'vouchers' | 'vouchers of any age' | 'sessions' | 'contexts' | 'apiKeys'
  /** Whose, by column; all of them must be the row's. */
  of: { payee_id?: string; payer_id?: string; session_id?: string; context_id?: string; owner_id?: string }
  /** Nothing older is looked at (Unix milliseconds). */
  sinceMs: number
  nowMs: number
}

/** What is known of a watched voucher without reading it; `changedAtMs` is when it was last written (Unix milliseconds). */
export type WatchedVoucher = WatchNote & WatchPlace

/** Where a voucher stands among those that are watched. */
export type WatchPlace = { id: string; changedAtMs: number }

/** An event and its place in the log. Positions mean nothing outside the store that gave them. */
export type LoggedEvent = { position: string; event: Event }

/** A stretch of the log: what lies after one position, up to and with another. */
export type Stretch = { after: string; upTo: string }

/**
 * The durable memory. Engines pass one contract suite (`test/store/contract.ts`).
 * An engine that is out of reach rejects whatever it is asked with `StoreUnavailable`.
 * Reads see committed state only. Lists are newest first. Nothing here knows the rules: those are in `domain/`.
 */
export interface Store {
  /**
   * Makes the change durable before the promise resolves.
   * @throws Conflict when it lost a race; then nothing happened
   * @throws CommitUnknown when nobody can say whether it happened
   */
  commit(change: Change): Promise<void>

  /**
   * Takes a lease that nobody holds, or renews one's own. It lapses by the clock of the store, not of the node.
   * @param holder tells nodes apart
   * @returns null while somebody else holds it
   */
  takeLease(name: string, holder: string, lifeMs: number): Promise<Lease | null>
  /** Lets others take the lease at once. One that was lost already stays as it is. */
  giveUpLease(lease: Lease): Promise<void>

  context(id: string): Promise<Context | null>
  /** The newest context that was ever dealt this code. */
  contextByCode(code: string): Promise<Context | null>
  contexts(filter: Page & { payerId: string }): Promise<Context[]>

  session(id: string): Promise<Session | null>
  sessions(filter: SessionFilter): Promise<Session[]>
  /** The newest first. */
  openSessionsOf(contextId: string, limit: number): Promise<Session[]>
  /** Whether this payee has ever asked anything of this payer: by a voucher, or by a session. */
  haveMet(payerId: string, payeeId: string): Promise<boolean>

  voucher(id: string): Promise<Voucher | null>
  vouchers(filter: VoucherFilter): Promise<Voucher[]>
  competingVouchers(filter: CompetingFilter): Promise<VoucherSlice>
  settlingWith(filter: SettlingFilter): Promise<VoucherSlice>
  /** The vouchers of a session, oldest first. */
  vouchersOf(sessionId: string, slice: Pick<Page, 'limit' | 'offset'>): Promise<Voucher[]>
  /**
   * Notes of the vouchers whose settlement is PENDING or that have attempts, oldest change first. One that changes between two
   * pages comes again.
   * @param after the last of the page before; null: from the beginning
   */
  watched(limit: number, after?: WatchPlace | null): Promise<WatchedVoucher[]>

  /** How many are alive, counted no further than `limit`. */
  countAlive(filter: AliveFilter, limit: number): Promise<number>

  account(id: string): Promise<Account | null>
  credential(kind: Credential['kind'], identifier: string): Promise<Credential | null>
  apiKeyByHash(hash: string): Promise<ApiKey | null>
  apiKey(id: string): Promise<ApiKey | null>
  /** @param ownerId null: of every owner */
  apiKeys(ownerId: string | null, page: Page): Promise<ApiKey[]>

  /** Who took each of these keys; untaken keys are absent. */
  claimOwners(keys: string[]): Promise<Map<string, string>>
  answer(scope: string, nowMs: number): Promise<StoredAnswer | null>
  /**
   * The log after a position, oldest first. Its order is fixed: nothing ever comes to lie before what was read. An
   * event may show a moment after its commit, once no commit that began before it is still under way.
   * @param after where another reading of this store ended; null: from the beginning
   * @param maxBytes ends the page after the event that reaches it, so only an empty page is the end; no bound otherwise
   * @throws RangeError where `after` is no position
   */
  events(after: string | null, limit: number, maxBytes?: number): Promise<LoggedEvent[]>
  /**
   * What of a stretch of the log a party may see, oldest first, by an index.
   * @param maxBytes as for `events`
   * @throws RangeError where the stretch is not between positions
   */
  eventsOf(party: Party, stretch: Stretch, limit: number, maxBytes?: number): Promise<LoggedEvent[]>
  /**
   * The events that lie at these positions; where none lies, it is absent. They come whole: ask for a few at a time.
   * @throws RangeError where one is no position
   */
  eventsAt(positions: string[]): Promise<Map<string, Event>>
  /** Where the log ends now: after all that `events` shows, or, in an empty log, before all that it will show. */
  endOfLog(): Promise<string>
  /**
   * Tells that there may be more in the log, whoever wrote it: at once after commits of this process that wrote events,
   * and within moments after those of others.
   * @returns what ends the telling
   */
  onEvents(listener: () => void): () => void

  webhookEndpoint(id: string): Promise<WebhookEndpoint | null>
  webhookEndpoints(filter: WebhookEndpointFilter): Promise<WebhookEndpoint[]>
  /** Whether any endpoint is enabled. */
  hasListeningEndpoints(): Promise<boolean>
  /** Enabled endpoints that get the events of any of these payers (accounts) or payees. */
  listeningEndpoints(payerIds: string[], payeeIds: string[]): Promise<WebhookEndpoint[]>
  /** Enabled endpoints that do not rest and have something due; the longest due first. Those that fail are apart. */
  callableEndpoints(filter: { nowMs: number; failing: boolean; limit: number }): Promise<WebhookEndpoint[]>
  webhookDelivery(id: string): Promise<WebhookDelivery | null>
  webhookDeliveries(filter: WebhookDeliveryFilter): Promise<WebhookDelivery[]>
  /** What an endpoint may be sent now, the longest due first: of each subject the earliest that is still to be sent. */
  dueDeliveries(endpointId: string, nowMs: number, limit: number): Promise<WebhookDelivery[]>
  /** Deliveries that are still to be sent, for whatever reason they wait. */
  webhookBacklog(): Promise<number>
  logPlace(id: string): Promise<LogPlace | null>
  relayQueue(id: string): Promise<RelayQueue | null>

  /** What the clock has ended and the sweep may tidy up. */
  lapsedVouchers(nowMs: number, limit: number): Promise<Voucher[]>
  lapsedContextCodes(nowMs: number, limit: number): Promise<Context[]>
  lapsedSessions(nowMs: number, limit: number): Promise<Session[]>
  /**
   * Forgets answers and claims whose time has passed, deliveries after 30 days, and what belongs to deleted endpoints; the
   * endpoints themselves a minute later, when nobody writes to them any more.
   */
  forget(nowMs: number): Promise<void>
  /**
   * Deals the codes of six digits, for vouchers and for contexts. Where several processes deal from the store, a commit
   * that takes a resting code fails as one that takes a held code does.
   * @param nowMs Unix milliseconds; decides which codes rest at first
   */
  codeDealers(nowMs: number): Promise<CodeDealers>

  close(): Promise<void>
}
