import {
  type Abi,
  AbiDecodingDataSizeTooSmallError,
  type Client,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionParameters,
  type ContractFunctionReturnType,
  createClient,
  custom,
  decodeFunctionResult,
  encodeFunctionData,
  prepareEncodeFunctionData,
} from 'viem'
import { multicall } from 'viem/actions'
import type { Hex } from '../../domain/payment.ts'
import { ChainUnavailable } from '../chain.ts'
import { revertDataOf } from './node-errors.ts'
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

type AnyReads = {
  abi: Abi
  functionName: string
  calls: readonly { address: Hex; args: readonly unknown[] }[]
}

const FEW = 3

/** Bytes of calls in one request: with what carries them they must stay below what nodes take as a contract's creation. */
const REQUEST_BYTES = 8_192

/**
 * Calls contracts at the newest block of a node that keeps up, many in one request.
 * @throws ChainUnavailable, and whatever the node fails with; a call that reverts is an answer
 */
export async function readContracts<const abi extends Abi, name extends ContractFunctionName<abi, Mutability>>(
  node: RpcNode,
  { abi, functionName, calls: typed }: ContractReads<abi, name>,
): Promise<ContractAnswers<abi, name>> {
  const calls = typed.map(({ address, args }) => ({ address, args: args as readonly unknown[] }))
  if (calls.length === 0) return []
  const reads = { abi, functionName, calls }
  const isFew = calls.length <= FEW
  const [answers] = await Promise.all([isFew ? callEach(node, reads) : callTogether(node, reads), node.freshHead()])
  // The types of viem do not survive a number of calls that is not known.
  return answers as ContractAnswers<abi, name>
}

/** Each in a request of its own: so few calls are smaller than the code that would make them together. */
async function callEach({ client }: RpcNode, { abi, functionName, calls }: AnyReads): Promise<unknown[]> {
  return Promise.all(
    calls.map(async ({ address, args }) => {
      const data = encodeFunctionData({ ...prepared(abi, functionName), args })
      try {
        const returned = await client.request({ method: 'eth_call', params: [{ to: address, data }, 'latest'] })
        return returned === '0x' ? null : decodeFunctionResult({ abi, functionName, args, data: returned })
      } catch (error) {
        if (error instanceof AbiDecodingDataSizeTooSmallError || revertDataOf(error) !== null) return null
        throw error
      }
    }),
  )
}

type Prepared = ReturnType<typeof prepareEncodeFunctionData<Abi, string>>

const preparedOf = new WeakMap<Abi, Map<string, Prepared>>()

/** Finding the selector costs more than the encoding does. */
function prepared(abi: Abi, functionName: string): Prepared {
  const known = preparedOf.get(abi) ?? new Map<string, Prepared>()
  const found = known.get(functionName) ?? prepareEncodeFunctionData({ abi, functionName })
  preparedOf.set(abi, known.set(functionName, found))
  return found
}

async function callTogether(node: RpcNode, { abi, functionName, calls }: AnyReads): Promise<unknown[]> {
  const { client, trouble } = watched(node.client)
  const contracts: ContractFunctionParameters[] = calls.map(({ address, args }) => {
    return { address, abi, functionName, args }
  })
  const answers = await multicall(client, { contracts, deployless: true, batchSize: REQUEST_BYTES })
  if (trouble.length > 0) throw trouble[0]
  return answers.map(({ result = null }) => result)
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
