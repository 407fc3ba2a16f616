import { type Client, createClient, custom, hashMessage, recoverMessageAddress, size } from 'viem'
import { verifyMessage as verifyByNode } from 'viem/actions'
import type { Hex } from '../../domain/payment.ts'
import { isTakenByContract } from './contract-signature.ts'
import { sameHex } from './hex.ts'
import { refusalWords } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

/** The shortest that can end as ERC-6492 has it; the validator that knows about undeployed contracts fails on less. */
const SUFFIX_BYTES = 32

type Signed = { address: Hex; message: string; signature: Hex }

/** Checks a signature by the key of the address, or else by its contract (ERC-1271, and ERC-6492 before deployment). */
export async function verifyMessage({ client }: RpcNode, signed: Signed): Promise<boolean> {
  if (await isSignedByKey(signed)) return true
  const { address, message, signature } = signed
  if (size(signature) >= SUFFIX_BYTES) return isSignedByContract(client, signed)
  // The empty signature is one of what the contract's owners have approved beforehand.
  return isTakenByContract(client, { address, hash: hashMessage(message), signature })
}

async function isSignedByKey({ address, message, signature }: Signed): Promise<boolean> {
  try {
    return sameHex(await recoverMessageAddress({ message, signature }), address)
  } catch {
    return false
  }
}

/** viem reads every failure of the call as "invalid", that of the node too; so the node's failures are noted on the way. */
async function isSignedByContract(client: Client, signed: Signed): Promise<boolean> {
  let trouble: unknown = null
  const request = async (question: Parameters<Client['request']>[0]): Promise<unknown> => {
    try {
      return await client.request(question)
    } catch (error) {
      if (refusalWords(error) === null) trouble = error
      throw error
    }
  }
  // Without `ccipRead: false` the contract could make this server fetch any URL.
  const watched = createClient({ transport: custom({ request }, { retryCount: 0 }), ccipRead: false })
  const valid = await verifyByNode(watched, signed).catch(() => false)
  if (!valid && trouble !== null) throw trouble
  return valid
}
