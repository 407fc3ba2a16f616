import { verifyKeySignature } from '../auth/wallet-sign-in.ts'
import type { Chain } from '../chains/chain.ts'
import type { Hex } from '../domain/payment.ts'
import { contractWallet, type WalletId } from '../domain/wallet.ts'
import { askChain } from './ask-chain.ts'

/**
 * Who has made a signature over a message with an address: its key, or else the contract that this chain has there. The
 * key comes first, so that what it signs is the key's whatever code its account has somewhere (EIP-7702).
 * @param question.chain the only one that is asked; undefined: contracts cannot sign
 * @returns null where it is a signature of neither
 * @throws Refusal `overloaded` when only the node could tell and it cannot be asked
 */
export async function findSigner(question: {
  address: Hex
  message: string
  signature: Hex
  chain: Chain | undefined
}): Promise<WalletId | null> {
  const { chain, ...signed } = question
  if (await verifyKeySignature(signed)) return signed.address
  if (chain === undefined || !(await askChain(chain, () => chain.verifyMessage(signed)))) return null
  return contractWallet(chain.chainId, signed.address)
}
