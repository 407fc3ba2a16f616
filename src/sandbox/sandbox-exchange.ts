import { readFileSync } from 'node:fs'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { concat, encodeAbiParameters, encodeFunctionData, erc20Abi, parseAbi, parseUnits, zeroAddress } from 'viem'
import type { Hex } from '../domain/payment.ts'
import { SANDBOX_EXCHANGE, SANDBOX_NATIVE_CURRENCY, SANDBOX_POOLS, SANDBOX_TOKENS, type SandboxPool } from './facts.ts'
import { fileOf } from './optional-packages.ts'
import { actAs, type SandboxClient, type Send } from './sandbox-client.ts'
import { mintData } from './sandbox-tokens.ts'

const { wrappedNative, factory, positions } = SANDBOX_EXCHANGE

/** Deploys the exchange before anything else that it does, and owns what is in the pools. Nobody has its key. */
const FOUNDER: Hex = '0x0000000000000000000000000000000000515ce1'

type Contract = { artifact: URL; args: Hex[] }

/** In the order in which they are deployed: the founder's nonce tells how far it came. Every argument is an address. */
function contracts(): readonly Contract[] {
  const core = new URL('artifacts/contracts/', fileOf('@uniswap/v3-core'))
  const periphery = new URL('artifacts/contracts/', fileOf('@uniswap/v3-periphery'))
  return [
    { artifact: new URL(fileOf('canonical-weth')), args: [] },
    { artifact: new URL('UniswapV3Factory.sol/UniswapV3Factory.json', core), args: [] },
    { artifact: new URL('SwapRouter.sol/SwapRouter.json', periphery), args: [factory, wrappedNative] },
    { artifact: new URL('lens/QuoterV2.sol/QuoterV2.json', periphery), args: [factory, wrappedNative] },
    {
      artifact: new URL('NonfungiblePositionManager.sol/NonfungiblePositionManager.json', periphery),
      // Nobody looks at the picture that a position may have.
      args: [factory, wrappedNative, zeroAddress],
    },
  ]
}

const Artifact = Type.Object({ bytecode: Type.String({ pattern: '^0x[0-9a-f]+$' }) })

const POOL_ABI = parseAbi([
  'function getPool(address, address, uint24) view returns (address)',
  'function liquidity() view returns (uint128)',
])

const POSITIONS_ABI = parseAbi([
  'struct MintParams { address token0; address token1; uint24 fee; int24 tickLower; int24 tickUpper; uint256 amount0Desired; uint256 amount1Desired; uint256 amount0Min; uint256 amount1Min; address recipient; uint256 deadline; }',
  'function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 sqrtPriceX96) payable returns (address)',
  'function mint(MintParams params) payable returns (uint256, uint128, uint256, uint256)',
])

/** The widest ticks that a pool of each fee has: its liquidity serves every price. */
const WIDEST_TICKS: Record<number, number> = { 500: 887_270, 3000: 887_220 }

/** Deploys the exchange and fills its pools, where an earlier start has not done so. */
export async function placeExchange(client: SandboxClient): Promise<void> {
  const deployed = await client.getTransactionCount({ address: FOUNDER })
  const missing = contracts().slice(deployed)
  if (missing.length > 0) {
    await actAs(client, FOUNDER, async (send) => {
      for (const contract of missing) await send({ data: creationCode(contract) })
    })
  }
  for (const pool of SANDBOX_POOLS.map(sidesOf)) {
    if (!(await isFilled(client, pool))) await actAs(client, FOUNDER, (send) => fill(send, pool))
  }
}

function creationCode({ artifact, args }: Contract): Hex {
  const { bytecode } = Value.Parse(Artifact, JSON.parse(readFileSync(artifact, 'utf8')))
  const types = args.map(() => ({ type: 'address' }))
  return concat([`0x${bytecode.slice('0x'.length)}`, encodeAbiParameters(types, args)])
}

type Side = { token: Hex; units: bigint; isWrapped: boolean }
type Pool = { fee: number; sides: [Side, Side] }

/** A pool as the exchange knows it: tokens in the order of their addresses, amounts in smallest units. */
function sidesOf({ fee, holds }: SandboxPool): Pool {
  const sides = holds.map(({ symbol, amount }): Side => {
    const token = SANDBOX_TOKENS.find((listed) => listed.symbol === symbol)
    const { decimals } = token ?? SANDBOX_NATIVE_CURRENCY
    const units = parseUnits(amount.toString(), decimals)
    return { token: token?.address ?? wrappedNative, units, isWrapped: token === undefined }
  })
  const [first, second] = sides.toSorted((one, other) => (BigInt(one.token) < BigInt(other.token) ? -1 : 1))
  if (first === undefined || second === undefined) throw new Error('A pool holds two currencies.')
  return { fee, sides: [first, second] }
}

async function isFilled(client: SandboxClient, { fee, sides: [first, second] }: Pool): Promise<boolean> {
  const args = [first.token, second.token, fee] as const
  const address = await client.readContract({ abi: POOL_ABI, address: factory, functionName: 'getPool', args })
  if (address === zeroAddress) return false
  return (await client.readContract({ abi: POOL_ABI, address, functionName: 'liquidity' })) > 0n
}

async function fill(send: Send, { fee, sides }: Pool): Promise<void> {
  for (const { token, units, isWrapped } of sides) {
    if (isWrapped) continue
    await send({ to: token, data: mintData([FOUNDER], units) })
    const approval = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [positions, units] })
    await send({ to: token, data: approval })
  }
  const [first, second] = sides
  await send({
    to: positions,
    data: encodeFunctionData({
      abi: POSITIONS_ABI,
      functionName: 'createAndInitializePoolIfNecessary',
      args: [first.token, second.token, fee, squareRoot((second.units << 192n) / first.units)],
    }),
  })
  await send({
    to: positions,
    data: encodeFunctionData({ abi: POSITIONS_ABI, functionName: 'mint', args: [positionOf({ fee, sides })] }),
    // The native coin is wrapped on its way in.
    value: sides.find(({ isWrapped }) => isWrapped)?.units ?? 0n,
  })
}

function positionOf({ fee, sides: [first, second] }: Pool) {
  const widest = WIDEST_TICKS[fee]
  if (widest === undefined) throw new Error(`The ticks of a pool with fee ${fee} are not known.`)
  return {
    ...{ token0: first.token, token1: second.token, fee, tickLower: -widest, tickUpper: widest },
    ...{ amount0Desired: first.units, amount1Desired: second.units, amount0Min: 0n, amount1Min: 0n },
    ...{ recipient: FOUNDER, deadline: 2n ** 256n - 1n },
  }
}

/** The whole part of a square root, by Newton's method from above. */
function squareRoot(square: bigint): bigint {
  let root = square
  for (let next = (root + 1n) / 2n; next < root; next = (root + square / root) / 2n) root = next
  return root
}
