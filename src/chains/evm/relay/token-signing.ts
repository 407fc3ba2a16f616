import { domainSeparator, keccak256, parseAbi, toHex, zeroAddress, zeroHash } from 'viem'
import type { Hex } from '../../../domain/payment.ts'
import type { AuthorizationType, TypedData } from '../../relayer.ts'
import type { EvmChain } from '../evm-chain.ts'
import { sameHex } from '../hex.ts'
import type { TokenSigning } from './authorizations.ts'
import { readTakes } from './signature-probe.ts'

const ABI = parseAbi([
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
  'function TRANSFER_WITH_AUTHORIZATION_TYPEHASH() view returns (bytes32)',
  'function nonces(address owner) view returns (uint256)',
  'function PERMIT_TYPEHASH() view returns (bytes32)',
])

/** What is signed, as the standards spell it. Some tokens have a permit of their own, under the same name. */
const TYPE_HASHES = {
  transfer: typeHash(
    'TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)',
  ),
  permit: typeHash('Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)'),
}

/** Bits of EIP-5267 for name, version, chain id and contract; with a salt a domain is none that wallets know well. */
const FIELDS = { name: 0b0001, version: 0b0010, chainId: 0b0100, verifyingContract: 0b1000, others: 0b1111_0000 }

/**
 * Asks a token whether it can be moved by signature. Nothing is taken for granted: the domain in which wallets are to sign
 * must hash to what the token says, so that nobody signs what the token would not take.
 * @returns EIP-3009 before EIP-2612 where it has both; null where it has neither
 * @throws ChainUnavailable
 */
export async function readTokenSigning(chain: EvmChain, token: Hex): Promise<TokenSigning | null> {
  const type = await readType(chain, token)
  const domain = type === null ? null : await readDomain(chain, token)
  if (type === null || domain === null) return null
  return { type, domain, takes: await readTakes(chain, token, type, domain) }
}

async function readType(chain: EvmChain, address: Hex): Promise<AuthorizationType | null> {
  const [[used], [transferHash], [nonce], [permitHash]] = await Promise.all([
    chain.readContracts({
      abi: ABI,
      functionName: 'authorizationState',
      calls: [{ address, args: [zeroAddress, zeroHash] }],
    }),
    chain.readContracts({
      abi: ABI,
      functionName: 'TRANSFER_WITH_AUTHORIZATION_TYPEHASH',
      calls: [{ address, args: [] }],
    }),
    chain.readContracts({ abi: ABI, functionName: 'nonces', calls: [{ address, args: [zeroAddress] }] }),
    chain.readContracts({ abi: ABI, functionName: 'PERMIT_TYPEHASH', calls: [{ address, args: [] }] }),
  ])
  if (typeof used === 'boolean' && isOrIsUnsaid(transferHash, TYPE_HASHES.transfer)) return 'eip-3009'
  return typeof nonce === 'bigint' && isOrIsUnsaid(permitHash, TYPE_HASHES.permit) ? 'eip-2612' : null
}

async function readDomain(chain: EvmChain, address: Hex): Promise<TypedData['domain'] | null> {
  const calls = [{ address, args: [] }] as const
  const [[stated], [name], [version], [separator]] = await Promise.all([
    chain.readContracts({ abi: ABI, functionName: 'eip712Domain', calls }),
    chain.readContracts({ abi: ABI, functionName: 'name', calls }),
    chain.readContracts({ abi: ABI, functionName: 'version', calls }),
    chain.readContracts({ abi: ABI, functionName: 'DOMAIN_SEPARATOR', calls }),
  ])
  const here = { chainId: chain.chainId, verifyingContract: address }
  const hashesAsSaid = (domain: TypedData['domain']) => sameHex(domainSeparator({ domain }), separator ?? '0x')
  if (stated) {
    const domain = statedDomain(stated, here)
    return domain !== null && (!separator || hashesAsSaid(domain)) ? domain : null
  }
  if (!separator || typeof name !== 'string') return null
  const versions = [version ?? '1', '1', undefined]
  const candidates = versions.map((each) => (each === undefined ? { name, ...here } : { name, version: each, ...here }))
  return candidates.find(hashesAsSaid) ?? null
}

type StatedDomain = readonly [Hex, string, string, bigint, Hex, Hex, readonly bigint[]]

/** The domain that a token states by EIP-5267; null where it is another chain's or contract's, or an unusual one. */
function statedDomain(
  [bits, name, version, chainId, verifyingContract, , extensions]: StatedDomain,
  here: { chainId: number; verifyingContract: Hex },
): TypedData['domain'] | null {
  const fields = Number(bits)
  const has = (field: number) => (fields & field) !== 0
  if (!has(FIELDS.chainId) || !has(FIELDS.verifyingContract) || has(FIELDS.others) || extensions.length > 0) return null
  if (chainId !== BigInt(here.chainId) || !sameHex(verifyingContract, here.verifyingContract)) return null
  return { ...(has(FIELDS.name) && { name }), ...(has(FIELDS.version) && { version }), ...here }
}

function isOrIsUnsaid(stated: Hex | null | undefined, expected: Hex): boolean {
  return !stated || sameHex(stated, expected)
}

function typeHash(type: string): Hex {
  return keccak256(toHex(type))
}
