import { type DecodeFunctionDataReturnType, decodeFunctionData, erc20Abi, size, slice, toFunctionSelector } from 'viem'
import type { Expectation, Hex, SwapExpectation } from '../../domain/payment.ts'
import type { ProofQuestion, TransactionFacts } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'
import { mayActInternally, topLevelFault, writtenCallFault } from './transaction-faults.ts'

type Verdict = { plausible: true } | { plausible: false; reason: string }

/**
 * Whether a transaction that is not mined yet says what was asked.
 * Money may also be moved by another contract (a smart account, a relayer): only what is mined can tell what that does.
 */
export function plausible(
  transaction: TransactionFacts,
  { expectation, payers }: Pick<ProofQuestion, 'expectation' | 'payers'>,
): Verdict {
  const reason = faultOf(transaction, expectation, payers)
  return reason === null ? { plausible: true } : { plausible: false, reason }
}

function faultOf(transaction: TransactionFacts, expectation: Expectation, payers: Hex[]): string | null {
  switch (expectation.kind) {
    case 'token':
      return tokenFault(transaction, expectation, payers)
    case 'approval':
      return nothingCalled(transaction, `the token ${expectation.token}`)
    case 'swap':
      return swapFault(transaction, expectation, payers)
    case 'native': {
      const fault = topLevelFault(transaction, expectation, payers)
      return mayActInternally(transaction, expectation.recipient) ? null : fault
    }
    default:
      return topLevelFault(transaction, expectation, payers)
  }
}

/** Between tokens another contract may ask for the swap; only the mined logs can tell. */
function swapFault(transaction: TransactionFacts, expectation: SwapExpectation, payers: Hex[]): string | null {
  const { call, paysNative, givesNative, route } = expectation
  if (paysNative || givesNative) {
    if (mayActInternally(transaction, call.to)) return null
    return writtenCallFault(transaction, call, payers)
  }
  if (isTransferCall(readTransferCall(transaction))) {
    return `the transaction transfers the token ${transaction.to} instead of swapping`
  }
  return nothingCalled(transaction, `the exchange ${route.router}`)
}

function nothingCalled({ to, data }: TransactionFacts, what: string): string | null {
  if (to === null) return `the transaction creates a contract instead of calling ${what}`
  return data === '0x' ? `the transaction only sends coins to ${to}, it does not call ${what}` : null
}

function tokenFault(
  transaction: TransactionFacts,
  { token, recipient, units }: Extract<Expectation, { kind: 'token' }>,
  payers: Hex[],
): string | null {
  if (transaction.to === null) return nothingCalled(transaction, `the token ${token}`)
  if (!sameHex(transaction.to, token)) return elsewhereFault(transaction, token)
  const transfer = readTransferCall(transaction)
  if (transfer === 'unheard of') return null
  if (transfer === null) return `the transaction calls the token ${token}, but not its transfer`
  const { from, to, value } = transfer
  if (!isAmong(from, payers)) return `the transfer is from ${from}, which is not an address of the payer`
  if (!sameHex(to, recipient)) return `the transfer goes to ${to} instead of ${recipient}`
  if (value !== units) return `the transfer is of ${value} units, asked were ${units}`
  return null
}

/** Another contract may move the token, but not where nothing tells it to, and not where it is a token itself. */
function elsewhereFault(transaction: TransactionFacts, token: Hex): string | null {
  const fault = nothingCalled(transaction, `the token ${token}`)
  if (fault !== null) return fault
  const isOtherToken = isTransferCall(readTransferCall(transaction))
  return isOtherToken ? `the transaction transfers the token ${transaction.to} instead of ${token}` : null
}

function isTransferCall(transfer: TransferCall | 'unheard of' | null): boolean {
  return transfer !== null && transfer !== 'unheard of'
}

type TransferCall = { from: Hex; to: Hex; value: bigint }

/**
 * The transfer that a call of a token makes; null where it makes none. Tokens have more ways to move than the standard
 * ones (`transferWithAuthorization` is one): what those do, the mined logs tell.
 */
function readTransferCall({ from: caller, data }: TransactionFacts): TransferCall | 'unheard of' | null {
  if (size(data) < SELECTOR_BYTES) return null
  const selector = slice(data, 0, SELECTOR_BYTES)
  if (!STANDARD_SELECTORS.has(selector)) return 'unheard of'
  try {
    return transferOf(decodeFunctionData({ abi: erc20Abi, data }), caller)
  } catch {
    return null
  }
}

function transferOf(call: DecodeFunctionDataReturnType<typeof erc20Abi>, caller: Hex): TransferCall | null {
  if (call.functionName === 'transfer') return { from: caller, to: call.args[0], value: call.args[1] }
  if (call.functionName !== 'transferFrom') return null
  const [from, to, value] = call.args
  return { from, to, value }
}

const SELECTOR_BYTES = 4

const STANDARD_SELECTORS = new Set(
  erc20Abi.filter((item) => item.type === 'function').map((item) => toFunctionSelector(item)),
)
