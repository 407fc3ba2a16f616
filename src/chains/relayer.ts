import type { Hex } from '../domain/payment.ts'
import type { SignedRelay } from '../domain/relay-queue.ts'
import type { BlockRef } from '../domain/settlement.ts'
import type { WalletId } from '../domain/wallet.ts'

/** Carries out on one network, at the operator's expense, what payers have only signed. Holds the relayer's key. */
export interface Relayer {
  readonly network: string
  readonly chainId: number
  /** Who sends the transactions, in lower case. */
  readonly address: Hex
  /** The most that 24 hours may cost. */
  readonly dailyCapWei: bigint

  /**
   * What the payer's wallets can sign so that the order is carried out, one for each of which the token takes a signature.
   * @throws ChainUnavailable
   */
  authorizationsOf(order: RelayOrder): Promise<Authorization[]>

  /**
   * Checks a signature of one of these authorizations and rehearses what it brings. `signedBy`: the payer's wallet whose
   * signature it is.
   * @throws AuthorizationRefused, ChainUnavailable
   */
  prepare(order: RelayOrder, signature: Hex): Promise<RelayCall & { signedBy: WalletId }>

  /**
   * How the key stands. `minedNonce`: how many of its transactions are mined; `pendingNonce`: and how many with those that
   * the node has in its pool without a gap.
   * @throws ChainUnavailable
   */
  account(): Promise<RelayerAccount>

  /** The balance that `account` has told last; null before it has. */
  lastBalanceWei(): bigint | null

  /** Signs the transaction that makes a call. */
  sign(call: RelayCall, nonce: number): Promise<SignedRelay>

  /** Whether a transaction offers less than blocks ask for now. @throws ChainUnavailable */
  isUnderpriced(signedTransaction: Hex): Promise<boolean>

  /**
   * Signs what takes the place of a transaction that is not mined: the same, or nothing at all, and dearer.
   * @throws ChainUnavailable
   */
  outbid(signedTransaction: Hex, isCancelled: boolean): Promise<SignedRelay>

  /** Signs a transaction that moves nothing. @throws ChainUnavailable */
  fill(nonce: number): Promise<SignedRelay>

  /** Which of these transactions is mined, and what it has cost; null where none is. @throws ChainUnavailable */
  costOf(hashes: Hex[]): Promise<{ wei: bigint; block: BlockRef } | null>
}

/** A payment of a token that a signature is to carry out. */
export type RelayOrder = {
  paymentId: string
  token: Hex
  recipient: Hex
  units: bigint
  /** Addresses that the payer may pay from. */
  payers: Hex[]
  /** Unix milliseconds; whole seconds count. */
  validBeforeMs: number
}

/** EIP-3009: `transferWithAuthorization`; EIP-2612: `permit`. */
export type AuthorizationType = 'eip-3009' | 'eip-2612'

/** What one wallet can sign, as `eth_signTypedData_v4` takes it. */
export type Authorization = { type: AuthorizationType; from: Hex; typedData: TypedData }

/** EIP-712, ready for JSON: numbers larger than JSON's are decimal strings. */
export type TypedData = {
  domain: { name?: string; version?: string; chainId: number; verifyingContract: Hex }
  types: Record<string, { name: string; type: string }[]>
  primaryType: string
  message: Record<string, string>
}

/** A call that is worth its gas, with what it may cost. */
export type RelayCall = { to: Hex; data: Hex; gas: bigint; fees: GasFees }

export type GasFees = { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }

export type RelayerAccount = { minedNonce: number; pendingNonce: number; balanceWei: bigint }

/** A signature that carries nothing out, for the reason in `message`. */
export class AuthorizationRefused extends Error {
  override readonly name = 'AuthorizationRefused'
}
