import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Listed } from '../use-cases/page.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'

/** Answers a page of a list, and says where the next one is, if there is one (RFC 8288). */
export function sendList(request: FastifyRequest, reply: FastifyReply, { rows, next }: Listed): FastifyReply {
  sayNext(request, reply, next)
  return reply.type(JSON_TYPE).send(`[${rows.join(',')}]`)
}

/** The address is relative to the request's, whatever proxies made of that on its way. */
export function sayNext({ url }: FastifyRequest, reply: FastifyReply, next: object | null): void {
  if (next === null) return
  const start = url.indexOf('?')
  const query = new URLSearchParams(start < 0 ? '' : url.slice(start + 1))
  for (const [name, value] of Object.entries(next)) query.set(name, `${value}`)
  reply.header('link', `<?${query}>; rel="next"`)
}
