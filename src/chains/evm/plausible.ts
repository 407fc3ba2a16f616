import { decodeFunctionData, erc20Abi } from 'viem'
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
  if (!sameHex(transaction.to, token)) return callsNothing(transaction, token)
  if (!isAmong(transaction.from, payers)) {
    return `the transaction is from ${transaction.from}, which is not an address of the payer`
  }
  const transfer = readTransferCall(transaction.data)
  if (transfer === null) return `the transaction calls the token ${token}, but not its transfer`
  const [to, value] = transfer
  if (!sameHex(to, recipient)) return `the transfer goes to ${to} instead of ${recipient}`
  if (value !== units) return `the transfer is of ${value} units, asked were ${units}`
  return null
}

/** Without data, nothing tells a contract to move a token. */
function callsNothing({ data, to }: TransactionFacts, token: Hex): string | null {
  return data === '0x' ? `the transaction only sends coins to ${to}, it does not call the token ${token}` : null
}

function readTransferCall(data: Hex): readonly [Hex, bigint] | null {
  try {
    const call = decodeFunctionData({ abi: erc20Abi, data })
    return call.functionName === 'transfer' ? call.args : null
  } catch {
    return null
  }
}
