import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/**
 * Stands between a client and its server, to break what is between them.
 * `pass`: nothing is wrong. `cut`: the server gets all requests, and its next reply ends the connection instead of
 * arriving. `silent`: what either side sends is lost, and connections stay open.
 */
export type TcpProxy = { port: number; mode: 'pass' | 'cut' | 'silent'; stop(): Promise<void> }

/** Passes connections on to a port of 127.0.0.1. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
      socket.once('close', () => sockets.delete(socket))
    }
    client.on('data', (bytes) => {
      if (proxy.mode !== 'silent') upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (proxy.mode === 'pass') client.write(bytes)
      if (proxy.mode === 'cut') end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const proxy: TcpProxy = {
    port: address.port,
    mode: 'pass',
    stop: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
  return proxy
}
