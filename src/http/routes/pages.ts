import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ANYBODY } from '../route-config.ts'
import type { Routes } from '../routes.ts'

/** Where the build puts the pages. */
const PAGES = fileURLToPath(new URL('../../../dist/pages/', import.meta.url))

/** Each page and the file that it is. */
const FILES = {
  '/': 'index.html',
  '/docs': 'docs/index.html',
  '/register': 'register/index.html',
  '/wallet': 'wallet/index.html',
} as const

const PAGE = { callers: ANYBODY, limit: null } as const

/**
 * A page runs its own scripts, talks to its own server, and nothing else: no inline code, no other origin, no frames,
 * no text that becomes a script.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
}

/** Their names change with what is in them. */
const FOR_GOOD = { maxAge: '365d', immutable: true }

const AssetParams = Type.Object({ file: Type.String({ maxLength: 128, pattern: '^[\\w-]+(\\.[\\w-]+)+$' }) })

const NOT_BUILT = 'The pages are not built. Run npm run build:pages (npm ci does so too), and start the server again.\n'

/**
 * The pages for people, and their assets.
 * @param folder where they have been built
 */
export function pageRoutes(http: Routes, folder = PAGES): void {
  const isBuilt = existsSync(folder)
  http.register((scope, _options, done) => {
    const pages = scope.withTypeProvider<TypeBoxTypeProvider>()
    if (isBuilt) pages.register(fastifyStatic, { root: folder, serve: false, preCompressed: true })
    for (const [path, file] of Object.entries(FILES)) {
      pages.get(path, { config: PAGE }, (_request, reply) => {
        reply.headers(HEADERS)
        return isBuilt ? sendPage(reply, file) : sayNotBuilt(reply)
      })
    }
    pages.get('/assets/:file', { config: PAGE, schema: { params: AssetParams } }, ({ params }, reply) => {
      reply.headers(HEADERS)
      return isBuilt ? reply.sendFile(`assets/${params.file}`, FOR_GOOD) : sayNotBuilt(reply)
    })
    done()
  })
}

/** Asked for again each time, so that nobody is left with assets that are gone. */
function sendPage(reply: FastifyReply, file: string): FastifyReply {
  return reply.header('cache-control', 'no-cache').sendFile(file, { cacheControl: false })
}

function sayNotBuilt(reply: FastifyReply): FastifyReply {
  return reply.code(404).type('text/plain; charset=utf-8').send(NOT_BUILT)
}

/**
 * What a person sees at an address that is no page; programs get a problem.
 * @param folder where the pages have been built
 * @returns sends the page where the request is for one, else says that it is not
 */
export function notFoundPage(folder = PAGES): (request: FastifyRequest, reply: FastifyReply) => boolean {
  const file = join(folder, 'not-found/index.html')
  const html = existsSync(file) ? readFileSync(file, 'utf8') : null
  return ({ method, url, headers }, reply) => {
    const isForPage = (method === 'GET' || method === 'HEAD') && !url.startsWith('/api/')
    if (html === null || !isForPage || !headers.accept?.includes('text/html')) return false
    reply.code(404).headers(HEADERS).header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(html)
    return true
  }
}
