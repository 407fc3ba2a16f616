import { createReadStream } from 'node:fs'
import { ANYBODY } from '../route-config.ts'
import type { Routes } from '../routes.ts'

const PUBLIC = { callers: ANYBODY, limit: 'public', shed: 'first' } as const

/** Made by `reference/main.ts`; a test says when it is out of date. */
const DOCUMENT = new URL('../reference/openapi.json', import.meta.url)

export function referenceRoutes(api: Routes): void {
  api.get('/openapi.json', { config: PUBLIC }, (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(createReadStream(DOCUMENT)),
  )
}
