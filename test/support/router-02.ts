import { readFileSync } from 'node:fs'
import { type Hex, parseAbi, zeroAddress } from 'viem'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { devAccount, type TestChain } from './anvil.ts'

const ARTIFACT = new URL(
  'artifacts/contracts/SwapRouter02.sol/SwapRouter02.json',
  import.meta.resolve('@uniswap/swap-router-contracts/package.json'),
)

const ROUTER_ABI = parseAbi([
  'constructor(address factoryV2, address factoryV3, address positionManager, address WETH9)',
])

/** Deploys SwapRouter02 as Uniswap published it, beside the exchange of the sandbox and on the same pools. */
export async function deployRouter02({ client }: TestChain): Promise<Hex> {
  const { factory, positions, wrappedNative } = SANDBOX_EXCHANGE
  const { bytecode } = JSON.parse(readFileSync(ARTIFACT, 'utf8'))
  const hash = await client.deployContract({
    ...{ account: devAccount(0), abi: ROUTER_ABI, bytecode },
    args: [zeroAddress, factory, positions, wrappedNative],
  })
  const { contractAddress } = await client.waitForTransactionReceipt({ hash })
  if (!contractAddress) throw new Error('SwapRouter02 was not deployed')
  return contractAddress
}
