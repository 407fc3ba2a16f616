import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { pageRoutes } from '../../src/http/routes/pages.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { assertAccessible, assertFitsWidth, openBrowser, PHONE, type TestBrowser } from './browser.ts'

const BUILT = join(import.meta.dirname, '../../dist/pages')
const PAGES = ['/', '/docs', '/register', '/wallet']
const MOST_BYTES = 150_000

let server: TestServer
let browser: TestBrowser

before(async () => {
  browser = await openBrowser()
  server = await startTestServer()
})
after(() => browser.close(() => server.stop()))

describe('a page', () => {
  for (const path of PAGES) {
    it(`is served at ${path} under a policy that lets nothing else in`, async () => {
      const { headers } = await fetch(server.url + path)
      const policy = headers.get('content-security-policy') ?? ''
      assert.match(policy, /^default-src 'none'; /)
      assert.doesNotMatch(policy, /unsafe|data:|blob:|\*|https?:/)
      for (const kind of ['script-src', 'style-src', 'img-src', 'connect-src']) {
        assert.ok(policy.includes(`; ${kind} 'self';`), kind)
      }
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
      assert.equal(headers.get('cache-control'), 'no-cache')
      assert.equal(headers.get('content-type'), 'text/html; charset=utf-8')
    })

    it(`at ${path} is light enough, and names all that its first view needs`, async () => {
      const page = await browser.open(server.url + path)
      await page.getByRole('heading', { level: 1 }).waitFor()
      const asked = await page.evaluate<{ url: string; by: string }[]>(
        `performance.getEntriesByType('resource').map(({ name, initiatorType }) => ({ url: name, by: initiatorType }))`,
      )
      const html = await (await fetch(server.url + path)).text()
      const assets = asked.map(({ url }) => new URL(url).pathname).filter((asset) => asset.startsWith('/assets/'))
      for (const asset of assets) assert.ok(html.includes(asset), `${asset} is found only by another asset`)
      let bytes = (await readFile(join(BUILT, path, 'index.html.gz'))).length
      for (const asset of new Set(assets)) {
        if (!asset.startsWith('/assets/chain-')) bytes += (await readFile(join(BUILT, `${asset}.gz`))).length
      }
      assert.ok(bytes < MOST_BYTES, `${bytes} bytes`)
    })

    it(`at ${path} can be used by everybody, light and dark, on a narrow phone`, async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.open(server.url + path, { viewport: PHONE, colorScheme })
        await assertAccessible(page, `${path}, ${colorScheme}`)
        await assertFitsWidth(page, path)
      }
    })
  }

  it('is asked for again, and answered in a word where it is still the same', async () => {
    const { headers } = await ask(`${server.url}/register`)
    const again = await ask(`${server.url}/register`, { 'if-none-match': headers.etag ?? '' })
    assert.deepEqual([again.status, again.body.length], [304, 0])
  })

  it('that there is not says so to people, in a page of the same policy, and to programs in a problem', async () => {
    const answer = await fetch(`${server.url}/nowhere`, { headers: { accept: 'text/html,*/*' } })
    const known = await fetch(`${server.url}/register`)
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [404, 'text/html; charset=utf-8'])
    assert.equal(answer.headers.get('content-security-policy'), known.headers.get('content-security-policy'))
    const page = await browser.open(`${server.url}/nowhere`, { viewport: PHONE })
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor()
    await assertAccessible(page, '/nowhere')
    for (const [path, accept] of [
      ['/nowhere', 'application/json'],
      ['/api/v1/nowhere', 'text/html'],
    ] as const) {
      const problem = await fetch(server.url + path, { headers: { accept } })
      assert.deepEqual(
        [problem.status, problem.headers.get('content-type')],
        [404, 'application/problem+json; charset=utf-8'],
      )
    }
  })

  it('answers HEAD as it answers GET, without the page', async () => {
    for (const path of ['/register', '/healthz', '/readyz', '/api/v1/openapi.json', '/api/v1/finance/networks']) {
      const [head, get] = await Promise.all([fetch(server.url + path, { method: 'HEAD' }), fetch(server.url + path)])
      const type = (answer: Response) => [answer.status, answer.headers.get('content-type')]
      assert.deepEqual(type(head), type(get), path)
      assert.equal((await head.text()).length, 0)
    }
  })

  it('that is not built says so', async () => {
    const http = Fastify().withTypeProvider<TypeBoxTypeProvider>()
    pageRoutes(http, join(BUILT, 'nowhere'))
    for (const path of [...PAGES, '/assets/a.js']) {
      const { statusCode, body } = await http.inject(path)
      assert.equal(statusCode, 404)
      assert.match(body, /^The pages are not built\. Run npm run build:pages/)
    }
  })
})

describe('an asset', () => {
  it('is kept for good, and comes compressed to whoever takes it so', async () => {
    const assets = await readdir(join(BUILT, 'assets'))
    const script = assets.find((asset) => asset.endsWith('.js')) ?? ''
    const plain = await readFile(join(BUILT, 'assets', script))
    const unpacked = { br: brotliDecompressSync, gzip: gunzipSync, identity: (body: Buffer) => body }
    for (const [encoding, unpack] of Object.entries(unpacked)) {
      const { headers, body } = await ask(`${server.url}/assets/${script}`, { 'accept-encoding': encoding })
      assert.equal(headers['content-encoding'] ?? 'identity', encoding)
      assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
      assert.equal(headers['content-type'], 'application/javascript; charset=utf-8')
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.deepEqual(unpack(body), plain)
    }
  })

  it('that is not there is a 404 that nobody keeps, and nothing else can be read there', async () => {
    for (const name of ['gone-12345678.js', '..%2findex.html', '%2e%2e%2f%2e%2e%2fpackage.json', 'a%00b.js']) {
      const { status, headers } = await fetch(`${server.url}/assets/${name}`)
      assert.ok(status === 404 || status === 400, `${name}: ${status}`)
      assert.equal(headers.get('cache-control'), 'no-store')
    }
  })
})

/** `fetch` would unpack what comes, and add headers of its own. */
async function ask(url: string, headers: Record<string, string> = {}) {
  const [response] = await once(request(url, { headers }).end(), 'response')
  assert.ok(response instanceof IncomingMessage)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(await response.toArray()) }
}
