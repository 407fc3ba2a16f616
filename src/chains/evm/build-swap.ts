import {
  decodeFunctionData,
  encodeFunctionData,
  erc20Abi,
  getAddress,
  parseAbi,
  prepareEncodeFunctionData,
  slice,
  zeroAddress,
} from 'viem'
import type { Hex, Instruction } from '../../domain/payment.ts'
import type { SwapOrder } from '../chain.ts'
import { swapPath } from './swap-path.ts'

const ROUTER_ABI = parseAbi([
  'struct ExactOutput { bytes path; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; }',
  'function exactOutput(ExactOutput) payable returns (uint256 amountIn)',
  'function unwrapWETH9(uint256 amountMinimum, address recipient) payable',
  'function refundETH() payable',
  'function multicall(bytes[] data) payable returns (bytes[])',
])

/** Prepared, because finding the selector costs more than the encoding does. */
const EXACT_OUTPUT = prepareEncodeFunctionData({ abi: ROUTER_ABI, functionName: 'exactOutput' })
const UNWRAP = prepareEncodeFunctionData({ abi: ROUTER_ABI, functionName: 'unwrapWETH9' })
const MULTICALL = prepareEncodeFunctionData({ abi: ROUTER_ABI, functionName: 'multicall' })
const REFUND = encodeFunctionData({ abi: ROUTER_ABI, functionName: 'refundETH' })
const APPROVE = prepareEncodeFunctionData({ abi: erc20Abi, functionName: 'approve' })

/** The router keeps what it is to hand on itself. */
const ROUTER_ITSELF = zeroAddress

/**
 * The call with which a router pays out exact amounts, all or none: each is swapped for by itself, so that nothing that
 * lies in the router can change what anybody gets. Coins that were sent along and not needed come back.
 */
export function buildSwap(order: SwapOrder): Instruction['input'] {
  const { route, paysNative, outputs } = order
  const calls = outputs.flatMap((output) => callsFor(order, output))
  if (paysNative) calls.push(REFUND)
  const value = paysNative ? outputs.reduce((sum, { maxUnitsIn }) => sum + maxUnitsIn, 0n) : 0n
  return { from: '{payer}', to: route.router, value: value.toString(), data: inOne(calls) }
}

/** Lets a router take so much of a token. */
export function buildApproval(token: Hex, spender: Hex, units: bigint): Instruction['input'] {
  const data = encodeFunctionData({ ...APPROVE, args: [spender, units] })
  return { from: '{payer}', to: token, value: '0', data }
}

function callsFor(
  { route, givesNative, deadlineS }: SwapOrder,
  { recipient, units, maxUnitsIn }: SwapOrder['outputs'][number],
): Hex[] {
  const swap = {
    path: swapPath(route, 'out'),
    recipient: givesNative ? ROUTER_ITSELF : recipient,
    deadline: BigInt(deadlineS),
    amountOut: units,
    amountInMaximum: maxUnitsIn,
  }
  const swapping = encodeFunctionData({ ...EXACT_OUTPUT, args: [swap] })
  if (!givesNative) return [swapping]
  return [swapping, encodeFunctionData({ ...UNWRAP, args: [units, recipient] })]
}

function inOne(calls: Hex[]): Hex {
  const [only, ...others] = calls
  if (only !== undefined && others.length === 0) return only
  return encodeFunctionData({ ...MULTICALL, args: [calls] })
}

/** The most that a call of `buildSwap` takes, and of which token: the wrapped one where it is paid with the native coin. */
type SwapLimit = { token: Hex; units: bigint }

/** @returns null for any other call */
export function readSwapLimit(data: Hex): SwapLimit | null {
  const limits = callsIn(data).flatMap((call) => (call?.functionName === 'exactOutput' ? [call.args[0]] : []))
  const [first] = limits
  if (first === undefined) return null
  const token = getAddress(slice(first.path, -ADDRESS_BYTES))
  return { token, units: limits.reduce((sum, { amountInMaximum }) => sum + amountInMaximum, 0n) }
}

const ADDRESS_BYTES = 20

function callsIn(data: Hex) {
  const call = readCall(data)
  return call?.functionName === 'multicall' ? call.args[0].map(readCall) : [call]
}

function readCall(data: Hex) {
  try {
    return decodeFunctionData({ abi: ROUTER_ABI, data })
  } catch {
    return null
  }
}
