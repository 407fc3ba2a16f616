import { encodeFunctionData, erc20Abi, maxUint256, parseAbi } from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import artifact from '../../src/sandbox/contracts/sandbox-token.artifact.json' with { type: 'json' }
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { actAs } from '../../src/sandbox/sandbox-client.ts'
import { mintData } from '../../src/sandbox/sandbox-tokens.ts'
import { devAccount, type TestChain } from './anvil.ts'

const { positions } = SANDBOX_EXCHANGE

const POSITIONS_ABI = parseAbi([
  'struct MintParams { address token0; address token1; uint24 fee; int24 tickLower; int24 tickUpper; uint256 amount0Desired; uint256 amount1Desired; uint256 amount0Min; uint256 amount1Min; address recipient; uint256 deadline; }',
  'struct Decrease { uint256 tokenId; uint128 liquidity; uint256 amount0Min; uint256 amount1Min; uint256 deadline; }',
  'struct Collect { uint256 tokenId; address recipient; uint128 amount0Max; uint128 amount1Max; }',
  'function createAndInitializePoolIfNecessary(address, address, uint24, uint160) payable returns (address)',
  'function mint(MintParams) payable returns (uint256, uint128, uint256, uint256)',
  'function positions(uint256) view returns (uint96, address, address, address, uint24, int24, int24, uint128 liquidity, uint256, uint256, uint128, uint128)',
  'function ownerOf(uint256) view returns (address)',
  'function decreaseLiquidity(Decrease) payable returns (uint256, uint256)',
  'function collect(Collect) payable returns (uint256, uint256)',
])

const TOKEN_ABI = parseAbi(['constructor(string, string, uint8)'])

/** The widest ticks that pools of these fees have. */
const WIDEST_TICKS = { 500: 887_270, 3000: 887_220 } as const

export type PoolSide = { token: Hex; units: bigint }

/** Deploys a token that anybody may mint, and mints some for these accounts. */
export async function deployToken(
  { client }: TestChain,
  { symbol, decimals, holders, units }: { symbol: string; decimals: number; holders: Hex[]; units: bigint },
): Promise<Hex> {
  const [account, bytecode] = [devAccount(0), `0x${artifact.bytecode.slice(2)}` as const]
  const hash = await client.deployContract({ account, abi: TOKEN_ABI, bytecode, args: [symbol, symbol, decimals] })
  const { contractAddress } = await client.waitForTransactionReceipt({ hash })
  if (!contractAddress) throw new Error(`${symbol} was not deployed`)
  await client.sendTransaction({ account, to: contractAddress, data: mintData(holders, units) })
  return contractAddress
}

/** Opens a pool for every price, out of what the first account holds. The native coin goes in wrapped. */
export async function openPool({ client }: TestChain, fee: 500 | 3000, sides: [PoolSide, PoolSide]): Promise<void> {
  const account = devAccount(0)
  const [first, second] = sides.toSorted((one, other) => (BigInt(one.token) < BigInt(other.token) ? -1 : 1))
  if (first === undefined || second === undefined) throw new Error('a pool has two sides')
  const wrapped = sides.find(({ token }) => token === SANDBOX_EXCHANGE.wrappedNative)
  if (wrapped) await client.setBalance({ address: account.address, value: wrapped.units + 10n ** 24n })
  for (const { token } of sides) {
    const args = [positions, maxUint256] as const
    await client.writeContract({ account, abi: erc20Abi, address: token, functionName: 'approve', args })
  }
  const at = { account, abi: POSITIONS_ABI, address: positions } as const
  const price = squareRoot((second.units << 192n) / first.units)
  const pool = [first.token, second.token, fee, price] as const
  await client.writeContract({
    ...at,
    functionName: 'createAndInitializePoolIfNecessary',
    args: pool,
    gas: 15_000_000n,
  })
  const position = {
    ...{ token0: first.token, token1: second.token, fee, tickLower: -WIDEST_TICKS[fee], tickUpper: WIDEST_TICKS[fee] },
    ...{ amount0Desired: first.units, amount1Desired: second.units, amount0Min: 0n, amount1Min: 0n },
    ...{ recipient: account.address, deadline: maxUint256 },
  }
  const value = wrapped?.units ?? 0n
  const minting = { ...at, functionName: 'mint', args: [position], value, gas: 15_000_000n } as const
  const { status } = await client.waitForTransactionReceipt({ hash: await client.writeContract(minting) })
  if (status !== 'success') throw new Error('the pool was not filled')
}

/** Takes everything out of a position, and so out of a pool of which it is the only one. */
export async function drain({ client }: TestChain, tokenId: bigint, recipient: Hex): Promise<void> {
  const at = { abi: POSITIONS_ABI, address: positions } as const
  const [position, owner] = await Promise.all([
    client.readContract({ ...at, functionName: 'positions', args: [tokenId] }),
    client.readContract({ ...at, functionName: 'ownerOf', args: [tokenId] }),
  ])
  const decrease = { tokenId, liquidity: position[7], amount0Min: 0n, amount1Min: 0n, deadline: maxUint256 }
  const most = 2n ** 128n - 1n
  const collect = { tokenId, recipient, amount0Max: most, amount1Max: most }
  await actAs(client, owner, async (send) => {
    await send({
      to: positions,
      data: encodeFunctionData({ ...at, functionName: 'decreaseLiquidity', args: [decrease] }),
    })
    await send({ to: positions, data: encodeFunctionData({ ...at, functionName: 'collect', args: [collect] }) })
  })
}

/** The whole part of a square root. */
function squareRoot(square: bigint): bigint {
  let root = square
  for (let next = (root + 1n) / 2n; next < root; next = (root + square / root) / 2n) root = next
  return root
}
