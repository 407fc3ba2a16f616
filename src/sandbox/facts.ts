import type { Hex } from '../domain/payment.ts'

/** The sandbox plays a real network, so that requests written for it run as they are; its chain id is a local one. */
export const SANDBOX_NETWORK = 'polygon'

/** A local chain must never have a real chain's id: what is signed in play would be valid for real. */
export const SANDBOX_CHAIN_ID = 31337

export const SANDBOX_NATIVE_CURRENCY = { symbol: 'POL', decimals: 18 }

export const SANDBOX_TOKENS = [
  { symbol: 'EURC', name: 'EURC', decimals: 6, address: '0x73b3db5a96a4b9d9bcfc22b8f1b3d85a5e5b5e5b' },
  { symbol: 'USDC', name: 'USD Coin', decimals: 6, address: '0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174' },
] as const satisfies { symbol: string; name: string; decimals: number; address: Hex }[]

/** The publicly known words behind the sandbox's ten accounts. Their keys are worthless anywhere else. */
export const SANDBOX_MNEMONIC = 'test test test test test test test test test test test junk'

export const SANDBOX_ACCOUNT_COUNT = 10

/** Whole units of each token that each account starts with. */
export const SANDBOX_TOKEN_GRANT = 1_000_000n

/** Empty blocks that the sandbox puts on top of a payment, and the confirmations that it asks for. */
export const SANDBOX_CONFIRMATIONS = 3
