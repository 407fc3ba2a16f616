import {
  type Client,
  concat,
  encodeAbiParameters,
  encodeFunctionData,
  keccak256,
  parseAbi,
  parseAbiParameters,
  size,
  toHex,
} from 'viem'
import type { Hex } from '../../domain/payment.ts'
import { revertDataOf } from './node-errors.ts'

const ERC_1271 = parseAbi(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)'])

/** What a contract answers that has signed: the selector of the question, as a word. */
const VALID = '0x1626ba7e00000000000000000000000000000000000000000000000000000000'

const WORD_BYTES = 32

type Outcome = { hasReverted: boolean; data: Hex }

/**
 * Asks the code at an address whether a signature of a hash is one of its own (ERC-1271).
 * @throws what the node fails with
 */
export async function isTakenByContract(
  client: Client,
  { address, hash, signature }: { address: Hex; hash: Hex; signature: Hex },
): Promise<boolean> {
  const { hasReverted, data } = await outcomeOf(client, address, questionOf(hash, signature))
  return !hasReverted && data.startsWith(VALID)
}

/** A hash that nobody has signed, and signatures in the two forms that wallets read: a key's, and one that names its key. */
const NOTHING = keccak256(toHex('nothing that anybody signs'))
const NO_SIGNATURE = concat([toHex(1n, { size: WORD_BYTES }), toHex(1n, { size: WORD_BYTES }), '0x1b'])
const UNSIGNED = [
  NO_SIGNATURE,
  encodeAbiParameters(parseAbiParameters('(uint256, bytes)'), [[0n, NO_SIGNATURE]]),
] as const

/**
 * Whether the code at an address has a way to say that it has signed something. Code that ends in the same way whatever it
 * is asked, as where it lacks the function, has none.
 * @throws what the node fails with
 */
export async function answersForSignatures(client: Client, address: Hex): Promise<boolean> {
  const outcomes = UNSIGNED.map(async (signature) => {
    const question = questionOf(NOTHING, signature)
    const [known, unknown] = await Promise.all([
      outcomeOf(client, address, question),
      outcomeOf(client, address, withSelector(question, UNKNOWN)),
    ])
    return isAnswer(known) && !(known.hasReverted === unknown.hasReverted && known.data === unknown.data)
  })
  return (await Promise.all(outcomes)).includes(true)
}

/** Of a function that no contract has. */
const UNKNOWN = keccak256(toHex('a function that no contract has')).slice(2, 10)

function withSelector(data: Hex, selector: string): Hex {
  return `0x${selector}${data.slice(10)}`
}

/** A word, or a reason. */
function isAnswer({ hasReverted, data }: Outcome): boolean {
  return hasReverted ? data !== '0x' : size(data) >= WORD_BYTES
}

function questionOf(hash: Hex, signature: Hex): Hex {
  return encodeFunctionData({ abi: ERC_1271, args: [hash, signature] })
}

async function outcomeOf(client: Client, to: Hex, data: Hex): Promise<Outcome> {
  try {
    return { hasReverted: false, data: await client.request({ method: 'eth_call', params: [{ to, data }, 'latest'] }) }
  } catch (error) {
    const reason = revertDataOf(error)
    if (reason === null) throw error
    return { hasReverted: true, data: reason }
  }
}
