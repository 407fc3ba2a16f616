import type { AskedExpectation, Expectation, Hex, Instruction, SwapRoute } from '../domain/payment.ts'
import type { Simulation, Wording } from '../domain/review.ts'
import type { BlockRef, RequiredDepth } from '../domain/settlement.ts'

/** A network that the server can ask about. It answers from the chain only; it never holds a key. */
export interface Chain {
  readonly network: string
  readonly chainId: number
  readonly required: RequiredDepth

  /**
   * The newest block that the server knows, no older than a few polls; asks the node where what it has is stale.
   * @throws ChainUnavailable
   */
  head(): Promise<BlockRef>

  /**
   * Where a transaction stands now, on the canonical chain.
   * @throws ChainUnavailable when the node is down, errs, syncs or lags: that says nothing about the transaction
   */
  sight(hash: Hex): Promise<Sighting>

  /**
   * How deep a block lies. `depth` 0: the block is not on the canonical chain (any more). `settled`: as deep as required.
   * @throws ChainUnavailable
   */
  depthOf(block: BlockRef): Promise<{ depth: number; settled: boolean }>

  /**
   * The mined transaction that used up `from`'s `nonce`, if any was mined: the transaction itself, or its replacement.
   * @throws ChainUnavailable
   */
  minedByNonce(from: Hex, nonce: number): Promise<MinedSighting | null>

  /**
   * Hands a signed transaction to the node. One that the node knows already is fine.
   * @throws BroadcastRefused with the node's reason, ChainUnavailable
   */
  broadcast(signedTransaction: Hex): Promise<void>

  /**
   * Checks a signature over a message, by key or by a contract wallet (ERC-1271).
   * @throws ChainUnavailable
   */
  verifyMessage(input: { address: Hex; message: string; signature: Hex }): Promise<boolean>

  /**
   * Whether a contract is at an address, as of a block or later. A key's account that runs the code of others (EIP-7702)
   * is none: its key still signs for it.
   * @throws ChainUnavailable
   */
  isContract(address: Hex, blockNumber: number): Promise<boolean>

  /**
   * Why a mined transaction reverted, in words; null where the contract gave no reason or the node cannot tell.
   * @throws ChainUnavailable
   */
  whyReverted(sighting: MinedSighting, facts: Pick<CallFacts, 'tokenAt'>): Promise<string | null>

  /**
   * How much of a token `spender` may take from `owner`, in smallest units; null where there is no such token.
   * @throws ChainUnavailable
   */
  allowance(question: { token: Hex; owner: Hex; spender: Hex }): Promise<bigint | null>

  /**
   * Plays transactions of one address, one after the other, at the newest block, and says how each would end.
   * Nothing is signed and nothing lasts.
   * @throws ChainUnavailable
   */
  simulate(from: Hex, calls: RawCall[]): Promise<Outcome[]>

  /** Calls back after each new head, until the returned function is called. */
  onHead(listener: (head: BlockRef) => void): () => void
}

export type TransactionFacts = {
  hash: Hex
  from: Hex
  /** Null for a contract creation. */
  to: Hex | null
  wei: bigint
  data: Hex
  nonce: number
}

export type Sighting = { state: 'unknown' } | { state: 'pooled'; transaction: TransactionFacts } | MinedSighting

export type MinedSighting = {
  state: 'mined'
  transaction: TransactionFacts
  block: BlockRef
  succeeded: boolean
  /** In the order in which the transaction emitted them. */
  logs: Log[]
}

export type Log = { address: Hex; topics: Hex[]; data: Hex }

/** The node cannot be asked or cannot be believed right now. Never a statement about a payment. */
export class ChainUnavailable extends Error {
  override readonly name = 'ChainUnavailable'
}

/** The node refuses to take the transaction, for the reason in `message`. */
export class BroadcastRefused extends Error {
  override readonly name = 'BroadcastRefused'
}

/**
 * What a proof found: the parts of the transaction that carry the payment and the address that paid, checksummed; or why it
 * does not count. Parts are named `value`, `log:<position in the transaction>` and `call`. A `call` takes every part, so that no other
 * payment can count the same transfer.
 */
export type Proof = { proven: true; parts: string[]; payer: Hex } | { proven: false; reason: string; moved?: Moved }

/** What reached the payee from an address of the payer although it is not what was asked; `payer` is checksummed. */
export type Moved = { parts: string[]; payer: Hex; units: bigint }

export type ProofQuestion = {
  expectation: Expectation
  sighting: MinedSighting
  /** Addresses that the payer may pay from. */
  payers: Hex[]
  /** Only later blocks count. */
  afterBlockNumber: number
  /** Parts of this transaction that count for other payments already. */
  taken?: ReadonlySet<string>
  /** Parts that count for this payment already: they go on counting. */
  own?: ReadonlySet<string>
  /**
   * Which of several parts that would do is taken, counted round and round. Payments that are proven by one transaction
   * at the same moment take different ones so, instead of racing for the first.
   */
  draw?: number
}

export type RawCall = { to: Hex; wei: bigint; data: Hex }

/** How a transaction would end. */
export type Outcome =
  /** `hasCode`: whether there is a contract that was called, where data was sent and nothing came back. */
  | { ending: 'succeeds'; returned: Hex; hasCode: boolean }
  /** `data` is what the contract says, "0x" where it says nothing. */
  | { ending: 'reverts'; data: Hex }
  /** The wallet has too little of the native coin for what it and the transactions before it send. */
  | { ending: 'unaffordable'; balanceWei: bigint; neededWei: bigint }
  /** It may need what transactions before it do, and the node cannot play them together. */
  | { ending: 'unknown' }

/** What calls are read with. */
export type CallFacts = {
  network: string
  nativeCurrency: { symbol: string; decimals: number }
  /** Addresses that the payer may pay from. */
  payers: Hex[]
  /** The token that the server lists at an address of the network. */
  tokenAt: (address: Hex) => { symbol: string; decimals: number } | undefined
}

/** A swap of which the outputs are exact. */
export type SwapOrder = {
  route: SwapRoute
  paysNative: boolean
  givesNative: boolean
  /** Who gets how much, each for at most so much; in smallest units. */
  outputs: { recipient: Hex; units: bigint; maxUnitsIn: bigint }[]
  /** Unix seconds; in a later block the swap reverts. */
  deadlineS: number
}

/** The pure half of a kind of chain: how payments are written, read and proven there. */
export interface ChainRules {
  /** The transaction that carries out an expectation. */
  buildInput(expectation: AskedExpectation): Instruction['input']
  /** What a call does, as far as the server can tell: in one sentence, and in parts. Never throws. */
  reviewCall(call: RawCall, facts: CallFacts): Wording
  /** The transaction that swaps for exact amounts. */
  buildSwap(order: SwapOrder): Instruction['input']
  /** The transaction that lets `spender` take so many units of a token. */
  buildApproval(token: Hex, spender: Hex, units: bigint): Instruction['input']
  /** What is to be said of how a transaction would end. Never throws. */
  explainOutcome(call: RawCall, outcome: Outcome, facts: CallFacts): Simulation
  /** Whether a mined transaction does exactly what was asked. */
  prove(question: ProofQuestion): Proof
  /** Whether a mined transaction itself shows that an address acted in it as somebody's account, be it a contract. */
  actsItself(sighting: MinedSighting, address: Hex): boolean
  /** Whether a transaction that is not mined yet says what was asked: right chain fields only; `prove` has the last word. */
  plausible(
    transaction: TransactionFacts,
    question: Pick<ProofQuestion, 'expectation' | 'payers'>,
  ): { plausible: true } | { plausible: false; reason: string }
  /** Reads a raw signed transaction and recovers its sender; null where it is none. */
  readSigned(raw: Hex): Promise<(TransactionFacts & { chainId: number | null }) | null>
  /** Checksums an address; null where it is none. */
  readAddress(text: string): Hex | null
}
