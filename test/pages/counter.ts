import { createWalletClient, http, publicActions } from 'viem'
import { createPayer, type PayerWallet, signInWithWallet, viemWallet } from '../../src/client/index.ts'
import { sandboxNetwork, servedNetwork } from '../../src/networks.ts'
import type { ContextView } from '../../src/protocol/schemas.ts'
import { placeTokens } from '../../src/sandbox/sandbox-tokens.ts'
import type { ServedNetwork } from '../../src/server.ts'
import { devAccount, startAnvil } from '../support/anvil.ts'
import { freePort } from '../support/free-port.ts'
import { startTestServer } from '../support/server.ts'

export const CONFIRMATIONS = 3

/** What stands at a counter: a server with a chain, both real, and a payer who pays through the API. */
export type Counter = Awaited<ReturnType<typeof openCounter>>

/**
 * The server keeps its port over restarts, since pages know no other.
 * @param networks beside that of the chain
 */
export async function openCounter(networks: ServedNetwork[] = []) {
  const chain = await startAnvil()
  await placeTokens(chain.client)
  const network = servedNetwork(sandboxNetwork({ rpcUrl: chain.rpcUrl }))
  let server = await startTestServer({
    port: await freePort(),
    networks: [
      { ...network, confirmations: CONFIRMATIONS, pollIntervalMs: 50, fx: { ...network.fx, uniswapV3: null } },
      ...networks,
    ],
    sandboxRpcUrl: chain.rpcUrl,
    times: { resolveWaitMs: 5_000, dropGraceMs: 200 },
  })
  const { url } = server
  const wallet = walletOf(chain.rpcUrl)
  const payer = createPayer({ url, token: await signInWithWallet({ url, wallet, chainId: chain.chainId }) })
  return {
    url,
    chain,
    wallet,
    payer,
    openContext: (): Promise<ContextView> =>
      payer.openContext({ format: 'alphanum', payers: [{ address: wallet.address }] }),
    mine: (blocks: number) => chain.client.mine({ blocks }),
    advance: (ms: number) => server.clock.advance(ms),
    restart: async () => {
      server = await server.restart()
    },
    stop: async () => {
      await server.stop()
      await chain.stop()
    },
  }
}

function walletOf(rpcUrl: string): PayerWallet {
  const client = createWalletClient({ account: devAccount(2), transport: http(rpcUrl), pollingInterval: 20 })
  return viemWallet(client.extend(publicActions))
}
