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

/** What both routers of Uniswap v3 have alike. */
const PAYMENTS_ABI = parseAbi([
  'function unwrapWETH9(uint256 amountMinimum, address recipient) payable',
  'function refundETH() payable',
])

const ROUTER_ABI = parseAbi([
  'struct ExactOutput { bytes path; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; }',
  'function exactOutput(ExactOutput params) payable returns (uint256 amountIn)',
  'function multicall(bytes[] data) payable returns (bytes[])',
])

/** SwapRouter02: its swaps have no deadline of their own, what carries them has. */
const ROUTER_02_ABI = parseAbi([
  'struct ExactOutput { bytes path; address recipient; uint256 amountOut; uint256 amountInMaximum; }',
  'function exactOutput(ExactOutput params) payable returns (uint256 amountIn)',
  'function multicall(uint256 deadline, bytes[] data) payable returns (bytes[])',
])

/** Prepared, because finding the selector costs more than the encoding does. */
const EXACT_OUTPUT = prepareEncodeFunctionData({ abi: ROUTER_ABI, functionName: 'exactOutput' })
const EXACT_OUTPUT_02 = prepareEncodeFunctionData({ abi: ROUTER_02_ABI, functionName: 'exactOutput' })
const MULTICALL = prepareEncodeFunctionData({ abi: ROUTER_ABI, functionName: 'multicall' })
const MULTICALL_02 = prepareEncodeFunctionData({ abi: ROUTER_02_ABI, functionName: 'multicall' })
const UNWRAP = prepareEncodeFunctionData({ abi: PAYMENTS_ABI, functionName: 'unwrapWETH9' })
const REFUND = encodeFunctionData({ abi: PAYMENTS_ABI, functionName: 'refundETH' })
const APPROVE = prepareEncodeFunctionData({ abi: erc20Abi, functionName: 'approve' })

/** Stands for the router, which keeps what it is to hand on. SwapRouter02 would give it to the zero address instead. */
const ROUTER_ITSELF = zeroAddress
const ROUTER_02_ITSELF = '0x0000000000000000000000000000000000000002'

/**
 * The call with which a router pays out exact amounts, all or none: each is swapped for by itself, so that nothing that
 * lies in the router can change what anybody gets. Coins that were sent along and not needed come back.
 */
export function buildSwap(order: SwapOrder): Instruction['input'] {
  const { route, paysNative, outputs } = order
  const calls = outputs.flatMap((output) => callsFor(order, output))
  if (paysNative) calls.push(REFUND)
  const value = paysNative ? outputs.reduce((sum, { maxUnitsIn }) => sum + maxUnitsIn, 0n) : 0n
  return { from: '{payer}', to: route.router, value: value.toString(), data: inOne(order, calls) }
}

/** Lets a router take so much of a token. */
export function buildApproval(token: Hex, spender: Hex, units: bigint): Instruction['input'] {
  const data = encodeFunctionData({ ...APPROVE, args: [spender, units] })
  return { from: '{payer}', to: token, value: '0', data }
}

type Output = SwapOrder['outputs'][number]

function callsFor(order: SwapOrder, output: Output): Hex[] {
  const swapping = order.route.routerVersion === '02' ? swapBy02(order, output) : swapByFirst(order, output)
  if (!order.givesNative) return [swapping]
  return [swapping, encodeFunctionData({ ...UNWRAP, args: [output.units, output.recipient] })]
}

function swapByFirst({ route, givesNative, deadlineS }: SwapOrder, { recipient, units, maxUnitsIn }: Output): Hex {
  const swap = {
    path: swapPath(route, 'out'),
    recipient: givesNative ? ROUTER_ITSELF : recipient,
    deadline: BigInt(deadlineS),
    amountOut: units,
    amountInMaximum: maxUnitsIn,
  }
  return encodeFunctionData({ ...EXACT_OUTPUT, args: [swap] })
}

function swapBy02({ route, givesNative }: SwapOrder, { recipient, units, maxUnitsIn }: Output): Hex {
  const swap = {
    path: swapPath(route, 'out'),
    recipient: givesNative ? ROUTER_02_ITSELF : recipient,
    amountOut: units,
    amountInMaximum: maxUnitsIn,
  } as const
  return encodeFunctionData({ ...EXACT_OUTPUT_02, args: [swap] })
}

/** One call of SwapRouter02 needs its envelope, too: that is where the deadline stands. */
function inOne({ route, deadlineS }: SwapOrder, calls: Hex[]): Hex {
  if (route.routerVersion === '02') return encodeFunctionData({ ...MULTICALL_02, args: [BigInt(deadlineS), calls] })
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

/** The coins that a call of `buildSwap` hands out at the least, and to whom; none for any other call. */
export function readUnwraps(data: Hex): { recipient: Hex; wei: bigint }[] {
  return callsIn(data).flatMap((call) => {
    if (call?.functionName !== 'unwrapWETH9') return []
    const [wei, recipient] = call.args
    return [{ recipient, wei }]
  })
}

const ADDRESS_BYTES = 20

function callsIn(data: Hex) {
  const call = readCall(data)
  return call?.functionName === 'multicall' ? callsOf(call.args).map(readCall) : [call]
}

function callsOf(args: readonly [readonly Hex[]] | readonly [bigint, readonly Hex[]]): readonly Hex[] {
  return args.length === 1 ? args[0] : args[1]
}

const BOTH_ABIS = [...ROUTER_ABI, ...ROUTER_02_ABI, ...PAYMENTS_ABI] as const

function readCall(data: Hex) {
  try {
    return decodeFunctionData({ abi: BOTH_ABIS, data })
  } catch {
    return null
  }
}
