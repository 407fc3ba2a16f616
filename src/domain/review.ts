import type { Hex } from './hex.ts'

/**
 * What one payment does, for the person who is to sign it and for the wallet that shows it. JSON-ready: amounts are
 * decimal strings in whole units.
 */
export type Review = {
  /** What leaves the payer's wallet. */
  leaves: Leaving[]
  arrives: Arriving[]
  /** What others may take from the wallet from then on. */
  allows: Allowance[]
  /** What the operator and the exchange keep of what leaves; none for plain payments. */
  fees: Fee[]
  /** What the network asks for on top, in its native coin; nobody knows how much before it is paid. */
  gas: { currency: string; amount: null }
  /** Whether nothing else can move, gas aside; false where a contract has a say that the server cannot judge. */
  complete: boolean
  /** One plain sentence. */
  worstCase: string
  /** What is called, for CUSTOM vouchers. */
  call?: CallReview
}

/** How a payment reads before it is signed. */
export type Wording = { summary: string; review: Review }

type ReviewedAmount = {
  currency: string
  /** "" for the native coin. */
  currencyAddress: Hex | ''
  amount: string
}

/** `amount` is what is expected; `maxAmount` is the most, where it can vary. */
export type Leaving = ReviewedAmount & { maxAmount?: string }

/** `amount` is what is expected; `minAmount` is the least, where it can vary. */
export type Arriving = ReviewedAmount & { minAmount?: string; wallet: { address: Hex } }

/** `amount` is null where there is no limit. */
export type Allowance = Omit<ReviewedAmount, 'amount'> & { amount: string | null; spender: Hex }

export type Fee = ReviewedAmount & { to: 'operator' | 'exchange' }

/**
 * A call of a contract, with its name and arguments where the server knows the function. `value` is what it sends of the
 * native coin, if it does.
 */
export type CallReview = KnownCall | UnknownCall

export type KnownCall = {
  known: true
  contract: Hex
  /**
   * Whose function it is, such as "ERC-20"; several where it cannot be told, as in "ERC-20 or ERC-721"; "native" where
   * it only sends the native coin.
   */
  standard: string
  function: string
  args: CallArgument[]
  /** The calls that it makes in turn, where it is there to make calls. */
  calls?: CallReview[]
  value?: string
}

/** `selector` is what there is of the first four bytes. */
type UnknownCall = { known: false; contract: Hex; selector: Hex; value?: string }

export type CallArgument = {
  name: string
  type: string
  /** As the call has it, numbers in decimal; the parts of a struct or a list. */
  value: string | CallArgument[]
  /** The same in whole units of a currency that the server lists, such as "100 USDC". */
  amount?: string
}

/**
 * How a payment would end if it were sent now. NO_EFFECT: it would succeed on the chain and do nothing of what it is for.
 * The reason is for people; there is none where all is well. `arrives` is in whole units, and there where less would arrive
 * than the payment is for: then it is NO_EFFECT, too.
 */
export type Simulation = { status: 'OK' | 'NO_EFFECT' | 'REVERTS' | 'UNKNOWN'; reason?: string; arrives?: string }
