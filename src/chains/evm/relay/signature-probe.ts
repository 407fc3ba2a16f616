import { concat, encodeAbiParameters, hexToNumber, parseAbiParameters, zeroHash } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { Hex } from '../../../domain/payment.ts'
import type { AuthorizationType, TypedData } from '../../relayer.ts'
import type { EvmChain } from '../evm-chain.ts'
import { refusalWords } from '../node-errors.ts'
import { permitData, type Takes, transferData } from './authorizations.ts'
import artifact from './relay.artifact.json' with { type: 'json' }

/** As the contract has them. */
const NOBODY = '0x000000000000000000000000000000000000dEaD'
const END = 2n ** 32n - 1n
const BITS = { keySplit: 1, keyBytes: 2, codeSplit: 4, codeBytes: 8 }

/**
 * Asks a token whose signatures it takes, by trying: keys that exist for this alone, and an account that agrees to
 * everything, move nothing in a call that nobody keeps.
 * @returns what has succeeded; nothing, for instance, where a token does not move nothing
 * @throws ChainUnavailable
 */
export async function readTakes(
  chain: EvmChain,
  token: Hex,
  type: AuthorizationType,
  domain: TypedData['domain'],
): Promise<Takes> {
  const isPermit = type === 'eip-2612'
  const [one, other] = await Promise.all([signNothing(domain, isPermit), signNothing(domain, isPermit)])
  const args = encodeAbiParameters(parseAbiParameters('address, bool, address[2], bytes[2]'), [
    ...([token, isPermit] as const),
    ...([[one.address, other.address] as const, [one.signature, other.signature] as const] as const),
  ])
  const data = concat([`0x${artifact.SignatureProbe.bytecode.slice(2)}`, args])
  const answer = await chain.ask(async ({ client }) => {
    try {
      return await client.request({ method: 'eth_call', params: [{ data }, 'latest'] })
    } catch (error) {
      if (refusalWords(error) === null) throw error
      return '0x'
    }
  })
  return takesOf(answer === '0x' ? 0 : hexToNumber(answer))
}

function takesOf(bits: number): Takes {
  const has = (bit: number) => (bits & bit) !== 0
  return {
    split: { key: has(BITS.keySplit), code: has(BITS.codeSplit) },
    bytes: { key: has(BITS.keyBytes), code: has(BITS.codeBytes) },
  }
}

/** A key that has never signed anything, and its signature of a transfer, or a permit, of nothing. */
async function signNothing(domain: TypedData['domain'], isPermit: boolean): Promise<{ address: Hex; signature: Hex }> {
  const { address, signTypedData } = privateKeyToAccount(generatePrivateKey())
  const typedData = isPermit
    ? permitData(domain, { owner: address, spender: NOBODY, value: 0n, nonce: 0n, deadline: END })
    : transferData(domain, { from: address, to: NOBODY, value: 0n, validBefore: END, nonce: zeroHash })
  return { address, signature: await signTypedData(typedData) }
}
