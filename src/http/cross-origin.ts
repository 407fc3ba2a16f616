import type { FastifyReply, FastifyRequest } from 'fastify'
import { REQUEST_ID_HEADER } from './request-id.ts'

const API = '/api/'

const ASKED_BEFORE = {
  'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
  'access-control-allow-headers': `authorization, x-api-key, content-type, idempotency-key, last-event-id, ${REQUEST_ID_HEADER}`,
  // Browsers keep it for two hours at most.
  'access-control-max-age': '7200',
}

/**
 * Lets pages of every origin call the API (CORS). Nothing is let in by what a browser sends along by itself: a page needs
 * a token or a key, and has only those that it was given.
 * @returns whether that was all that was asked, and is answered
 */
export function allowOrigins({ method, url, headers }: FastifyRequest, reply: FastifyReply): boolean {
  if (!url.startsWith(API)) return false
  reply.headers({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': `date, link, retry-after, ${REQUEST_ID_HEADER}`,
  })
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false
  reply.code(204).headers(ASKED_BEFORE).send()
  return true
}
