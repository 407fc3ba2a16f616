import { encodeFunctionData, erc20Abi, hexToBigInt, MethodNotFoundRpcError, numberToHex, size } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { Outcome, RawCall, SimulatedCall } from '../chain.ts'
import { sameHex } from './hex.ts'
import { dataIn, refusalWords, revertDataOf } from './node-errors.ts'
import { rehearsalOf } from './relay/authorizations.ts'
import type { RpcNode } from './rpc-node.ts'

/**
 * Plays transactions of one address, one after the other, at the newest block of a node that keeps up. Nothing lasts.
 * @returns how each would end, in their order
 * @throws ChainUnavailable, and whatever the node fails with; a call that reverts is an answer
 */
export async function simulate(node: RpcNode, from: Hex, calls: SimulatedCall[]): Promise<Outcome[]> {
  if (calls.length === 0) return []
  await node.freshHead()
  const outcomes = (await simulateTogether(node, from, calls)) ?? (await simulateApart(node, from, calls))
  return Promise.all(outcomes.map((outcome, index) => withCode(node, calls[index], outcome)))
}

const requestOf = (from: Hex, { to, wei, data }: RawCall) => ({ from, to, value: numberToHex(wei), data })

/** Each call sees what those before it did. Null where the node cannot do that, or not with these calls. */
async function simulateTogether({ client }: RpcNode, from: Hex, calls: SimulatedCall[]): Promise<Outcome[] | null> {
  const plans = calls.map((call) => {
    const watching = balanceCallsOf(from, call)
    return [...watching, requestOf(from, call), ...watching]
  })
  const question = { blockStateCalls: [{ calls: plans.flat() }], validation: false }
  try {
    const blocks = await client.request({ method: 'eth_simulateV1', params: [question, 'latest'] })
    const results = blocks[0]?.calls
    return results?.length === plans.flat().length ? outcomesOf(plans, results) : null
  } catch (error) {
    if (error instanceof MethodNotFoundRpcError || refusalWords(error) !== null) return null
    throw error
  }
}

type CallResult = { status: Hex; returnData?: Hex; error?: { data?: unknown } | undefined }

/** What the recipient holds is asked before and after the call; nothing is to be learnt of what somebody sends itself. */
function balanceCallsOf(from: Hex, { arrival }: SimulatedCall): ReturnType<typeof requestOf>[] {
  if (arrival === undefined || sameHex(arrival.recipient, from)) return []
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [arrival.recipient] })
  return [requestOf(from, { to: arrival.token, wei: 0n, data })]
}

function outcomesOf(plans: unknown[][], results: readonly CallResult[]): Outcome[] {
  let next = 0
  return plans.map(({ length }) => {
    const own = results.slice(next, next + length)
    next += length
    const [first, result = first, last] = own
    // A plan is the call alone, or the call between two looks at what its recipient holds.
    if (length === 1 || result === undefined) return first ? outcomeOf(first) : { ending: 'unknown' }
    return { ...outcomeOf(result), ...arrivedBetween(unitsIn(first), unitsIn(last)) }
  })
}

function unitsIn(result: CallResult | undefined): bigint | null {
  const { status, returnData = '0x' } = result ?? {}
  return status === '0x1' && size(returnData) === WORD_BYTES ? hexToBigInt(returnData) : null
}

const WORD_BYTES = 32

const arrivedBetween = (before: bigint | null, after: bigint | null) =>
  before === null || after === null ? {} : { arrivedUnits: after - before }

/** Some nodes give what a revert says as the error's data, others as what is returned. */
function outcomeOf({ status, returnData = '0x', error }: CallResult): Outcome {
  return status === '0x1'
    ? { ending: 'succeeds', returned: returnData, hasCode: true }
    : { ending: 'reverts', data: dataIn(error?.data) ?? returnData }
}

/** Each call by itself: what fails after the first may have needed what those before it do. */
async function simulateApart(node: RpcNode, from: Hex, calls: SimulatedCall[]): Promise<Outcome[]> {
  const balanceWei = BigInt(await node.client.request({ method: 'eth_getBalance', params: [from, 'latest'] }))
  return Promise.all(
    calls.map(async (call, index): Promise<Outcome> => {
      const before = calls.slice(0, index)
      const neededWei = before.reduce((sum, { wei }) => sum + wei, call.wei)
      const mayEarn = before.some(({ data }) => data !== '0x')
      if (neededWei > balanceWei)
        return mayEarn ? { ending: 'unknown' } : { ending: 'unaffordable', balanceWei, neededWei }
      const outcome = await callAlone(node, from, call)
      if (outcome.ending === 'succeeds') return { ...outcome, ...(await arrivedAlone(node, from, call)) }
      return outcome.ending === 'reverts' && index > 0 ? { ending: 'unknown' } : outcome
    }),
  )
}

/**
 * What a call alone brings its recipient, by code that stands in for the payer's account while the node answers: the
 * token sees the payer as its caller. Many nodes take such code, others do not or leave it out.
 */
async function arrivedAlone({ client }: RpcNode, from: Hex, call: SimulatedCall): Promise<{ arrivedUnits?: bigint }> {
  const { arrival, to, wei, data } = call
  if (arrival === undefined || wei > 0n || sameHex(arrival.recipient, from)) return {}
  const code = rehearsalOf(arrival, { to, data })
  try {
    const request = { from, to: from, data: '0x' } as const
    const answer = await client.request({ method: 'eth_call', params: [request, 'latest', { [from]: { code } }] })
    return size(answer) === WORD_BYTES ? { arrivedUnits: hexToBigInt(answer) } : {}
  } catch (error) {
    if (refusalWords(error) === null) throw error
    return {}
  }
}

async function callAlone({ client }: RpcNode, from: Hex, call: RawCall): Promise<Outcome> {
  try {
    const returned = await client.request({ method: 'eth_call', params: [requestOf(from, call), 'latest'] })
    return { ending: 'succeeds', returned, hasCode: true }
  } catch (error) {
    const data = revertDataOf(error)
    if (data === null) throw error
    return { ending: 'reverts', data }
  }
}

/** A call of nothing succeeds, too: where it returns nothing, there may be no contract. */
async function withCode({ client }: RpcNode, call: RawCall | undefined, outcome: Outcome): Promise<Outcome> {
  if (call === undefined || call.data === '0x' || outcome.ending !== 'succeeds' || outcome.returned !== '0x')
    return outcome
  const code = await client.request({ method: 'eth_getCode', params: [call.to, 'latest'] })
  return { ...outcome, hasCode: code !== undefined && code !== '0x' }
}
