import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/**
 * Stands between a client and its server, to break what is between them.
 * `pass`: nothing is wrong. `cut`: the server gets all requests, and its next reply ends the connection instead of
 * arriving. `silent`: what either side sends is lost, and connections stay open; one that has lost something never
 * goes on, since nothing comes after a gap.
 */
export type TcpProxy = {
  port: number
  mode: 'pass' | 'cut' | 'silent'
  /** Chooses requests whose reply is noted, and those whose reply then ends the connection instead of arriving. */
  choose: (request: Buffer) => 'note' | 'cut' | null
  /** The replies to chosen requests, oldest first. */
  chosenReplies: Buffer[]
  /** Lets a request, and what follows it on its connection, wait until something has happened. */
  holdsBack: (request: Buffer) => Promise<void> | null
  stop(): Promise<void>
}

/** Passes connections on to a port of 127.0.0.1. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    join(proxy, client, upstream)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const proxy: TcpProxy = {
    port: address.port,
    mode: 'pass',
    choose: () => null,
    chosenReplies: [],
    holdsBack: () => null,
    stop: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
  return proxy
}

/** Passes on what one connection carries, as long as nothing breaks it. */
function join(proxy: TcpProxy, client: Socket, upstream: Socket): void {
  let isLost = false
  let choice: 'note' | 'cut' | null = null
  let passing = Promise.resolve()
  const end = () => {
    client.destroy()
    upstream.destroy()
  }
  for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
  const passOn = (bytes: Buffer, to: Socket) => {
    isLost ||= proxy.mode === 'silent'
    if (!isLost) to.write(bytes)
  }
  client.on('data', (request) => {
    choice ??= proxy.choose(request)
    passing = passing.then(() => proxy.holdsBack(request) ?? undefined).then(() => passOn(request, upstream))
  })
  upstream.on('data', (reply) => {
    if (choice !== null) proxy.chosenReplies.push(reply)
    if (choice === 'cut' || proxy.mode === 'cut') end()
    else passOn(reply, client)
    choice = null
  })
}
