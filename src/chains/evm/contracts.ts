import { hexToNumber, numberToHex, size, zeroAddress } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import { ChainUnavailable } from '../chain.ts'
import { lowerHex } from './hex.ts'
import type { RpcNode } from './rpc-node.ts'

/** Contracts that are remembered: those that many payments meet, such as pools and routers. */
const MAX_REMEMBERED = 10_000

/** With these bytes and an address, an account says whose code it runs (EIP-7702). No contract begins so (EIP-3541). */
const DELEGATION_PREFIX = '0xef0100'
const DELEGATION_BYTES = 23

/**
 * Knows which addresses are contracts. What was one stays one, so it is remembered; an address without code may get
 * some, so it is asked for again.
 */
export class Contracts {
  /** Tokens are minted from the zero address, of which nobody has a key. */
  readonly #known = new Set<Hex>([zeroAddress])

  /**
   * Whether an address has code of its own as of a block or later. A key's account that runs the code of others
   * (EIP-7702) is still the key's.
   * @param ask puts a question to one node after the other until one answers
   * @throws ChainUnavailable
   */
  async has(
    ask: <Answer>(question: (node: RpcNode) => Promise<Answer>) => Promise<Answer>,
    address: Hex,
    blockNumber: number,
  ): Promise<boolean> {
    const key = lowerHex(address)
    if (this.#known.has(key)) return true
    const isContract = isContractCode(await ask((node) => codeAt(node, key, blockNumber)))
    if (isContract && this.#known.size < MAX_REMEMBERED) this.#known.add(key)
    return isContract
  }
}

function isContractCode(code: Hex): boolean {
  return size(code) > 0 && !(size(code) === DELEGATION_BYTES && code.startsWith(DELEGATION_PREFIX))
}

/** The code in a block; where the node has forgotten that state, the code of now. */
async function codeAt({ client }: RpcNode, address: Hex, blockNumber: number): Promise<Hex> {
  try {
    return lowerHex(await client.request({ method: 'eth_getCode', params: [address, numberToHex(blockNumber)] }))
  } catch {
    const head = hexToNumber(await client.request({ method: 'eth_blockNumber' }))
    if (head < blockNumber) throw new ChainUnavailable(`the node is behind: it has no block ${blockNumber}`)
    return lowerHex(await client.request({ method: 'eth_getCode', params: [address, 'latest'] }))
  }
}
