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
   * What contracts did within a mined transaction, as the logs of coins say (where the chain itself writes such logs), or
   * as a node traces it.
   * @returns null where that cannot show it here: then nobody can tell what contracts did
   * @throws ChainUnavailable where it may be shown later
   */
  internalActs(sighting: MinedSighting, by: Means): Promise<InternalActs | null>

  /**
   * What the network's nodes can show of what contracts do within a transaction: the coins that they move, and their calls.
   * Asks the nodes where that is not known; one that cannot be asked shows nothing.
   */
  shows(): Promise<{ coins: boolean; calls: boolean }>

  /**
   * What an address is now: a key's alone, a key's that also runs code (EIP-7702), or a contract's.
   * @throws ChainUnavailable
   */
  kindOf(address: Hex): Promise<AddressKind>

  /**
   * Whom a contract obeys as its EntryPoint (ERC-4337), as it says itself; null where it says nothing.
   * @throws ChainUnavailable
   */
  entryPointOf(address: Hex): Promise<Hex | null>

  /**
   * By how much an address held more of the native coin after a block than before it; null where no node keeps that.
   * @throws ChainUnavailable
   */
  coinsGained(address: Hex, block: BlockRef): Promise<bigint | null>

  /**
   * Plays transactions of one address, one after the other, at the newest block, and says how each would end.
   * Nothing is signed and nothing lasts.
   * @throws ChainUnavailable
   */
  simulate(from: Hex, calls: SimulatedCall[]): Promise<Outcome[]>

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

/** How what contracts did within a transaction is shown: by logs of coins, or by a trace. */
export type Means = 'logs' | 'trace'

export type AddressKind = 'key' | 'delegated key' | 'contract'

/** What contracts did within a transaction and was not undone. */
export type InternalActs = {
  /** What they moved of the native coin, in the order in which they did. */
  coins: CoinTransfer[]
  /** What they called, in the order in which they did; null where only the coins are known. */
  calls: InternalCall[] | null
}

export type CoinTransfer = { from: Hex; to: Hex; wei: bigint }

/** A call of one contract by another. The coins that it moved, itself and in turn, are those from `firstCoin` to before `endCoin`. */
export type InternalCall = RawCall & { from: Hex; firstCoin: number; endCoin: number }

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
 * does not count. Parts are named `value`, `log:<position in the transaction>`, `coin:<position in what contracts moved>` and `call`.
 * A `call` takes every part, so that no other payment can count the same transfer; `internal` stands for what contracts did.
 * `hidden`: contracts may have carried the payment out within the transaction, and the question does not show what they did.
 */
export type Proof = { proven: true; parts: string[]; payer: Hex } | Unproven

export type Unproven = { proven: false; reason: string; moved?: Moved[]; hidden?: boolean }

/** One movement to the payee, of an address of the payer (checksummed), that is not what was asked: `fault` says why. */
export type Moved = { parts: string[]; payer: Hex; units: bigint; fault: string }

export type ProofQuestion = {
  expectation: Expectation
  sighting: MinedSighting
  /** What contracts did within the transaction, as far as that was asked. */
  internal?: InternalActs | null
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

/** What a transaction may have been asked for. `giver` (lower case) is the only address that can have paid so; null: any. */
export type Served = { asked: AskedExpectation; giver: Hex | null }

export type RawCall = { to: Hex; wei: bigint; data: Hex }

/** `arrival`: the token and the account in which to measure what the call brings. */
export type SimulatedCall = RawCall & { arrival?: { token: Hex; recipient: Hex } }

/** How a transaction would end. */
export type Outcome =
  /**
   * `hasCode`: whether there is a contract that was called, where data was sent and nothing came back.
   * `arrivedUnits`: by how many smallest units it adds to what the call's `arrival` names; absent where that was not
   * asked, or the node cannot measure it.
   */
  | { ending: 'succeeds'; returned: Hex; hasCode: boolean; arrivedUnits?: bigint }
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
  /**
   * Everything that payees may have asked for and whose payment would take one of these parts of a transaction: by itself,
   * or with others as a swap or a call.
   * @param internal what contracts did within it, as far as that is known
   */
  asksServed(sighting: MinedSighting, parts: string[], internal?: InternalActs | null): Served[]
  /** Whether a mined transaction itself shows that an address acted in it as somebody's account, be it a contract. */
  actsItself(sighting: MinedSighting, address: Hex): boolean
  /** Who says in a mined transaction that it carried out an operation of an address. Anybody can say so. */
  operatorsOf(sighting: MinedSighting, address: Hex): Hex[]
  /** Whether a mined transaction names an address: as who sent it, whom it goes to, in its data, or in its logs. */
  names(sighting: MinedSighting, address: Hex): boolean
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
