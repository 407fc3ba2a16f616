import type { Hex } from './payment.ts'

/**
 * How a voucher's payments stand on the chain.
 *
 *            receipts seen, not mined             reverted, dropped, not what was asked
 *   (none) ───────────────────────────► PENDING ────────────────────────────────► FAILED
 *                                        │    ▲                                      │
 *                        deep enough     │    │     new receipts                     │
 *                                        ▼    └──────────────────────────────────────┘
 *                                    CONFIRMED
 *
 *   UNVERIFIED: the server has no node for the network, so the payer's word is all there is.
 */
export type SettlementStatus = 'PENDING' | 'CONFIRMED' | 'FAILED' | 'UNVERIFIED'

/** How deep a block must lie before a payment counts as settled. */
export type RequiredDepth = number | 'finalized'

/** A block by number and hash: the hash decides, the number only counts. */
export type BlockRef = { number: number; hash: Hex }

/** The transaction that is to carry one payment. */
export type SettlementTransaction = {
  paymentId: string
  /** Null where the server has no node and the receipt named none. */
  hash: Hex | null
  /** The raw transaction, where the payer handed it in: kept to be broadcast again after a crash or a reorg. */
  signedTransaction: Hex | null
  /** Who sent it and with which nonce, as far as known: they tell a dropped or replaced transaction from a slow one. */
  from: Hex | null
  nonce: number | null
  /** The block that holds it; null while it is not mined. */
  block: BlockRef | null
  /** Since when the node has not known it any more (Unix milliseconds); null while it does. */
  missingSinceMs: number | null
}

export type Settlement = {
  status: SettlementStatus
  network: string
  transactions: SettlementTransaction[]
  /** The least deep of the transactions; 0 while one is not mined. */
  confirmations: number
  required: RequiredDepth
  /** Why it failed, in plain words. */
  failure: string | null
  submittedAtMs: number
  confirmedAtMs: number | null
}
