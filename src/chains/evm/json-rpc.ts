import { Agent, type Dispatcher, request } from 'undici'
import { custom, HttpRequestError, RpcRequestError } from 'viem'
import { ChainUnavailable } from '../chain.ts'
import { parseLong } from './long-json.ts'

/**
 * No answer of a node is read any further. The longest that is asked for is the receipt of a transaction that fills the gas
 * of one (EIP-7825) with logs: about 25 MiB.
 */
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/** The node's answer goes on and on. It says nothing about what was asked. */
export class AnswerTooLongError extends ChainUnavailable {
  constructor(method: string) {
    super(`the node's answer to ${method} is longer than ${MAX_ANSWER_BYTES / 1024 / 1024} MiB`)
  }
}

export type JsonRpcOptions = {
  url: string
  requestTimeoutMs: number
  /** Ends requests that are under way. */
  stopping: AbortSignal
}

type Question = { method: string; params?: unknown }
type RpcError = { code: number; message: string; data?: unknown }

/** What viem asks a node through: JSON-RPC over connections that are kept. viem's own transport costs several times as much. */
export function jsonRpc({ url, requestTimeoutMs, stopping }: JsonRpcOptions) {
  const dispatcher = new Agent({ keepAliveTimeout: KEPT_MS })
  stopping.addEventListener('abort', () => void dispatcher.destroy(), { once: true })
  let asked = 0
  const ask = async ({ method, params = [] }: Question): Promise<unknown> => {
    asked += 1
    const question = { jsonrpc: '2.0', id: asked, method, params }
    const { statusCode, body } = await request(url, {
      ...{ dispatcher, method: 'POST', headers: HEADERS, body: JSON.stringify(question) },
      // It ends the body, too: a node can hang in the middle of one.
      signal: AbortSignal.timeout(requestTimeoutMs),
    })
    return answerOf(await readAnswer(body, method), statusCode, { url, question })
  }
  // The node pool asks again by itself.
  return custom({ request: ask }, { retryCount: 0 })
}

const HEADERS = { 'content-type': 'application/json' }

/** Shorter than nodes keep connections, so that none is used as it is being closed. */
const KEPT_MS = 4_000

/** Leaving the loop destroys the body, and the connection with it. */
async function readAnswer(body: Dispatcher.ResponseData['body'], method: string): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new AnswerTooLongError(method)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}

async function answerOf(
  bytes: Buffer<ArrayBuffer>,
  statusCode: number,
  { url, question }: { url: string; question: Record<string, unknown> },
): Promise<unknown> {
  const answer = await parse(bytes)
  if (isRpcError(answer?.error)) throw new RpcRequestError({ body: question, error: answer.error, url })
  if (statusCode !== 200 || answer === null || !('result' in answer)) {
    throw new HttpRequestError({
      body: question,
      details: `no JSON-RPC answer (${statusCode})`,
      status: statusCode,
      url,
    })
  }
  return answer.result
}

/** Longer answers are parsed in another thread: to start it takes longer than to parse what is shorter. */
const LONG_ANSWER_BYTES = 2 * 1024 * 1024

async function parse(bytes: Buffer<ArrayBuffer>): Promise<{ result?: unknown; error?: unknown } | null> {
  try {
    const isLong = bytes.length > LONG_ANSWER_BYTES
    const answer: unknown = isLong ? await parseLong(bytes) : JSON.parse(bytes.toString())
    return typeof answer === 'object' ? answer : null
  } catch {
    return null
  }
}

function isRpcError(error: unknown): error is RpcError {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    'message' in error &&
    typeof error.code === 'number' &&
    typeof error.message === 'string'
  )
}
