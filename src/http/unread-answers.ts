import type { FastifyInstance, FastifyRequest } from 'fastify'

/** What the answers that nobody has taken yet may hold of memory together. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024

/** As many smaller ones as may be under way are not worth counting. */
const MIN_COUNTED_BYTES = 16 * 1024

/**
 * Cuts the connections whose answers have waited longest to be read, once all that wait are more than memory should
 * hold: whoever asks for page after page and reads none would fill it. Whoever reads is done long before its turn.
 */
export function cutUnreadAnswers(http: FastifyInstance, maxBytes: number = MAX_UNREAD_BYTES): void {
  /** The oldest first. */
  const unread = new Map<FastifyRequest, number>()
  let bytes = 0
  const forget = (request: FastifyRequest) => {
    bytes -= unread.get(request) ?? 0
    unread.delete(request)
  }
  http.addHook('onSend', (request, reply, payload, done) => {
    const size = sizeOf(payload)
    if (size >= MIN_COUNTED_BYTES && !reply.raw.destroyed) {
      unread.set(request, size)
      bytes += size
      reply.raw.once('close', () => forget(request))
      for (const [oldest] of unread) {
        if (bytes <= maxBytes || oldest === request) break
        forget(oldest)
        oldest.raw.socket.destroy()
      }
    }
    done()
  })
}

/** Files and event streams hold next to nothing. */
function sizeOf(payload: unknown): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload)
  return Buffer.isBuffer(payload) ? payload.length : 0
}
