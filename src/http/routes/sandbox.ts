import { Type } from 'typebox'
import { Refusal } from '../../domain/refusal.ts'
import { assertOwnHost } from '../own-host.ts'
import { ANYBODY } from '../route-config.ts'
import type { Routes } from '../routes.ts'

/** What wallets ask a node for. What only the chain's owner should do, such as setting its clock, is not there. */
const METHODS: ReadonlySet<string> = new Set([
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByNumber',
  'eth_getCode',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  'eth_sendRawTransaction',
])

/** Wallets try what some nodes have, and do without where this is the answer. */
const METHOD_NOT_FOUND = -32_601

const RpcBody = Type.Object({
  jsonrpc: Type.Literal('2.0'),
  id: Type.Union([Type.Integer(), Type.String({ maxLength: 64 })]),
  method: Type.String({ maxLength: 64 }),
  params: Type.Optional(Type.Array(Type.Unknown())),
})

const ANSWERS_WITHIN_MS = 10_000

/**
 * The sandbox's chain for wallets in browsers: on the server's own origin, so that pages need no other, and wherever the
 * browser is.
 * @param rpcUrl the chain's node
 * @param publicHosts the names that the operator has given the server, with ports
 */
export function sandboxRoutes(http: Routes, rpcUrl: string, publicHosts: readonly string[]): void {
  const config = { callers: ANYBODY, limit: 'public' } as const
  http.post('/sandbox/rpc', { config, schema: { body: RpcBody } }, async (request, reply) => {
    assertOwnHost(request, publicHosts)
    const { jsonrpc, id, method, params } = request.body
    if (!METHODS.has(method)) {
      return { jsonrpc, id, error: { code: METHOD_NOT_FOUND, message: 'There is no such method here.' } }
    }
    return reply.type('application/json').send(await ask(rpcUrl, { jsonrpc, id, method, params }))
  })
}

async function ask(rpcUrl: string, call: object): Promise<string> {
  try {
    const response = await fetch(rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(call),
      signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    })
    return await response.text()
  } catch {
    throw new Refusal('overloaded', "The sandbox's chain does not answer. Try again soon.", { retryAfterSeconds: 1 })
  }
}
