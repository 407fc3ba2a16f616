import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Subscription } from '../../delivery/subscription.ts'
import { EventsQuery } from '../../protocol/schemas.ts'
import { asPayee } from '../../use-cases/call.ts'
import { subscribe } from '../../use-cases/subscribe.ts'
import { isStillAdmitted, PAYEES } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

const STREAM = { callers: PAYEES, limit: 'read', waits: true } as const

const HEADERS = {
  'content-type': 'text/event-stream',
  // The connection ends with the stream, so that a server that stops waits for none.
  connection: 'close',
  // Proxies that know this one pass each event on at once.
  'x-accel-buffering': 'no',
}

export function eventRoutes(api: Routes, { app }: RouteContext): void {
  // A stream has no end that could be read for its headers: HEAD has an answer of its own.
  const route = { config: STREAM, schema: { querystring: EventsQuery } }
  api.head('/events', route, (_request, reply) => reply.headers(HEADERS).send())
  api.get('/events', { ...route, exposeHeadRoute: false }, async (request, reply) => {
    const subscription = await subscribe(app, asPayee(request.call), {
      lastEventId: lastEventId(request.headers, request.query),
      isStillAllowed: () => isStillAdmitted(app, request),
    })
    endTogether(subscription, reply)
    // Nothing is made ahead: the next frames are asked for when those before have left.
    return reply.headers(HEADERS).send(Readable.from(subscription.frames(), { highWaterMark: 0 }))
  })
}

/** Readers that cannot set the header name it in the query. */
function lastEventId(headers: FastifyRequest['headers'], query: EventsQuery): string | null {
  const { 'last-event-id': inHeader } = headers
  return (typeof inHeader === 'string' && inHeader) || query.lastEventId || null
}

/** A stream ends when its reader has left; and a reader who has not taken all when the stream ends waits for no more. */
function endTogether(subscription: Subscription, { raw }: FastifyReply): void {
  raw.once('close', () => subscription.end())
  subscription.ended.addEventListener('abort', () => {
    if (raw.writableLength > 0) raw.destroy()
  })
}
