import type { Attestation } from '../auth/attestation.ts'
import type { GuessLimits } from '../auth/guesses.ts'
import type { Passwords } from '../auth/passwords.ts'
import type { FairQueue, Queue } from '../auth/queue.ts'
import type { RateLimits } from '../auth/rate-limits.ts'
import type { Secrets } from '../auth/secrets.ts'
import type { Tokens } from '../auth/tokens.ts'
import type { Chain, ChainRules } from '../chains/chain.ts'
import type { Relayer } from '../chains/relayer.ts'
import type { EventStreams } from '../delivery/event-streams.ts'
import type { SendPolicy } from '../delivery/webhooks/send.ts'
import type { CodeDealers } from '../domain/code-dealer.ts'
import type { CurrencyIndex, Network } from '../domain/currency.ts'
import type { Hex } from '../domain/payment.ts'
import type { Fx } from '../fx/fx.ts'
import type { Lease, Store } from '../store/store.ts'
import type { AliveBounds } from './alive.ts'
import type { Leases } from './leases.ts'
import type { RecentRows } from './recent-rows.ts'

/** What use cases work with. `server.ts` puts it together. */
export type App = {
  store: Store
  /** What this node knows of rows without asking. */
  recent: RecentRows
  clock: () => number
  times: Times
  networks: Map<string, Network>
  currencies: CurrencyIndex
  /** Prices between currencies. */
  fx: Fx
  swaps: SwapPolicy
  /** The networks that the server has a node for. */
  chains: Map<string, Chain>
  /** Who carries out signatures, by network; none where the operator has configured no key. */
  relayers: Map<string, Relayer>
  rules: ChainRules
  codes: CodeDealers
  secrets: Secrets
  tokens: Tokens
  passwords: Passwords
  attestation: Attestation
  guesses: GuessLimits
  limits: RateLimits
  /** The hosts, with ports, that wallets may name when they sign in. */
  publicHosts: string[]
  /** Aborted when the server stops: calls that wait for a block then answer with what there is. */
  stopping: AbortSignal
  /** Vouchers whose settlement a waiting call follows right now; the watcher leaves them alone. */
  followed: Set<string>
  /** Whom webhooks may reach. */
  webhookPolicy: SendPolicy
  leases: Leases
  /** The lease that every commit of this work depends on; null: none, as for all that callers ask for. */
  fence: Lease | null
  /** Keeps what callers make within bounds. */
  alive: AliveBounds
  /** The event streams that are open on this node. */
  streams: EventStreams
  /** Lists are put together a few at a time: they are the largest answers. */
  lists: FairQueue
  /** Calls that look through a session for what their receipts pay, a few at a time: it may hold thousands of vouchers. */
  sessionLooks: Queue
  log: Log
}

/** On what terms payers may pay in another currency than the one that was asked. */
export type SwapPolicy = {
  /** How long a quote stands. */
  quoteTtlMs: number
  /** How much worse the price may get until the swap is mined, in basis points. */
  slippageBps: number
  /** What the operator takes of what the payee gets, on top of it, and where it goes; null: nothing. */
  fee: { bps: number; recipient: Hex } | null
}

/** How long things live and how long calls wait, in milliseconds. */
export type Times = {
  reserveTtlMs: number
  signingTtlMs: number
  contextTtlMs: number
  /** How long `resolve-voucher` waits for the block. */
  resolveWaitMs: number
  /** How long a node may take to hear of a transaction before a receipt is rejected. */
  unknownGraceMs: number
  /** How long a transaction that the node knew may be gone before it counts as dropped. */
  dropGraceMs: number
}

export type Log = {
  info: (fields: Record<string, unknown>, message: string) => void
  warn: (fields: Record<string, unknown>, message: string) => void
  error: (fields: Record<string, unknown>, message: string) => void
}
