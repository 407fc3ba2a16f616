import { pad, parseAbi, toEventSelector } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { MinedSighting } from '../chain.ts'
import { lowerHex, sameHex } from './hex.ts'

/** ERC-4337's contracts, versions 0.6 to 0.9: the same on every chain. */
const ENTRY_POINTS = new Set<Hex>([
  '0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789',
  '0x0000000071727de22e5e9d8baf0edac6f37da032',
  '0x4337084d9e255ff0702461cf8895ce9e3b5ff108',
  '0x433709009b8330fda32311df1c2afa402ed8d009',
])

const [OPERATION, SAFE_EXECUTION, SAFE_MODULE_EXECUTION] = parseAbi([
  'event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender, address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost, uint256 actualGasUsed)',
  'event ExecutionSuccess(bytes32 indexed txHash, uint256 payment)',
  'event ExecutionFromModuleSuccess(address indexed module)',
]).map((event) => toEventSelector(event))

/**
 * Whether a transaction itself shows that an address acted as somebody's account in it, and is no pool, router or vault
 * through which the money of others passes: it sent the transaction, the EntryPoint carried out an operation of it
 * (ERC-4337), or it says itself that it carried out what its owners had signed (Safe).
 */
export function actsItself({ transaction, logs }: MinedSighting, address: Hex): boolean {
  const account = lowerHex(address)
  if (sameHex(transaction.from, account)) return true
  const asTopic = pad(account, { size: 32 })
  return logs.some(({ address: emitter, topics: [selector, first, second] }) => {
    if (selector === OPERATION) return ENTRY_POINTS.has(emitter) && second === asTopic && first !== undefined
    return emitter === account && (selector === SAFE_EXECUTION || selector === SAFE_MODULE_EXECUTION)
  })
}

/**
 * Who says in a transaction that it carried out an operation of an account, beside the EntryPoints that are known: chains
 * may have others. Anybody can say so; only the account itself can tell whether it obeys.
 */
export function operatorsOf({ logs }: MinedSighting, address: Hex): Hex[] {
  const asTopic = pad(lowerHex(address), { size: 32 })
  const saying = logs.filter(({ topics: [selector, , sender] }) => selector === OPERATION && sender === asTopic)
  return [...new Set(saying.map(({ address: emitter }) => emitter))]
}
