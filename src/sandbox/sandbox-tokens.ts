import { encodeDeployData, encodeFunctionData, erc20Abi, parseAbi, parseUnits } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import type { Hex } from '../domain/payment.ts'
import artifact from './contracts/sandbox-token.artifact.json' with { type: 'json' }
import { SANDBOX_ACCOUNT_COUNT, SANDBOX_MNEMONIC, SANDBOX_TOKEN_GRANT, SANDBOX_TOKENS } from './facts.ts'
import { actAs, type SandboxClient } from './sandbox-client.ts'

type SandboxToken = (typeof SANDBOX_TOKENS)[number]

const TOKEN_ABI = parseAbi([
  'constructor(string name, string symbol, uint8 decimals)',
  'function mint(address[] accounts, uint256 units)',
])

/** Sends the first transactions, so that the accounts of the sandbox start with none. Nobody has its key. */
const MINTER = '0x0000000000000000000000000000000000515ce0'

/** Puts the tokens at their addresses and into the accounts, unless an earlier start has done so. */
export async function placeTokens(client: SandboxClient): Promise<void> {
  for (const token of SANDBOX_TOKENS) {
    await placeCode(client, token)
    const supply = await client.readContract({ abi: erc20Abi, address: token.address, functionName: 'totalSupply' })
    if (supply === 0n) await grant(client, token)
  }
}

/** What the constructor returns is the code of a deployed token, with all that it sets in it. */
async function placeCode(client: SandboxClient, { address, name, symbol, decimals }: SandboxToken): Promise<void> {
  const bytecode: `0x${string}` = `0x${artifact.bytecode.slice(2)}`
  const creation = encodeDeployData({ abi: TOKEN_ABI, bytecode, args: [name, symbol, decimals] })
  const { data: code } = await client.call({ data: creation })
  if (code === undefined) throw new Error(`The constructor of ${symbol} returned no code.`)
  if ((await client.getCode({ address })) !== code) await client.setCode({ address, bytecode: code })
}

async function grant(client: SandboxClient, { address, decimals }: SandboxToken): Promise<void> {
  const accounts = Array.from({ length: SANDBOX_ACCOUNT_COUNT }, (_, addressIndex) => accountAddress(addressIndex))
  const units = parseUnits(SANDBOX_TOKEN_GRANT.toString(), decimals)
  await actAs(client, MINTER, (send) => send({ to: address, data: mintData(accounts, units) }))
}

/** A call that makes tokens out of nothing, for each of the accounts. */
export function mintData(accounts: Hex[], units: bigint): Hex {
  return encodeFunctionData({ abi: TOKEN_ABI, functionName: 'mint', args: [accounts, units] })
}

function accountAddress(addressIndex: number) {
  return mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex }).address
}
