import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

export type RpcQuestion = { id: number; method: string; params?: unknown[] }

/** What to do instead of passing the question on: answer, refuse, break in some way, or (undefined) nothing. */
export type Fault =
  | { result: unknown }
  | { error: { code: number; message: string; data?: unknown } }
  | { status: number }
  | 'garbage'
  | 'silence'
  | 'half an answer'
  | 'endless answer'
  | undefined

export type FaultyNode = {
  url: string
  /** Set it to break the node; the real answer is there to be bent. */
  fault: (question: RpcQuestion, askBehind: () => Promise<unknown>) => Fault | Promise<Fault>
  /** How often each method was asked. */
  asked: Map<string, number>
  /** How many endless answers were given, and how many of them the other side has broken off. */
  endless: { begun: number; brokenOff: number }
  stop(): Promise<void>
}

/** A JSON-RPC node that passes questions on to a real one, until a test breaks it. */
export async function startFaultyNode(behindUrl: string): Promise<FaultyNode> {
  const server = createServer((request, response) => {
    answer(node, behindUrl, request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const node: FaultyNode = {
    url: `http://127.0.0.1:${address.port}`,
    fault: () => undefined,
    asked: new Map(),
    endless: { begun: 0, brokenOff: 0 },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return node
}

async function answer(node: FaultyNode, behindUrl: string, request: IncomingMessage, response: ServerResponse) {
  const body = await text(request)
  const question: RpcQuestion = JSON.parse(body)
  node.asked.set(question.method, (node.asked.get(question.method) ?? 0) + 1)
  const askBehind = async () => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(behindUrl, { method: 'POST', headers, body })).json()
  }
  const fault = await node.fault(question, async () => resultOf(await askBehind()))
  response.setHeader('content-type', 'application/json')
  if (fault === 'silence') return
  if (fault === 'half an answer') response.write('{"jsonrpc":')
  else if (fault === 'endless answer') await pour(node, response)
  else if (fault === 'garbage') response.end('<html>not what you expected</html>')
  else if (fault === undefined) response.end(JSON.stringify(await askBehind()))
  else if ('status' in fault) response.writeHead(fault.status).end('{}')
  else response.end(JSON.stringify({ jsonrpc: '2.0', id: question.id, ...fault }))
}

/** Ends after all, so that nothing is ever filled by it. */
async function pour({ endless }: FaultyNode, response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(ENDLESS_BYTES / 256, '0')
  endless.begun += 1
  await pipeline(Readable.from(Array(256).fill(chunk)), response).catch(() => {
    endless.brokenOff += 1
  })
}

const ENDLESS_BYTES = 256 * 1024 * 1024

function resultOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'result' in answer ? answer.result : undefined
}
