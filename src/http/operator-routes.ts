import { BlockList } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../domain/refusal.ts'
import type { Metrics } from '../operating/metrics.ts'
import type { Readiness } from '../operating/readiness.ts'
import type { MetricsAudience } from './metrics-audience.ts'
import { assertOwnHost } from './own-host.ts'
import { ANYBODY } from './route-config.ts'
import type { Routes } from './routes.ts'

/** Probes come often, from wherever, and when all else is refused. */
const PROBE = { callers: ANYBODY, limit: null, shed: 'never' } as const

/** What the operator's own tools ask: they need no token, and nothing here is about anybody's payments. */
export function operatorRoutes(
  http: Routes,
  options: {
    readiness: () => Promise<Readiness>
    metrics: Metrics | null
    metricsFor: MetricsAudience
    publicHosts: readonly string[]
  },
): void {
  const { readiness, metrics, metricsFor, publicHosts } = options

  http.get('/healthz', { config: PROBE }, async () => ({ status: 'up' }))

  http.get('/readyz', { config: PROBE }, async (_request, reply) => {
    const found = await readiness()
    return reply.code(found.ready ? 200 : 503).send(found)
  })

  http.get('/metrics', { config: PROBE }, async (request, reply) => {
    if (metrics === null || !mayRead(metricsFor, request)) throw new Refusal('not_found', 'There is no such route.')
    if (metricsFor === 'loopback') assertOwnHost(request, publicHosts)
    const { contentType, text } = await metrics.expose()
    return reply.header('content-type', contentType).send(text)
  })
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** A proxy on this machine passes on the calls of others: whatever has been passed on is not from here. */
function mayRead(audience: MetricsAudience, { socket, headers }: FastifyRequest): boolean {
  if (audience !== 'loopback') return audience === 'on'
  const { remoteAddress = '', remoteFamily = 'IPv4' } = socket
  const isPassedOn = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'].some((name) => headers[name] !== undefined)
  return !isPassedOn && LOOPBACK.check(remoteAddress, remoteFamily === 'IPv6' ? 'ipv6' : 'ipv4')
}
