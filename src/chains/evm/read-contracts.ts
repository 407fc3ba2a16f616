import {
  type Abi,
  type Client,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionParameters,
  type ContractFunctionReturnType,
  createClient,
  custom,
} from 'viem'
import { multicall } from 'viem/actions'
import type { Hex } from '../../domain/payment.ts'
import { ChainUnavailable } from '../chain.ts'
import type { RpcNode } from './rpc-node.ts'

type Mutability = 'view' | 'nonpayable'

/** One function, to be called in any number of ways; nothing that the calls do lasts. */
type ContractReads<abi extends Abi, name extends ContractFunctionName<abi, Mutability>> = {
  abi: abi
  functionName: name
  calls: readonly { address: Hex; args: ContractFunctionArgs<abi, Mutability, name> }[]
}

/** What each call gave, in their order; null where it reverted, or where there is no contract. */
type ContractAnswers<abi extends Abi, name extends ContractFunctionName<abi, Mutability>> = (ContractFunctionReturnType<
  abi,
  Mutability,
  name
> | null)[]

export type ReadContracts = <const abi extends Abi, name extends ContractFunctionName<abi, Mutability>>(
  reads: ContractReads<abi, name>,
) => Promise<ContractAnswers<abi, name>>

/** Bytes of calls in one request: with what carries them they must stay below what nodes take as a contract's creation. */
const REQUEST_BYTES = 8_192

/**
 * Calls contracts at the newest block of a node that keeps up, many in one request.
 * @throws ChainUnavailable, and whatever the node fails with; a call that reverts is an answer
 */
export async function readContracts<const abi extends Abi, name extends ContractFunctionName<abi, Mutability>>(
  node: RpcNode,
  { abi, functionName, calls }: ContractReads<abi, name>,
): Promise<ContractAnswers<abi, name>> {
  if (calls.length === 0) return []
  const { client, trouble } = watched(node.client)
  const contracts: ContractFunctionParameters[] = calls.map(({ address, args }) => {
    return { address, abi: abi as Abi, functionName, args: args as readonly unknown[] }
  })
  const [answers] = await Promise.all([
    multicall(client, { contracts, deployless: true, batchSize: REQUEST_BYTES }),
    node.freshHead(),
  ])
  if (trouble.length > 0) throw trouble[0]
  // The types of viem do not survive a number of calls that is not known.
  return answers.map(({ result = null }) => result) as ContractAnswers<abi, name>
}

/** viem reads a request that fails as calls that revert; so the node's failures are noted on the way. */
function watched(client: Client): { client: Client; trouble: unknown[] } {
  const trouble: unknown[] = []
  const request = async (question: Parameters<Client['request']>[0]): Promise<unknown> => {
    try {
      const answer = await client.request(question)
      if (answer === '0x') throw new ChainUnavailable('the node cannot make many calls in one')
      return answer
    } catch (error) {
      trouble.push(error)
      throw error
    }
  }
  return { client: createClient({ transport: custom({ request }, { retryCount: 0 }), ccipRead: false }), trouble }
}
