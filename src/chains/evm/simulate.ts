import { MethodNotFoundRpcError, numberToHex } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { Outcome, RawCall } from '../chain.ts'
import { dataIn, refusalWords, revertDataOf } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

/**
 * Plays transactions of one address, one after the other, at the newest block of a node that keeps up. Nothing lasts.
 * @returns how each would end, in their order
 * @throws ChainUnavailable, and whatever the node fails with; a call that reverts is an answer
 */
export async function simulate(node: RpcNode, from: Hex, calls: RawCall[]): Promise<Outcome[]> {
  if (calls.length === 0) return []
  await node.freshHead()
  const outcomes = (await simulateTogether(node, from, calls)) ?? (await simulateApart(node, from, calls))
  return Promise.all(outcomes.map((outcome, index) => withCode(node, calls[index], outcome)))
}

const requestOf = (from: Hex, { to, wei, data }: RawCall) => ({ from, to, value: numberToHex(wei), data })

/** Each call sees what those before it did. Null where the node cannot do that, or not with these calls. */
async function simulateTogether({ client }: RpcNode, from: Hex, calls: RawCall[]): Promise<Outcome[] | null> {
  const question = { blockStateCalls: [{ calls: calls.map((call) => requestOf(from, call)) }], validation: false }
  try {
    const blocks = await client.request({ method: 'eth_simulateV1', params: [question, 'latest'] })
    const results = blocks[0]?.calls
    return results?.length === calls.length ? results.map(outcomeOf) : null
  } catch (error) {
    if (error instanceof MethodNotFoundRpcError || refusalWords(error) !== null) return null
    throw error
  }
}

type SimulatedCall = { status: Hex; returnData?: Hex; error?: { data?: unknown } | undefined }

/** Some nodes give what a revert says as the error's data, others as what is returned. */
function outcomeOf({ status, returnData = '0x', error }: SimulatedCall): Outcome {
  return status === '0x1'
    ? { ending: 'succeeds', returned: returnData, hasCode: true }
    : { ending: 'reverts', data: dataIn(error?.data) ?? returnData }
}

/** Each call by itself: what fails after the first may have needed what those before it do. */
async function simulateApart(node: RpcNode, from: Hex, calls: RawCall[]): Promise<Outcome[]> {
  const balanceWei = BigInt(await node.client.request({ method: 'eth_getBalance', params: [from, 'latest'] }))
  return Promise.all(
    calls.map(async (call, index): Promise<Outcome> => {
      const before = calls.slice(0, index)
      const neededWei = before.reduce((sum, { wei }) => sum + wei, call.wei)
      const mayEarn = before.some(({ data }) => data !== '0x')
      if (neededWei > balanceWei)
        return mayEarn ? { ending: 'unknown' } : { ending: 'unaffordable', balanceWei, neededWei }
      const outcome = await callAlone(node, from, call)
      return outcome.ending === 'reverts' && index > 0 ? { ending: 'unknown' } : outcome
    }),
  )
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
