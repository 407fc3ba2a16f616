import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LoadGate } from '../operating/load.ts'
import type { EndedCall } from '../operating/metrics.ts'
import type { Call } from '../use-cases/call.ts'

/** Hears of each call when it is over. */
export type CallListener = (ended: EndedCall, request: FastifyRequest) => void

/** What the answer to a caller who did not wait for it is counted as. */
const CALLER_LEFT = 499

/**
 * Begins to watch a call, until its answer is out or its caller has left.
 * @throws Refusal `overloaded` where the server has too much to do for a call of this kind
 */
export function watchCall(
  request: FastifyRequest,
  reply: FastifyReply,
  { load, listeners }: { load: LoadGate; listeners: CallListener[] },
): void {
  const startedAtMs = performance.now()
  const { method } = request
  const { config, url: route = 'none' } = request.routeOptions
  const { shed = method === 'GET' || method === 'HEAD' ? 'first' : 'second', waits = false } = config
  if (!waits) load.enter()
  reply.raw.once('close', () => {
    if (!waits) load.leave()
    if (listeners.length === 0) return
    const status = reply.raw.writableFinished ? reply.raw.statusCode : CALLER_LEFT
    const ended = { method, route, status, durationMs: performance.now() - startedAtMs }
    for (const listener of listeners) listener(ended, request)
  })
  if (!request.is404) load.assertRoom(shed)
}

/** A line for each call: which route, never which codes. */
export const logCall: CallListener = ({ durationMs, ...ended }, request) => {
  // Calls that are refused at the door have no caller yet.
  const call: Call | undefined = request.call
  request.log.info({ ...ended, durationMs: Math.round(durationMs), caller: call?.caller.kind ?? 'unknown' }, 'call')
}
