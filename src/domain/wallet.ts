import type { Hex } from './hex.ts'

/**
 * Who signs with an address. A key has its address on every chain, and is named by it alone. A contract has its address on
 * the chain where its signature was checked, and is named by both (CAIP-10): on another chain the same address may be
 * somebody else's contract. Addresses are checksummed.
 */
export type WalletId = Hex | `eip155:${number}:${Hex}`

export function contractWallet(chainId: number, address: Hex): WalletId {
  return `eip155:${chainId}:${address}`
}

/** All that may sign with an address on this chain: its key, and the contract that is there. */
export function walletsAt(chainId: number, address: Hex): WalletId[] {
  return [address, contractWallet(chainId, address)]
}
