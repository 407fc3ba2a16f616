import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'

/** One call that went by. */
type Seen = {
  /** Its method, path and status. */
  call: string
  /** `fine`; `refused`: a bad call, which the server refused, too; `fault`: document and server are of two minds. */
  kind: 'fine' | 'refused' | 'fault'
  /** What the validator said. */
  said: string
}

export type Watch = { url: string; seen: Seen[]; stop: () => Promise<void> }

const PREFIX = '/api/v1'

/** As Prism's proxy writes it into the header `sl-violations`. */
type Violation = { location?: string[]; severity: string; message: string }

/**
 * Takes calls and hands them to a validating proxy, whose paths begin below the prefix. The stream of events goes past
 * it, since it waits for an answer's end.
 */
export async function startWatch({ upstream, validator }: { upstream: string; validator: string }): Promise<Watch> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request
    const isSeen = url.startsWith(`${PREFIX}/`) && !/^\/api\/v1\/events\b/.test(url)
    const target = isSeen ? validator + url.slice(PREFIX.length) : upstream + url
    pass(request, response, target).then(
      (answer) => isSeen && seen.push(judge(`${method} ${url} ${answer.status}`, answer)),
      (error: unknown) => {
        seen.push({ call: `${method} ${url}`, kind: 'fault', said: String(error) })
        response.destroy()
      },
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}`, seen, stop }
}

/** Headers of one connection, and those that change with what is decoded on the way. */
const OWN = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding'])

async function pass(request: IncomingMessage, response: ServerResponse, target: string): Promise<Response> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece)
  const body = Buffer.concat(pieces)
  const sent = Object.entries(request.headers).filter(([name]) => !OWN.has(name))
  const answer = await fetch(target, {
    method: request.method ?? 'GET',
    headers: Object.fromEntries(sent.map(([name, value]) => [name, String(value)])),
    ...(body.length > 0 && { body }),
  })
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => !OWN.has(name)))
  response.writeHead(answer.status, headers)
  if (answer.body) Readable.fromWeb(answer.body).pipe(response)
  else response.end()
  return answer
}

function judge(call: string, { status, headers }: Response): Seen {
  const violations: Violation[] = JSON.parse(headers.get('sl-violations') ?? '[]')
  const [first, ...more] = violations.map(({ location = [], message }) => `${location.join('.')} ${message}`)
  const said = `${first}${more.length === 0 ? '' : `, and ${more.length} more`}`
  if (violations.length === 0) return { call, kind: 'fine', said }
  const isOfRequest = violations.every(({ location }) => location?.[0] === 'request')
  return { call, kind: isOfRequest && status >= 400 && status < 500 ? 'refused' : 'fault', said }
}
