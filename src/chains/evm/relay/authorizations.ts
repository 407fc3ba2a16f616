import {
  type Abi,
  concat,
  encodeAbiParameters,
  encodeFunctionData,
  getAddress,
  getCreate2Address,
  keccak256,
  parseAbi,
  parseAbiParameters,
  parseSignature,
  recoverTypedDataAddress,
  size,
  toHex,
  zeroHash,
} from 'viem'
import type { Hex } from '../../../domain/payment.ts'
import type { Authorization, AuthorizationType, RelayOrder, TypedData } from '../../relayer.ts'
import { sameHex } from '../hex.ts'
import artifact from './relay.artifact.json' with { type: 'json' }

/** How wallets sign for a token, in which domain, and whose signatures it takes. */
export type TokenSigning = { type: AuthorizationType; domain: TypedData['domain']; takes: Takes }

/** The two forms in which tokens take a signature: as (v, r, s), and as bytes. */
export type Overload = 'split' | 'bytes'

/** Whose signatures a token takes by each of its functions: a key's, and what an account says that runs code (ERC-1271). */
export type Takes = Record<Overload, { key: boolean; code: boolean }>

/** Creates a contract by CREATE2 for whoever asks. It has this address and this code on nearly every network. */
export const DEPLOYER = '0x4e59b44847b379578588920cA78FbF26c0B4956C'
export const DEPLOYER_CODE =
  '0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3'

const SPLIT_ABI = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
])

/** What some tokens have besides, for the signatures of contracts. */
const BYTES_ABI = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, bytes signature)',
])

const TRANSFER_FIELDS = [
  { name: 'from', type: 'address' },
  { name: 'to', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'validAfter', type: 'uint256' },
  { name: 'validBefore', type: 'uint256' },
  { name: 'nonce', type: 'bytes32' },
]

const PERMIT_FIELDS = [
  { name: 'owner', type: 'address' },
  { name: 'spender', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'nonce', type: 'uint256' },
  { name: 'deadline', type: 'uint256' },
]

/** What one wallet can sign. @param permitNonce the token's nonce for that wallet; used by EIP-2612 alone */
export function authorizationOf(
  { type, domain }: TokenSigning,
  order: RelayOrder,
  from: Hex,
  permitNonce: bigint,
): Authorization {
  const payer = getAddress(from)
  if (type === 'eip-3009') {
    const { recipient: to, units: value } = order
    const message = { from: payer, to, value, validBefore: endOf(order), nonce: saltOf(order) }
    return { type, from: payer, typedData: transferData(domain, message) }
  }
  const spender = spenderOf(order, payer)
  const message = { owner: payer, spender, value: order.units, nonce: permitNonce, deadline: endOf(order) }
  return { type, from: payer, typedData: permitData(domain, message) }
}

type TransferMessage = { from: Hex; to: Hex; value: bigint; validBefore: bigint; nonce: Hex }

/** What is signed for EIP-3009. */
export function transferData(domain: TypedData['domain'], message: TransferMessage): TypedData {
  return typed(domain, 'TransferWithAuthorization', TRANSFER_FIELDS, texts({ ...message, validAfter: 0n }))
}

type PermitMessage = { owner: Hex; spender: Hex; value: bigint; nonce: bigint; deadline: bigint }

/** What is signed for EIP-2612. */
export function permitData(domain: TypedData['domain'], message: PermitMessage): TypedData {
  return typed(domain, 'Permit', PERMIT_FIELDS, texts(message))
}

/** As JSON has it. */
function texts(message: Record<string, Hex | bigint>): Record<string, string> {
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, value.toString()]))
}

/** The bytes of a key's signature. */
const KEY_BYTES = 65

/** Whether it can be handed to a function that takes (v, r, s). */
export function isSplittable(signature: Hex): boolean {
  return size(signature) === KEY_BYTES
}

/** Whether the wallet that the authorization is for has signed it with its key. */
export async function isSigned({ from, typedData }: Authorization, signature: Hex): Promise<boolean> {
  try {
    return sameHex(await recoverTypedDataAddress({ ...typedData, signature }), from)
  } catch {
    return false
  }
}

/** A key's signature as the strictest read it: some wallets count from 0 what others count from 27. */
export function canonical(signature: Hex): Hex {
  const { r, s, v } = split(signature)
  return concat([r, s, toHex(v)])
}

function split(signature: Hex): { v: number; r: Hex; s: Hex } {
  const { r, s, yParity } = parseSignature(signature)
  return { r, s, v: 27 + yParity }
}

/** The call that carries out what was signed. Anybody may make it; it can do nothing but pay the order. */
export function callOf(
  order: RelayOrder,
  { type, from }: Authorization,
  overload: Overload,
  signature: Hex,
): { to: Hex; data: Hex } {
  const { token, recipient, units } = order
  if (type === 'eip-3009') {
    const args = [from, recipient, units, 0n, endOf(order), saltOf(order)] as const
    return { to: token, data: encoded('transferWithAuthorization', args, overload, signature) }
  }
  const permit = encoded('permit', [from, spenderOf(order, from), units, endOf(order)], overload, signature)
  const transfer = concat([saltOf(order), oneTransfer(order, from)])
  return { to: DEPLOYER, data: concat([zeroHash, permitThenTransfer(token, permit, transfer)]) }
}

type Signed = (typeof BYTES_ABI)[number]['name']

/** @param args all but the signature */
function encoded(functionName: Signed, args: readonly (Hex | bigint)[], overload: Overload, signature: Hex): Hex {
  if (overload === 'bytes') return encodeFunctionData<Abi>({ abi: BYTES_ABI, functionName, args: [...args, signature] })
  const { v, r, s } = split(signature)
  return encodeFunctionData<Abi>({ abi: SPLIT_ABI, functionName, args: [...args, v, r, s] })
}

/** What tells what a call would bring the payee, as the creation of a contract that nobody keeps. */
export function rehearsalOf(
  { token, recipient }: Pick<RelayOrder, 'token' | 'recipient'>,
  { to, data }: { to: Hex; data: Hex },
): Hex {
  const args = encodeAbiParameters(parseAbiParameters('address, address, address, bytes'), [token, recipient, to, data])
  return concat([hexOf(artifact.Rehearsal.bytecode), args])
}

/** The only one that may take what is permitted: code that makes this one transfer, at an address that follows from it. */
function spenderOf(order: RelayOrder, from: Hex): Hex {
  return getCreate2Address({ from: DEPLOYER, salt: saltOf(order), bytecode: oneTransfer(order, from) })
}

function oneTransfer({ token, recipient, units }: RelayOrder, from: Hex): Hex {
  const types = parseAbiParameters('address, address, address, uint256')
  return concat([hexOf(artifact.OneTransfer.bytecode), encodeAbiParameters(types, [token, from, recipient, units])])
}

function permitThenTransfer(token: Hex, permit: Hex, transfer: Hex): Hex {
  const types = parseAbiParameters('address, bytes, address, bytes')
  const args = encodeAbiParameters(types, [token, permit, DEPLOYER, transfer])
  return concat([hexOf(artifact.PermitThenTransfer.bytecode), args])
}

/** Payment ids are random and no two are the same, so neither are these. */
function saltOf({ paymentId }: RelayOrder): Hex {
  return keccak256(toHex(`sixpence:${paymentId}`))
}

/** Unix seconds. */
function endOf({ validBeforeMs }: RelayOrder): bigint {
  return BigInt(Math.floor(validBeforeMs / 1000))
}

const DOMAIN_FIELDS = { name: 'string', version: 'string', chainId: 'uint256', verifyingContract: 'address' }

function typed(
  domain: TypedData['domain'],
  primaryType: string,
  fields: { name: string; type: string }[],
  message: Record<string, string>,
): TypedData {
  const ofDomain = Object.entries(DOMAIN_FIELDS)
    .filter(([name]) => name in domain)
    .map(([name, type]) => ({ name, type }))
  return { domain, types: { EIP712Domain: ofDomain, [primaryType]: fields }, primaryType, message }
}

function hexOf(text: string): Hex {
  return `0x${text.slice(2)}`
}
