import {
  keccak256,
  parseTransaction,
  recoverTransactionAddress,
  serializeTransaction,
  type TransactionSerialized,
} from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { TransactionFacts } from '../chain.ts'
import { lowerHex, sameHex } from './hex.ts'

type SignedFacts = TransactionFacts & { chainId: number | null }

/**
 * Reads a raw signed transaction and recovers its sender.
 * Blob transactions (EIP-4844) are refused: they pay nobody, and their raw form does not hash to their transaction hash.
 * @returns null where it is none; `chainId` is null for the oldest kind, which is valid on every chain
 */
export async function readSigned(raw: Hex): Promise<SignedFacts | null> {
  try {
    return await read(lowerHex(raw))
  } catch {
    return null
  }
}

async function read(raw: Hex): Promise<SignedFacts | null> {
  const transaction = parseTransaction(raw)
  if (transaction.type === 'eip4844' || !isWrittenAs(transaction, raw)) return null
  return {
    hash: keccak256(raw),
    from: lowerHex(await recoverTransactionAddress({ serializedTransaction: raw as TransactionSerialized })),
    to: transaction.to ? lowerHex(transaction.to) : null,
    wei: transaction.value ?? 0n,
    data: transaction.data ?? '0x',
    nonce: transaction.nonce ?? 0,
    chainId: transaction.chainId ?? null,
  }
}

/** A transaction has one encoding. Any other way to write it would have another hash here than on the chain. */
function isWrittenAs(transaction: ReturnType<typeof parseTransaction>, raw: Hex): boolean {
  const { r, s, v, yParity } = transaction
  if (r === undefined || s === undefined) return false
  const signature = v === undefined ? { r, s, yParity: yParity ?? 0 } : { r, s, v }
  return sameHex(serializeTransaction(transaction, signature), raw)
}
