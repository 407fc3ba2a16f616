import { type Abi, erc20Abi, toHex } from 'viem'
import { type HDAccount, mnemonicToAccount } from 'viem/accounts'
import type { Hex } from '../../src/domain/payment.ts'
import { type AnvilProcess, PortTaken, startAnvilProcess } from '../../src/sandbox/anvil-process.ts'
import type { CompiledContract } from '../../src/sandbox/contracts/compile.ts'
import { SANDBOX_CHAIN_ID, SANDBOX_MNEMONIC } from '../../src/sandbox/facts.ts'
import { type SandboxClient, sandboxClient } from '../../src/sandbox/sandbox-client.ts'
import { compiledContracts } from './compiled-contracts.ts'
import { freePort } from './free-port.ts'

const CONTRACTS = [
  'PlainToken',
  'FeeToken',
  'FalseToken',
  'AuthorizedToken',
  'CodeAskingToken',
  'CodeAskingPermitToken',
  'PermitToken',
  'LyingToken',
  'StrangeDomainToken',
  'Forger',
  'Batcher',
  'StubbornToken',
  'SignerWallet',
  'SponsoredAccount',
] as const

export type TestContract = (typeof CONTRACTS)[number]

export type Deployed = { address: Hex; abi: Abi }

export type TestChain = {
  rpcUrl: string
  port: number
  chainId: number
  /** The ten funded accounts; they sign locally. */
  accounts: HDAccount[]
  /** viem's test, public and wallet actions. */
  client: SandboxClient
  /** Deploys a contract from the first account and waits for its block (mines one where nothing else would). */
  deploy(contract: TestContract, args?: unknown[]): Promise<Deployed>
  /** Replaces the newest blocks by empty ones. Their transactions are gone, from the pool too. */
  reorg(blocks: number): Promise<void>
  tokenBalance(token: Hex, holder: Hex): Promise<bigint>
  stop(): Promise<void>
}

export type TestChainOptions = {
  /** False: blocks come by `client.mine` only. */
  automine?: boolean
  /** Taken as it is; otherwise a free one is found. */
  port?: number
  /** Where there is more than one chain. */
  chainId?: number
}

/** Starts a real EVM chain without any memory. Stop it in the test's `after`. */
export async function startAnvil(options: TestChainOptions = {}): Promise<TestChain> {
  const { automine = true, port, chainId = SANDBOX_CHAIN_ID } = options
  const args = ['--mnemonic', SANDBOX_MNEMONIC, ...(automine ? [] : ['--no-mining'])]
  const { process, port: used } = await startOn(port, chainId, args)
  const client = sandboxClient(process.rpcUrl, chainId)
  return {
    rpcUrl: process.rpcUrl,
    port: used,
    chainId,
    accounts: Array.from({ length: 10 }, (_, index) => devAccount(index)),
    client,
    deploy: (contract, args) => deploy(client, automine, contract, args),
    reorg: async (blocks) => {
      await client.transport.request({ method: 'anvil_reorg', params: [blocks, []] })
    },
    tokenBalance: (address, holder) =>
      client.readContract({ abi: erc20Abi, address, functionName: 'balanceOf', args: [holder] }),
    stop: process.stop,
  }
}

/** One of anvil's publicly known accounts. */
export function devAccount(addressIndex: number): HDAccount {
  return mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex })
}

/** The private key of one of these accounts. */
export function devKey(addressIndex: number): Hex {
  const { privateKey } = devAccount(addressIndex).getHdKey()
  if (privateKey === null) throw new Error('the account has no key')
  return toHex(privateKey)
}

/** Another program may take a free port before anvil does. */
async function startOn(
  port: number | undefined,
  chainId: number,
  args: string[],
): Promise<{ process: AnvilProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const used = port ?? (await freePort())
    try {
      return { process: await startAnvilProcess({ port: used, chainId, args }), port: used }
    } catch (error) {
      if (port !== undefined || attempt === 3 || !(error instanceof PortTaken)) throw error
    }
  }
}

let compiled: Promise<Map<string, CompiledContract>> | undefined

/** Compiled all in one go. */
export async function compiledContract(name: TestContract): Promise<CompiledContract> {
  compiled ??= compiledContracts(CONTRACTS.map((file) => new URL(`contracts/${file}.sol`, import.meta.url)))
  const contract = (await compiled).get(name)
  if (contract === undefined) throw new Error(`${name}.sol holds no contract ${name}`)
  return contract
}

async function deploy(
  client: SandboxClient,
  automine: boolean,
  name: TestContract,
  args: unknown[] = [],
): Promise<Deployed> {
  const { abi, bytecode } = await compiledContract(name)
  const hash = await client.deployContract({ account: devAccount(0), abi, bytecode, args })
  if (!automine) await client.mine({ blocks: 1 })
  const { contractAddress } = await client.waitForTransactionReceipt({ hash })
  if (!contractAddress) throw new Error(`${name} was not deployed`)
  return { address: contractAddress, abi }
}
