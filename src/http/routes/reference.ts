import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ANYBODY } from '../route-config.ts'
import type { Routes } from '../routes.ts'

const PUBLIC = { callers: ANYBODY, limit: 'public', shed: 'first' } as const

/** Made by `reference/main.ts`; a test says when it is out of date. */
const DOCUMENT = new URL('../reference/openapi.json', import.meta.url)

export function referenceRoutes(api: Routes): void {
  // A sixteenth of it, for which the page at /docs waits. It is made when somebody first asks, and kept.
  let compressed: Promise<Buffer> | null = null
  api.get('/openapi.json', { config: PUBLIC }, async ({ headers }, reply) => {
    reply.type('application/json; charset=utf-8').header('vary', 'accept-encoding')
    if (!/\bgzip\b/.test(headers['accept-encoding'] ?? '')) return reply.send(createReadStream(DOCUMENT))
    compressed ??= readFile(DOCUMENT).then((text) => promisify(gzip)(text))
    return reply.header('content-encoding', 'gzip').send(await compressed)
  })
}
