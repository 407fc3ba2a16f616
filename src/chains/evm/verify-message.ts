import {
  type Client,
  createClient,
  custom,
  encodeFunctionData,
  hashMessage,
  parseAbi,
  recoverMessageAddress,
  size,
} from 'viem'
import { verifyMessage as verifyByNode } from 'viem/actions'
import type { Hex } from '../../domain/payment.ts'
import { sameHex } from './hex.ts'
import { refusalWords } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

/** The shortest that can end as ERC-6492 has it; the validator that knows about undeployed contracts fails on less. */
const SUFFIX_BYTES = 32

const ERC_1271 = parseAbi(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)'])

/** What a contract answers that has signed: the selector of the question, as a word. */
const VALID = '0x1626ba7e00000000000000000000000000000000000000000000000000000000'

type Signed = { address: Hex; message: string; signature: Hex }

/** Checks a signature by the key of the address, or else by its contract (ERC-1271, and ERC-6492 before deployment). */
export async function verifyMessage({ client }: RpcNode, signed: Signed): Promise<boolean> {
  if (await isSignedByKey(signed)) return true
  return size(signed.signature) < SUFFIX_BYTES ? isTakenByContract(client, signed) : isSignedByContract(client, signed)
}

/** Asks the contract itself; the empty signature is one where its owners have approved the message beforehand. */
async function isTakenByContract(client: Client, { address, message, signature }: Signed): Promise<boolean> {
  const args = [hashMessage(message), signature] as const
  const data = encodeFunctionData({ abi: ERC_1271, args })
  try {
    return (await client.request({ method: 'eth_call', params: [{ to: address, data }, 'latest'] })).startsWith(VALID)
  } catch (error) {
    if (refusalWords(error) === null) throw error
    return false
  }
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
