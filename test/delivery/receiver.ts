import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** A receiver of webhooks that says, byte for byte, what its test wants it to say. */
export type Receiver = {
  port: number
  /** How many connections came in. */
  connections: () => number
  /** What was sent here, all connections together. */
  received: () => string
  /** Ends when no connection is left. */
  abandoned: () => Promise<void>
  stop: () => Promise<void>
}

/** `greeting`: what is said to every connection at once. */
type ReceiverOptions = { tls?: TlsOptions; host?: string; greeting?: string }

/**
 * Listens on 127.0.0.1, or where it is told to.
 * @param onRequest called with a connection once a whole request is there
 */
export async function startReceiver(
  onRequest: (socket: Socket) => void,
  { tls, host = '127.0.0.1', greeting }: ReceiverOptions = {},
): Promise<Receiver> {
  const sockets = new Set<Socket>()
  let connections = 0
  let received = ''
  const take = (socket: Socket) => {
    let request = ''
    socket.setEncoding('utf8').on('data', (text) => {
      received += text
      request += text
      if (isWhole(request)) onRequest(socket)
    })
  }
  const count = (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    if (greeting !== undefined) socket.write(greeting)
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket))
  }
  const server: Server = tls === undefined ? createServer(take) : createTlsServer(tls, take)
  server.on('connection', count).on('tlsClientError', () => undefined)
  server.listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port')
  return {
    port: address.port,
    connections: () => connections,
    received: () => received,
    abandoned: async () => {
      await Promise.all([...sockets].map((socket) => new Promise((closed) => socket.once('close', closed))))
    },
    stop: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function isWhole(request: string): boolean {
  const [head = '', body] = request.split('\r\n\r\n')
  const length = Number(/^content-length: ([0-9]+)$/im.exec(head)?.[1])
  return body !== undefined && Buffer.byteLength(body) >= length
}
