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
  /** Smallest units, as a decimal string, where it carries only a part of its payment; else absent. */
  partUnits?: string
  /** What the parts of it that carry the payment are claimed under; absent where they are all of it, or not known. */
  partKeys?: string[]
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
  /** The transaction that it failed at, as it was handed in; older rows lack it. */
  failedHash?: Hex | null
  submittedAtMs: number
  confirmedAtMs: number | null
  /** The idempotency key of the call that handed the receipts in: its answer is stored when the voucher resolves. */
  answerTo: AnswerSlot | null
}

export type AnswerSlot = { scope: string; requestHash: string; expiresAtMs: number }

/** A settlement whose receipts have just come in. */
export function beginSettlement(input: {
  chain: { network: string; required: RequiredDepth }
  transactions: SettlementTransaction[]
  answerTo: AnswerSlot | null
  nowMs: number
}): Settlement {
  return {
    status: 'PENDING',
    network: input.chain.network,
    transactions: input.transactions,
    confirmations: 0,
    required: input.chain.required,
    failure: null,
    submittedAtMs: input.nowMs,
    confirmedAtMs: null,
    answerTo: input.answerTo && {
      scope: input.answerTo.scope,
      requestHash: input.answerTo.requestHash,
      expiresAtMs: input.answerTo.expiresAtMs,
    },
  }
}

/** The settlement of a network that the server has no node for: the payer's word is all there is. */
export function unverifiedSettlement(
  network: string,
  transactions: SettlementTransaction[],
  nowMs: number,
): Settlement {
  const begun = beginSettlement({ chain: { network, required: 0 }, transactions, answerTo: null, nowMs })
  return { ...begun, status: 'UNVERIFIED' }
}

/** A transaction as a receipt names it, before the chain was asked. */
export function unseenTransaction(
  receipt: Pick<SettlementTransaction, 'paymentId' | 'hash' | 'signedTransaction'>,
): SettlementTransaction {
  return { ...receipt, from: null, nonce: null, block: null, missingSinceMs: null }
}

/** The smallest depth of the blocks, each block itself included; 0 while one transaction is not mined. */
export function leastConfirmations(transactions: SettlementTransaction[], headNumber: number): number {
  return Math.min(...transactions.map(({ block }) => (block === null ? 0 : Math.max(1, headNumber - block.number + 1))))
}
