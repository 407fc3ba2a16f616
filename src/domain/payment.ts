import type { Hex } from './hex.ts'
import type { Review } from './review.ts'

/** What a voucher asks for (terms) and what a wallet signs for it (payments). */

export type { Hex }

export type SimpleTerms = {
  type: 'SIMPLE'
  network: string
  currency: string
  /** The token contract, checksummed; "" for the native coin. */
  currencyAddress: Hex | ''
  /** Whole units, exactly as the payee wrote them. */
  amount: string
  /** Smallest units, as a decimal string: JSON has no bigint. */
  amountUnits: string
  decimals: number
  /** Where the payee wants the money. */
  recipient: Hex
}

type CustomNetwork = { network: string; type: 'evm' | 'solana'; chainId: string }

/** A call as the payee gave it: `from` is always the placeholder `{payer}`. */
export type Instruction = {
  type: 'send_transaction' | 'call_transaction'
  input: { from: '{payer}'; to: Hex; value: string; data: Hex }
}

export type CustomTerms = {
  type: 'CUSTOM'
  networks: CustomNetwork[]
  instruction: Instruction
  extras: Instruction[]
}

export type Terms = SimpleTerms | CustomTerms

/** One transaction that the payer's wallet is to sign and send. Receipts name it by its id. */
export type Payment = {
  id: string
  type: 'send_transaction'
  network: string
  chainId: number | null
  input: {
    from: '{payer}'
    to: Hex
    /** Wei, as a decimal string. */
    value: string
    data: Hex
  }
  /** One plain sentence for the person who signs. */
  summary: string
  /** What it does, in parts that a wallet can show; payments of older vouchers lack it. */
  review?: Review
}

/** The pools that a swap goes through, and whom it is asked of. */
export type SwapRoute = {
  router: Hex
  /** Absent for the first router of Uniswap v3, and in quotes that are older than the server's knowledge of the second. */
  routerVersion?: '02'
  /** The token that stands for the native coin in the pools. */
  wrappedNative: Hex
  /** From what goes in to what comes out. */
  tokens: Hex[]
  /** Millionths; `fees[i]` is that of the pool after `tokens[i]`. */
  fees: number[]
  /** The contract of each of these pools. */
  pools: Hex[]
}

/** What the chain must show before a payment counts. */
export type Expectation = AskedExpectation | ApprovalExpectation | SwapExpectation

/** What a payee asks for, as it stands in the terms. */
export type AskedExpectation =
  | { kind: 'token'; token: Hex; recipient: Hex; units: bigint }
  | { kind: 'native'; recipient: Hex; wei: bigint }
  | { kind: 'call'; to: Hex; wei: bigint; data: Hex }

/** The payer lets somebody take a token. How much is the payer's affair: too little, and the swap after it reverts. */
export type ApprovalExpectation = { kind: 'approval'; token: Hex; spender: Hex }

/** The payer gives one currency, and the payee gets exactly `units` of another. */
export type SwapExpectation = {
  kind: 'swap'
  call: { to: Hex; wei: bigint; data: Hex }
  paysNative: boolean
  givesNative: boolean
  route: SwapRoute
  recipient: Hex
  units: bigint
  /** What the payee gets of the units that the exchange gives, where the token keeps a part of them; absent: all of them. */
  arrivedUnits?: bigint
}

/** The proof that `terms` ask of a payment on the chain. */
export function expectationOf(terms: Terms): AskedExpectation {
  if (terms.type === 'CUSTOM') {
    const { to, value, data } = terms.instruction.input
    return { kind: 'call', to, wei: BigInt(value), data }
  }
  if (terms.currencyAddress === '') {
    return { kind: 'native', recipient: terms.recipient, wei: BigInt(terms.amountUnits) }
  }
  return {
    kind: 'token',
    token: terms.currencyAddress,
    recipient: terms.recipient,
    units: BigInt(terms.amountUnits),
  }
}

/**
 * What a payee asks for, in a word by which vouchers that ask the same are found. Calls that begin alike share one: it only
 * narrows a look-up down.
 */
export function askOf(asked: AskedExpectation): string {
  const words = (): (string | bigint)[] => {
    switch (asked.kind) {
      case 'token':
        return [asked.token, asked.recipient, asked.units]
      case 'native':
        return [asked.recipient, asked.wei]
      default:
        return [asked.to, asked.wei, asked.data.slice(0, SELECTOR_LENGTH)]
    }
  }
  return [asked.kind, ...words()].join(' ').toLowerCase()
}

/** "0x" and four bytes. */
const SELECTOR_LENGTH = 10
