import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Breaks off, when the server stops, the connections on which nothing has come yet. Browsers and other clients open some
 * to have them at hand; Node does not count them as idle, and would wait for them.
 */
export function closeSpareConnections(http: FastifyInstance): void {
  const connected = new Set<Socket>()
  http.server.on('connection', (socket) => {
    connected.add(socket)
    socket.once('close', () => connected.delete(socket))
  })
  http.addHook('preClose', (done) => {
    for (const socket of connected) {
      if (socket.bytesRead === 0) socket.destroy()
    }
    done()
  })
}
