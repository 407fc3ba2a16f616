import { createTestClient, defineChain, http, publicActions, walletActions } from 'viem'
import { SANDBOX_CHAIN_ID, SANDBOX_NATIVE_CURRENCY, SANDBOX_NETWORK } from './facts.ts'

export type SandboxClient = ReturnType<typeof sandboxClient>

/** A client that may do what only a local chain allows: mine, and write code and balances. */
export function sandboxClient(rpcUrl: string) {
  const chain = defineChain({
    id: SANDBOX_CHAIN_ID,
    name: SANDBOX_NETWORK,
    nativeCurrency: { name: SANDBOX_NATIVE_CURRENCY.symbol, ...SANDBOX_NATIVE_CURRENCY },
    rpcUrls: { default: { http: [rpcUrl] } },
  })
  return createTestClient({ mode: 'anvil', chain, transport: http(rpcUrl), pollingInterval: 50, cacheTime: 0 })
    .extend(publicActions)
    .extend(walletActions)
}
