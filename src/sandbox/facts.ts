import type { Hex } from '../domain/hex.ts'

/** The sandbox plays a real network, so that requests written for it run as they are; its chain id is a local one. */
export const SANDBOX_NETWORK = 'polygon'

/** A local chain must never have a real chain's id: what is signed in play would be valid for real. */
export const SANDBOX_CHAIN_ID = 31337

export const SANDBOX_NATIVE_CURRENCY = { symbol: 'POL', decimals: 18 }

export const SANDBOX_TOKENS = [
  { symbol: 'EURC', name: 'EURC', decimals: 6, address: '0x73b3db5a96a4b9d9bcfc22b8f1b3d85a5e5b5e5b' },
  { symbol: 'USDC', name: 'USD Coin', decimals: 6, address: '0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174' },
] as const satisfies { symbol: string; name: string; decimals: number; address: Hex }[]

/** The exchange: Uniswap v3 as it was published. The addresses follow from who deploys the contracts, and in which order. */
export const SANDBOX_EXCHANGE = {
  wrappedNative: '0x964C7bFBcDB41BF0742e93d4D6BdBB9D6e2c68eC',
  factory: '0xe68DCe4Ca7d76df23d358718Bf733895b0456f45',
  router: '0x69Dc2C0C9F87cE088fCB1c193Dab718a57FdC928',
  quoter: '0x54C463F2f9A90C89820A45C1469D980B1401e46b',
  positions: '0x93d654D7922820C2D4E72bAF7d650a9489aE7f2a',
} as const satisfies Record<string, Hex>

/** What an account may delegate to, to make several calls in one transaction. The address follows from who deploys it. */
export const SANDBOX_ACCOUNT_CODE: Hex = '0x173c0A7dFd64042376c02e3A275A98D3E5f2fcF7'

/** Whole units of two currencies in a pool of the exchange; POL lies there wrapped. */
export type SandboxPool = {
  /** What the pool takes of each swap, in millionths. */
  fee: number
  holds: readonly { symbol: 'EURC' | 'USDC' | 'POL'; amount: bigint }[]
}

/** What the pools hold at first: 1 EURC is worth 1.085 USDC or 2.17 POL in all of them. */
export const SANDBOX_POOLS = [
  {
    fee: 500,
    holds: [
      { symbol: 'EURC', amount: 10_000_000n },
      { symbol: 'USDC', amount: 10_850_000n },
    ],
  },
  {
    fee: 3000,
    holds: [
      { symbol: 'EURC', amount: 10_000_000n },
      { symbol: 'POL', amount: 21_700_000n },
    ],
  },
  {
    fee: 3000,
    holds: [
      { symbol: 'USDC', amount: 10_850_000n },
      { symbol: 'POL', amount: 21_700_000n },
    ],
  },
] as const satisfies SandboxPool[]

/** The publicly known words behind the sandbox's ten accounts. Their keys are worthless anywhere else. */
export const SANDBOX_MNEMONIC = 'test test test test test test test test test test test junk'

export const SANDBOX_ACCOUNT_COUNT = 10

/** Whole units of each token that each account starts with. */
export const SANDBOX_TOKEN_GRANT = 1_000_000n

/** Empty blocks that the sandbox puts on top of a payment, and the confirmations that it asks for. */
export const SANDBOX_CONFIRMATIONS = 3
