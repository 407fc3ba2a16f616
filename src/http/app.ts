import type { Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { Refusal } from '../domain/refusal.ts'
import type { LoadGate } from '../operating/load.ts'
import type { Metrics } from '../operating/metrics.ts'
import type { Readiness } from '../operating/readiness.ts'
import type { ProblemCode } from '../protocol/problems.ts'
import type { App } from '../use-cases/app.ts'
import { problemView } from '../use-cases/views.ts'
import { type CallListener, logCall, watchCall } from './calls.ts'
import { allowOrigins } from './cross-origin.ts'
import { Answers } from './idempotency.ts'
import type { MetricsAudience } from './metrics-audience.ts'
import { operatorRoutes } from './operator-routes.ts'
import { isStoreTrouble, PROBLEM_TYPE, refusalOf } from './problem.ts'
import { readJsonBodies } from './read-json.ts'
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts'
import { admit, configOf } from './route-config.ts'
import { authRoutes } from './routes/auth.ts'
import { contextRoutes } from './routes/contexts.ts'
import { eventRoutes } from './routes/events.ts'
import { financeRoutes } from './routes/finance.ts'
import { notFoundPage, pageRoutes } from './routes/pages.ts'
import { referenceRoutes } from './routes/reference.ts'
import { sandboxRoutes } from './routes/sandbox.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { voucherRoutes } from './routes/vouchers.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import type { Routes, ServedRoute } from './routes.ts'
import { compileSerializer } from './serialization.ts'
import { closeSpareConnections } from './spare-connections.ts'
import { cutUnreadAnswers } from './unread-answers.ts'
import { compileValidator } from './validation.ts'

/** Largest body that is read. */
const BODY_LIMIT_BYTES = 64 * 1024

/** A whole request must be in by then; a slow or silent client holds its socket no longer. */
const REQUEST_TIMEOUT_MS = 30_000
const CONNECTION_TIMEOUT_MS = 120_000
const KEEP_ALIVE_TIMEOUT_MS = 75_000

export type HttpOptions = {
  logger: FastifyBaseLogger | null
  /** How many proxies stand before the server (0: none), or which they are: their word on the caller's address counts. */
  trustProxy: number | readonly string[]
  load: LoadGate
  readiness: () => Promise<Readiness>
  metrics: Metrics | null
  metricsFor: MetricsAudience
  /** Whether the server takes calls only until those who send them have heard that it stops. */
  isStopping: () => boolean
  /** The node of the sandbox's chain, which wallets in browsers reach through this server; null: there is none. */
  sandboxRpcUrl: string | null
}

/** The HTTP server over the use cases: every route, one way in (`admit`), one way out for errors (`sendProblem`). */
export function createHttp(app: App, options: HttpOptions): Routes {
  const { isStopping, load, logger, metrics, sandboxRpcUrl, trustProxy } = options
  const refused = (code: ProblemCode) => metrics?.refused(code)
  const http = Fastify({
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    trustProxy: trustedProxies(trustProxy),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Monitors and `curl -I` ask so whether a server is there.
    exposeHeadRoutes: true,
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 128 },
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket),
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error, refused),
  }).withTypeProvider<TypeBoxTypeProvider>()
  http.setValidatorCompiler(compileValidator)
  http.setSerializerCompiler(compileSerializer)
  readJsonBodies(http)
  listRoutes(http)
  http.setErrorHandler((error, _request, reply) => sendProblem(reply, error, refused))
  const sendNotFoundPage = notFoundPage()
  http.setNotFoundHandler((request, reply) => {
    if (sendNotFoundPage(request, reply)) return reply
    return sendProblem(reply, noSuchRoute(), refused)
  })
  const noteProxy = proxyNoter(app)
  const watch = { load, listeners: listenersOf(options) }
  http.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
    reply.header(REQUEST_ID_HEADER, request.id)
    watchCall(request, reply, watch)
    noteProxy(request)
    if (allowOrigins(request, reply)) return reply
    if (!request.is404) await admit(app, request)
  })
  http.addHook('onSend', (_request, reply, _payload, done) => {
    // Whoever keeps a connection to a server that stops would send the next call into its end.
    if (isStopping()) reply.header('connection', 'close')
    done()
  })
  cutUnreadAnswers(http)
  closeSpareConnections(http)
  const { publicHosts } = app
  operatorRoutes(http, { ...options, publicHosts })
  pageRoutes(http)
  if (sandboxRpcUrl !== null) sandboxRoutes(http, sandboxRpcUrl, publicHosts)
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

/** The nearest `trusted` peers, or the ones named; nobody's word where there are none. */
function trustedProxies(
  trusted: HttpOptions['trustProxy'],
): false | string[] | ((address: string, hop: number) => boolean) {
  if (typeof trusted !== 'number') return [...trusted]
  return trusted === 0 ? false : (_address, hop) => hop < trusted
}

/** Says once that somebody's word on the caller's address came and counts for nothing. */
function proxyNoter({ log }: App): (request: FastifyRequest) => void {
  let isSaid = false
  return ({ headers, ips = [] }) => {
    if (isSaid || headers['x-forwarded-for'] === undefined || ips.length > 1) return
    isSaid = true
    log.warn(
      {},
      'calls came with X-Forwarded-For from a peer that is not trusted: if it is your proxy, name it with --trust-proxy, or all callers behind it share the limits of its address',
    )
  }
}

/** Who hears of each call. Lines that nobody will read are not made. */
function listenersOf({ logger, metrics }: HttpOptions): CallListener[] {
  const listeners: CallListener[] = []
  if (metrics) listeners.push((ended) => metrics.callEnded(ended))
  if (logger && LOGS_CALLS.has(logger.level)) listeners.push(logCall)
  return listeners
}

const LOGS_CALLS = new Set(['info', 'debug', 'trace'])

function registerRoutes(api: Routes, context: Parameters<typeof authRoutes>[1]): void {
  authRoutes(api, context)
  contextRoutes(api, context)
  sessionRoutes(api, context)
  voucherRoutes(api, context)
  financeRoutes(api, context)
  eventRoutes(api, context)
  webhookRoutes(api, context)
  referenceRoutes(api)
}

/** Keeps a list of what is served. A route that does not say who may call it stops the start. */
function listRoutes(http: FastifyInstance): void {
  const served: ServedRoute[] = []
  http.decorate('served', served)
  http.addHook('onRoute', ({ method, url, config = {}, schema = {} }) => {
    // Every GET route answers HEAD, too: it is the same route, for the same callers.
    if (method === 'HEAD') return
    served.push({ ...configOf(config), method: String(method), path: url, schema })
  })
}

function noSuchRoute(): Refusal {
  return new Refusal('not_found', 'There is no such route.')
}

/** The one way out for every error. Only what nobody foresaw is logged as an error. */
function sendProblem(reply: FastifyReply, error: unknown, refused: (code: ProblemCode) => void): FastifyReply {
  const refusal = refusalOf(error)
  refused(refusal.code)
  const problem = problemView(refusal)
  if (refusal.code === 'unexpected') reply.log.error({ err: error }, 'unexpected error')
  if (isStoreTrouble(error)) reply.log.warn({ reason: error.message }, 'the store is in trouble')
  if (refusal.retryAfterSeconds !== undefined) reply.header('retry-after', String(refusal.retryAfterSeconds))
  if (refusal.code === 'unauthorized') reply.header('www-authenticate', 'Bearer')
  return reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem))
}

/** What is not even HTTP reaches no route; it gets the same kind of answer. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const problem = problemView(new Refusal('validation_failed', 'The request is not HTTP that can be read.'))
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} Bad Request`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
