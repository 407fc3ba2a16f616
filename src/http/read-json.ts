import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { invalidBody } from './problem.ts'

/** Deeper than any body of the protocol, and shallow enough for whatever walks a body by recursion. */
const MOST_LEVELS = 64

const WITH_BODY = new Set(['POST', 'PATCH'])

/** JSON only, and no body is an empty object: clients that send nothing mean nothing more. */
export function readJsonBodies(http: FastifyInstance): void {
  const parseJson = http.getDefaultJsonParser('error', 'error')
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, {})
    if (!isUtf8(body)) return done(invalidBody('is not UTF-8'))
    void parseJson(request, body.toString(), (error, value) => {
      if (error === null && isDeeperThan(MOST_LEVELS, value)) done(invalidBody(`is nested over ${MOST_LEVELS} levels`))
      else done(error, value)
    })
  })
  http.addHook('preValidation', (request, _reply, done) => {
    if (WITH_BODY.has(request.method) && request.body === undefined) request.body = {}
    done()
  })
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner))
}
