import { createClient } from 'viem'
import { jsonRpc } from '../../src/chains/evm/json-rpc.ts'
import { servePart } from '../part.ts'
import { doSideBySide, type LoadResult } from '../side-by-side.ts'

/** Makes JSON-RPC calls with the client that the server has, and does nothing else. */

export type BareCallsPart = typeof handlers

export type JsonRpcCall = { method: string; params?: unknown }

const REQUEST_TIMEOUT_MS = 5_000

const stopping = new AbortController()
let client: ReturnType<typeof createClient> | undefined

const handlers = { run }

/** @param work.units the calls of each unit, which are made one after the other */
async function run(work: { rpcUrl: string; units: JsonRpcCall[][]; concurrency: number }): Promise<LoadResult> {
  const { rpcUrl, units, concurrency } = work
  const options = { url: rpcUrl, requestTimeoutMs: REQUEST_TIMEOUT_MS, stopping: stopping.signal }
  client ??= createClient({ transport: jsonRpc(options) })
  const { request } = client
  const makeCalls = async (calls: JsonRpcCall[]) => {
    for (const call of calls) await request(call as Parameters<typeof request>[0])
  }
  return doSideBySide(
    units,
    Array.from({ length: concurrency }, () => makeCalls),
  )
}

servePart(handlers, async () => stopping.abort())
