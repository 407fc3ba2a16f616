import { getAddress, size, slice, zeroAddress } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { CallArgument, KnownCall } from '../../domain/review.ts'

type Side = {
  /** "" for the native coin. */
  token: Hex | ''
  /** Null where it is what the call sends along. */
  units: bigint | null
}

/** What a call of an exchange swaps: one side is exact, the other is a limit. */
export type Swap = { given: Side; got: Side; exact: 'in' | 'out'; recipient: string }

/** The swap that a decoded call makes; null where it makes none. */
export function readSwap(call: KnownCall): Swap | null {
  const args = namedArguments(call)
  const tokens = tokensOf(call, args)
  if (tokens === null) return null
  const [given, got] = tokens
  const [amountIn, amountOut] = [amountNamed(args, 'amountIn'), amountNamed(args, 'amountOut')]
  if (amountOut === null) return null
  return {
    given: amountIn === null ? { token: '', units: null } : { token: given, units: amountIn },
    got: { token: /For(Exact)?ETH/.test(call.function) ? '' : got, units: amountOut },
    exact: args.has('amountOut') ? 'out' : 'in',
    recipient: recipientOf(call, args),
  }
}

/** The arguments, or those within the one struct. */
function namedArguments({ args }: KnownCall): Map<string, CallArgument> {
  const [first] = args
  const named = first?.name === 'params' && typeof first.value !== 'string' ? first.value : args
  return new Map(named.map((argument) => [argument.name, argument]))
}

/** Such as `amountIn`, `amountInMax` or `amountInMaximum`. */
function amountNamed(args: Map<string, CallArgument>, name: string): bigint | null {
  for (const [key, { value }] of args) if (key.startsWith(name) && typeof value === 'string') return BigInt(value)
  return null
}

/** What goes in and what comes out, by name or as the ends of the path. */
function tokensOf(call: KnownCall, args: Map<string, CallArgument>): [Hex, Hex] | null {
  const path = args.get('path')?.value
  if (path === undefined) {
    const [tokenIn, tokenOut] = [args.get('tokenIn')?.value, args.get('tokenOut')?.value]
    return typeof tokenIn === 'string' && typeof tokenOut === 'string'
      ? [getAddress(tokenIn), getAddress(tokenOut)]
      : null
  }
  if (typeof path === 'string') return endsOf(path as Hex, call.function === 'exactOutput')
  const [first, last] = [path[0]?.value, path.at(-1)?.value]
  return path.length > 1 && typeof first === 'string' && typeof last === 'string'
    ? [getAddress(first), getAddress(last)]
    : null
}

const ADDRESS_BYTES = 20
/** A fee and the next token. */
const HOP_BYTES = 23

/** A path of Uniswap v3: tokens with the fees of the pools between them. That of an exact output runs backwards. */
function endsOf(path: Hex, backwards: boolean): [Hex, Hex] | null {
  const hops = (size(path) - ADDRESS_BYTES) / HOP_BYTES
  if (hops < 1 || !Number.isInteger(hops)) return null
  const [first, last] = [getAddress(slice(path, 0, ADDRESS_BYTES)), getAddress(slice(path, -ADDRESS_BYTES))]
  return backwards ? [last, first] : [first, last]
}

/**
 * Addresses that stand for the caller, and for the router, which passes the money on in a later call of the same batch.
 * Each router has its own: to SwapRouter02 the zero address is an address like others.
 */
const SENDER_02 = '0x0000000000000000000000000000000000000001'
const ROUTER_02 = '0x0000000000000000000000000000000000000002'

function recipientOf({ standard }: KnownCall, args: Map<string, CallArgument>): string {
  const value = args.get('recipient')?.value ?? args.get('to')?.value
  const recipient = typeof value === 'string' ? value : ''
  if (!standard.startsWith('Uniswap v3')) return recipient
  const is02 = standard.endsWith('02')
  if (recipient === (is02 ? ROUTER_02 : zeroAddress)) return 'the router itself'
  return recipient === SENDER_02 && is02 ? 'the sender' : recipient
}
