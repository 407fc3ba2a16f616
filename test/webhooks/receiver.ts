import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A webhook as it came in. */
export type Received = { headers: IncomingHttpHeaders; body: string; event: ReceivedEvent }
export type ReceivedEvent = { id: string; type: string; createdAt: string; data: { id: string; version: number } }

export type Receiver = {
  url: string
  received: Received[]
  /** What the next requests are answered; a status, or a function that does what it likes. */
  answer: number | ((response: ServerResponse, nth: number) => void)
  stop: () => Promise<void>
}

/** A shop's own server on a free port of this machine. It answers 200 until told otherwise. */
export async function startReceiver(): Promise<Receiver> {
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    receiver.received.push({ headers: request.headers, body, event: JSON.parse(body) })
    if (typeof receiver.answer === 'function') receiver.answer(response, receiver.received.length)
    else response.writeHead(receiver.answer).end('thanks')
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    received: [],
    answer: 200,
    stop: () =>
      new Promise((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
  return receiver
}
