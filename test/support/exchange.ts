import { encodeFunctionData, erc20Abi, maxUint256, parseAbi, parseEther } from 'viem'
import type { HDAccount } from 'viem/accounts'
import { type EvmChain, openEvmChain } from '../../src/chains/evm/evm-chain.ts'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import { sandboxNetwork } from '../../src/networks.ts'
import { SANDBOX_EXCHANGE, SANDBOX_TOKENS } from '../../src/sandbox/facts.ts'
import { placeExchange } from '../../src/sandbox/sandbox-exchange.ts'
import { placeTokens } from '../../src/sandbox/sandbox-tokens.ts'
import { devAccount, startAnvil, type TestChain } from './anvil.ts'

const [eurc, usdc] = SANDBOX_TOKENS
const { wrappedNative } = SANDBOX_EXCHANGE

/** What the trader holds of the wrapped native coin. */
const WRAPPED_WEI = parseEther('1000000')
const [POL, EURC, USDC] = sandboxNetwork({ rpcUrl: 'http://127.0.0.1:8545' }).currencies

/** The currencies of the sandbox. */
export const CURRENCIES = { POL: known(POL), EURC: known(EURC), USDC: known(USDC) }

function known(currency: Currency | undefined): Currency {
  if (currency === undefined) throw new Error('the sandbox lacks a currency')
  return currency
}

/** The contract of a currency that is no native coin. */
export function tokenOf({ symbol, address }: Currency): Hex {
  if (address === '') throw new Error(`${symbol} has no contract`)
  return address
}

const ROUTER_ABI = parseAbi([
  'struct ExactOutputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; uint160 sqrtPriceLimitX96; }',
  'function exactOutputSingle(ExactOutputSingle) payable returns (uint256 amountIn)',
])

/** Whoever moves the prices. */
const trader = devAccount(9)

/** So many units of a token, from one pool. */
type Purchase = { pay: Hex; get: Hex; fee: number; units: bigint; recipient?: Hex }

/** A chain without memory that has the tokens and the exchange of the sandbox. */
export type ExchangeChain = TestChain & {
  /** Has a rich account buy from one pool, which makes there dearer what it buys. */
  buy(order: Purchase): Promise<void>
  /** The same, without waiting for a block: wei a unit of gas tell where in the block it will stand. */
  bid(order: Purchase, gasPrice: bigint): Promise<Hex>
  /** Gives away some of a token that the first account holds. */
  grant(token: Hex, to: Hex, units: bigint): Promise<void>
}

function buying({ pay, get, fee, units, recipient = trader.address }: Purchase): { to: Hex; data: Hex; gas: bigint } {
  const swap = {
    ...{ tokenIn: pay, tokenOut: get, fee, recipient, deadline: maxUint256 },
    ...{ amountOut: units, amountInMaximum: maxUint256, sqrtPriceLimitX96: 0n },
  }
  const data = encodeFunctionData({ abi: ROUTER_ABI, functionName: 'exactOutputSingle', args: [swap] })
  // An estimate would be too little where a second ticks over before the block: pools then write more.
  return { to: SANDBOX_EXCHANGE.router, data, gas: 500_000n }
}

export async function startExchange(): Promise<ExchangeChain> {
  const anvil = await startAnvil()
  const { client } = anvil
  await placeTokens(client)
  await placeExchange(client)
  await client.setBalance({ address: trader.address, value: 2n * WRAPPED_WEI })
  await succeed(anvil, await client.sendTransaction({ account: trader, to: wrappedNative, value: WRAPPED_WEI }))
  for (const address of [eurc.address, usdc.address, wrappedNative]) await approve(anvil, trader, address)
  return {
    ...anvil,
    grant: async (address, to, units) => {
      const transfer = { abi: erc20Abi, address, functionName: 'transfer', args: [to, units] } as const
      await succeed(anvil, await client.writeContract({ ...transfer, account: devAccount(0) }))
    },
    buy: async (order) => succeed(anvil, await client.sendTransaction({ account: trader, ...buying(order) })),
    bid: (order, gasPrice) => client.sendTransaction({ account: trader, gasPrice, ...buying(order) }),
  }
}

/** Lets the exchange take as much of a token as it asks for. */
export async function approve(chain: TestChain, account: HDAccount, token: Hex): Promise<void> {
  const args = [SANDBOX_EXCHANGE.router, maxUint256] as const
  const approval = { abi: erc20Abi, address: token, functionName: 'approve', args, account } as const
  await succeed(chain, await chain.client.writeContract(approval))
}

export async function succeed({ client }: TestChain, hash: Hex): Promise<void> {
  const { status } = await client.waitForTransactionReceipt({ hash })
  if (status !== 'success') throw new Error(`the transaction reverted: ${hash}`)
}

/** Opens the chain as the server does. */
export function openChain(rpcUrl: string): EvmChain {
  return openEvmChain({
    ...{ network: CURRENCIES.POL.network, chainId: 31337, rpcUrls: [rpcUrl], required: 1 },
    ...{ pollIntervalMs: 100, maxHeadAgeMs: null, requestTimeoutMs: 2_000, clock: Date.now },
  })
}
