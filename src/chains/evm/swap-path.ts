import { concat, numberToHex } from 'viem'
import type { Hex, SwapRoute } from '../../domain/payment.ts'

/** A route from its first token to its last, as Uniswap v3 reads it; an exact output is read from the last to the first. */
export function swapPath({ tokens, fees }: Pick<SwapRoute, 'tokens' | 'fees'>, exact: 'in' | 'out'): Hex {
  const [stops, steps] = exact === 'in' ? [tokens, fees] : [tokens.toReversed(), fees.toReversed()]
  return concat(
    stops.flatMap((token, hop) => (hop === 0 ? [token] : [numberToHex(steps[hop - 1] ?? 0, { size: 3 }), token])),
  )
}
