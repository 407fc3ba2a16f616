import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** A proxy sends its call as soon as it is connected. */
const FIRST_CALL_WITHIN_MS = 1000

/**
 * Breaks off, when the server stops, the connections on which nothing comes. Browsers and other clients open some
 * to have them at hand; Node does not count them as idle, and would wait for them.
 */
export function closeSpareConnections(http: FastifyInstance): void {
  const connected = new Set<Socket>()
  http.server.on('connection', (socket) => {
    connected.add(socket)
    socket.once('close', () => connected.delete(socket))
  })
  http.addHook('preClose', (done) => {
    const breakOff = setTimeout(() => {
      for (const socket of connected) {
        if (socket.bytesRead === 0) socket.destroy()
      }
    }, FIRST_CALL_WITHIN_MS)
    // As long as there is such a connection, that keeps the process running.
    breakOff.unref()
    done()
  })
}
