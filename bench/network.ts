import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Currency } from '../src/domain/currency.ts'
import type { ServedNetwork } from '../src/server.ts'

/** The network that the bench pays on: it has a node, so that each redemption asks for the head, as in real use. */
export const BENCH_NETWORK = 'benchnet'
const CHAIN_ID = 31_339
const COIN = { symbol: 'COIN', decimals: 18 }

export const BENCH_TOKEN: Currency = {
  symbol: 'EURC',
  network: BENCH_NETWORK,
  address: '0x00000000000000000000000000000000000E0000',
  decimals: 6,
  enabled: true,
}

export function benchNetwork(rpcUrl: string): ServedNetwork {
  return {
    network: { name: BENCH_NETWORK, type: 'evm', chainId: CHAIN_ID, nativeCurrency: COIN, enabled: true },
    currencies: [BENCH_TOKEN],
    rpcUrls: [rpcUrl],
    confirmations: 3,
    pollIntervalMs: 1000,
    maxHeadAgeMs: null,
  }
}

/** A node that knows one block. It answers a request a second: what a chain costs is not what the bench measures. */
export async function startNodeStub(): Promise<{ url: string; stop: () => void }> {
  const block = { number: '0x29', hash: `0x${'ab'.repeat(32)}`, timestamp: '0x0' }
  const server = createServer(async (request, response) => {
    const question = await json(request)
    const { id, method } = Object(question)
    const result = method === 'eth_chainId' ? `0x${CHAIN_ID.toString(16)}` : block
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: urlOf(server.address()), stop: () => void server.close().closeAllConnections() }
}

/** Where a server on the loopback interface listens. */
export function urlOf(address: { port: number } | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}
