import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifySchema } from 'fastify'
import type { App } from '../use-cases/app.ts'
import type { Answers } from './idempotency.ts'
import type { RouteConfig } from './route-config.ts'

/** A Fastify instance whose handlers are typed by their schemas. */
export type Routes = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** What every group of routes works with. */
export type RouteContext = { app: App; answers: Answers }

/** A route as it is served: its whole path, who may call it, and what it takes. */
export type ServedRoute = RouteConfig & { method: string; path: string; schema: FastifySchema }

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route, in the order in which they were added. */
    served: readonly ServedRoute[]
  }
}
