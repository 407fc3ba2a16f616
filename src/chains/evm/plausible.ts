import { type DecodeFunctionDataReturnType, decodeFunctionData, erc20Abi, size, slice, toFunctionSelector } from 'viem'
import type { Expectation, Hex } from '../../domain/payment.ts'
import type { ProofQuestion, TransactionFacts } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'
import { topLevelFault } from './transaction-faults.ts'

type Verdict = { plausible: true } | { plausible: false; reason: string }

/**
 * Whether a transaction that is not mined yet says what was asked.
 * A token may also be moved by another contract (a smart account, a relayer): only the mined logs can tell what that does.
 */
export function plausible(
  transaction: TransactionFacts,
  { expectation, payers }: Pick<ProofQuestion, 'expectation' | 'payers'>,
): Verdict {
  const reason =
    expectation.kind === 'token'
      ? tokenFault(transaction, expectation, payers)
      : topLevelFault(transaction, expectation, payers)
  return reason === null ? { plausible: true } : { plausible: false, reason }
}

function tokenFault(
  transaction: TransactionFacts,
  { token, recipient, units }: Extract<Expectation, { kind: 'token' }>,
  payers: Hex[],
): string | null {
  if (transaction.to === null) return `the transaction creates a contract instead of calling the token ${token}`
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
  const { data, to } = transaction
  if (data === '0x') return `the transaction only sends coins to ${to}, it does not call the token ${token}`
  const transfer = readTransferCall(transaction)
  const isOtherToken = transfer !== null && transfer !== 'unheard of'
  return isOtherToken ? `the transaction transfers the token ${to} instead of ${token}` : null
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
