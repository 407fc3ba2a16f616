import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { App } from '../use-cases/app.ts'
import type { Answers } from './idempotency.ts'

/** A Fastify instance whose handlers are typed by their schemas. */
export type Routes = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** What every group of routes works with. */
export type RouteContext = { app: App; answers: Answers }
