import { verifyKeySignature } from '../auth/wallet-sign-in.ts'
import type { Hex } from '../domain/payment.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'

/**
 * Checks a payer's signature over a message: by its key, or by its contract wallet where the server has a node for
 * the network.
 * @throws Refusal `overloaded` when only the node could tell and it cannot be asked
 */
export async function verifyPayerSignature(
  app: App,
  question: { address: Hex; message: string; signature: Hex; network: string | undefined },
): Promise<boolean> {
  const { network, ...signed } = question
  if (await verifyKeySignature(signed)) return true
  const chain = network === undefined ? undefined : app.chains.get(network)
  return chain ? askChain(chain, () => chain.verifyMessage(signed)) : false
}
