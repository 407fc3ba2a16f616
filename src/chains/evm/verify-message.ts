import { type Client, createClient, custom, recoverMessageAddress } from 'viem'
import { verifyMessage as verifyByNode } from 'viem/actions'
import type { Hex } from '../../domain/payment.ts'
import { sameHex } from './hex.ts'
import { refusalWords } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

type Signed = { address: Hex; message: string; signature: Hex }

/** Checks a signature by the key of the address, or else by its contract (ERC-1271, and ERC-6492 before deployment). */
export async function verifyMessage({ client }: RpcNode, signed: Signed): Promise<boolean> {
  return (await isSignedByKey(signed)) || isSignedByContract(client, signed)
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
