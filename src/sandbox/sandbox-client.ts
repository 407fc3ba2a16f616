import { createTestClient, defineChain, http, parseEther, publicActions, walletActions } from 'viem'
import type { Hex } from '../domain/payment.ts'
import { SANDBOX_CHAIN_ID, SANDBOX_NATIVE_CURRENCY, SANDBOX_NETWORK } from './facts.ts'

export type SandboxClient = ReturnType<typeof sandboxClient>

/** A client that may do what only a local chain allows: mine, and write code and balances. */
export function sandboxClient(rpcUrl: string, chainId = SANDBOX_CHAIN_ID) {
  const chain = defineChain({
    id: chainId,
    name: SANDBOX_NETWORK,
    nativeCurrency: { name: SANDBOX_NATIVE_CURRENCY.symbol, ...SANDBOX_NATIVE_CURRENCY },
    rpcUrls: { default: { http: [rpcUrl] } },
  })
  return createTestClient({ mode: 'anvil', chain, transport: http(rpcUrl), pollingInterval: 50, cacheTime: 0 })
    .extend(publicActions)
    .extend(walletActions)
}

type Transaction = { to?: Hex; data: Hex; value?: bigint }

/** What the address sends is mined, and has succeeded, before this answers. */
export type Send = (transaction: Transaction) => Promise<void>

const PLENTY = parseEther('1000000000')

/** Half a block. What a node estimates may be too little: some contracts write more when a new second has begun. */
const GAS = 15_000_000n

/** Acts as an address that nobody has the key of, and that has all the native coin that it needs. */
export async function actAs(client: SandboxClient, address: Hex, act: (send: Send) => Promise<void>): Promise<void> {
  await client.setBalance({ address, value: PLENTY })
  await client.impersonateAccount({ address })
  await act(async (transaction) => {
    const hash = await client.sendTransaction({ ...transaction, account: address, gas: GAS })
    const { status } = await client.waitForTransactionReceipt({ hash })
    if (status !== 'success') throw new Error(`A transaction that sets up the sandbox has failed: ${hash}`)
  })
  await client.stopImpersonatingAccount({ address })
}
