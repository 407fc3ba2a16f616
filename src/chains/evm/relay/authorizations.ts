import {
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
  toHex,
  zeroHash,
} from 'viem'
import type { Hex } from '../../../domain/payment.ts'
import type { Authorization, RelayOrder, TypedData } from '../../relayer.ts'
import { sameHex } from '../hex.ts'
import artifact from './relay.artifact.json' with { type: 'json' }
import type { TokenSigning } from './token-signing.ts'

/** Creates a contract by CREATE2 for whoever asks. It has this address and this code on nearly every network. */
export const DEPLOYER = '0x4e59b44847b379578588920cA78FbF26c0B4956C'
export const DEPLOYER_CODE =
  '0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3'

const ABI = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
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
    const message = {
      ...{ from: payer, to: order.recipient, value: order.units.toString() },
      ...{ validAfter: '0', validBefore: endOf(order).toString(), nonce: saltOf(order) },
    }
    return { type, from: payer, typedData: typed(domain, 'TransferWithAuthorization', TRANSFER_FIELDS, message) }
  }
  const message = {
    ...{ owner: payer, spender: spenderOf(order, payer), value: order.units.toString() },
    ...{ nonce: permitNonce.toString(), deadline: endOf(order).toString() },
  }
  return { type, from: payer, typedData: typed(domain, 'Permit', PERMIT_FIELDS, message) }
}

/** Whether the wallet that the authorization is for has signed it with its key. */
export async function isSigned({ from, typedData }: Authorization, signature: Hex): Promise<boolean> {
  try {
    return sameHex(await recoverTypedDataAddress({ ...typedData, signature }), from)
  } catch {
    return false
  }
}

/** The call that carries out what was signed. Anybody may make it; it can do nothing but pay the order. */
export function callOf(order: RelayOrder, { type, from }: Authorization, signature: Hex): { to: Hex; data: Hex } {
  const { r, s, yParity } = parseSignature(signature)
  const v = 27 + yParity
  const { token, recipient, units } = order
  if (type === 'eip-3009') {
    const args = [from, recipient, units, 0n, endOf(order), saltOf(order), v, r, s] as const
    return { to: token, data: encodeFunctionData({ abi: ABI, functionName: 'transferWithAuthorization', args }) }
  }
  const permit = encodeFunctionData({
    abi: ABI,
    functionName: 'permit',
    args: [from, spenderOf(order, from), units, endOf(order), v, r, s],
  })
  const transfer = concat([saltOf(order), oneTransfer(order, from)])
  return { to: DEPLOYER, data: concat([zeroHash, permitThenTransfer(token, permit, transfer)]) }
}

/** What tells what a call would bring the payee, as the creation of a contract that nobody keeps. */
export function rehearsalOf({ token, recipient }: RelayOrder, { to, data }: { to: Hex; data: Hex }): Hex {
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
