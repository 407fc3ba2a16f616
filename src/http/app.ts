import type { Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from 'fastify'
import type { RateLimits } from '../auth/rate-limits.ts'
import { Refusal } from '../domain/refusal.ts'
import type { App } from '../use-cases/app.ts'
import { Answers } from './idempotency.ts'
import { PROBLEM_TYPE, problemOf, refusalOf } from './problem.ts'
import { readJsonBodies } from './read-json.ts'
import { admit, configOf } from './route-config.ts'
import { authRoutes } from './routes/auth.ts'
import { contextRoutes } from './routes/contexts.ts'
import { financeRoutes } from './routes/finance.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { voucherRoutes } from './routes/vouchers.ts'
import type { Routes, ServedRoute } from './routes.ts'
import { compileValidator } from './validation.ts'

/** Largest body that is read. */
const BODY_LIMIT_BYTES = 64 * 1024

/** A whole request must be in by then; a slow or silent client holds its socket no longer. */
const REQUEST_TIMEOUT_MS = 30_000
const CONNECTION_TIMEOUT_MS = 120_000
const KEEP_ALIVE_TIMEOUT_MS = 75_000

/** The HTTP server over the use cases: every route, one way in (`admit`), one way out for errors (`sendProblem`). */
export function createHttp(app: App, options: { limits: RateLimits; logger: FastifyBaseLogger | null }): Routes {
  const http = Fastify({
    ...(options.logger ? { loggerInstance: options.logger } : { logger: false }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    exposeHeadRoutes: false,
    return503OnClosing: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 128 },
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket),
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error),
  }).withTypeProvider<TypeBoxTypeProvider>()
  http.setValidatorCompiler(compileValidator)
  readJsonBodies(http)
  listRoutes(http)
  http.setErrorHandler((error, _request, reply) => sendProblem(reply, error))
  http.setNotFoundHandler((_request, reply) => sendProblem(reply, noSuchRoute()))
  http.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
    if (!request.is404) await admit(app, options.limits, request)
  })
  http.addHook('onSend', async (_request, reply) => {
    // A connection kept alive would keep a server that stops waiting for it.
    if (app.stopping.aborted) reply.header('connection', 'close')
  })
  const context = { app, answers: new Answers(app) }
  http.register(
    (api, _options, done) => {
      registerRoutes(api.withTypeProvider<TypeBoxTypeProvider>(), context)
      done()
    },
    { prefix: '/api/v1' },
  )
  return http
}

function registerRoutes(api: Routes, context: Parameters<typeof authRoutes>[1]): void {
  authRoutes(api, context)
  contextRoutes(api, context)
  sessionRoutes(api, context)
  voucherRoutes(api, context)
  financeRoutes(api, context)
}

/** Keeps a list of what is served. A route that does not say who may call it stops the start. */
function listRoutes(http: FastifyInstance): void {
  const served: ServedRoute[] = []
  http.decorate('served', served)
  http.addHook('onRoute', ({ method, url, config = {}, schema = {} }) => {
    served.push({ ...configOf(config), method: String(method), path: url, schema })
  })
}

function noSuchRoute(): Refusal {
  return new Refusal('not_found', 'There is no such route.')
}

/** The one way out for every error. Only what nobody foresaw is logged as an error. */
function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const refusal = refusalOf(error)
  const problem = problemOf(refusal)
  if (refusal.code === 'unexpected') reply.log.error({ err: error }, 'unexpected error')
  if (refusal.retryAfterSeconds !== undefined) reply.header('retry-after', String(refusal.retryAfterSeconds))
  if (refusal.code === 'unauthorized') reply.header('www-authenticate', 'Bearer')
  return reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem))
}

/** What is not even HTTP reaches no route; it gets the same kind of answer. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const problem = problemOf(new Refusal('validation_failed', 'The request is not HTTP that can be read.'))
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} Bad Request`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
