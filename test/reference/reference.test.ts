import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, describe, it } from 'node:test'
import packageFile from '../../package.json' with { type: 'json' }
import { makeDocument } from '../../reference/document.ts'
import { judged } from '../../reference/exceptions.ts'
import { findingsOf } from '../../reference/linters.ts'
import { type Played, playStory } from '../../reference/story.ts'

const { version } = packageFile
const FILE = new URL('../../src/http/reference/openapi.json', import.meta.url)

describe('the OpenAPI document', () => {
  let text: string
  let played: Played
  before(async () => {
    text = await readFile(FILE, 'utf8')
    played = await playStory()
  })

  it('is what the routes and their examples, called once more, make it', () => {
    const { routes, recording } = played
    const made = makeDocument(routes, recording, version)
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(made)), 'out of date: run `npm run build:reference`')
  })

  it('is served as it stands', () => {
    assert.equal(played.served, text)
  })

  it('lets a body through wherever one is sent: clients of the protocol send `{}` where nothing is needed', () => {
    const { paths }: { paths: Record<string, Record<string, { requestBody?: object }>> } = JSON.parse(text)
    const closed = Object.entries(paths).filter(([, { post }]) => post !== undefined && post.requestBody === undefined)
    assert.deepEqual(closed, [])
  })

  it('cannot be made of a route that nothing is said of', () => {
    const { routes, recording } = played
    const [route] = routes.filter(({ path }) => path.startsWith('/api/v1/'))
    assert.ok(route)
    const unsaid = [...routes, { ...route, path: '/api/v1/unsaid' }]
    assert.throws(() => makeDocument(unsaid, recording, version), /nothing is said of the route \w+ \/unsaid/)
  })

  it('cannot be made of a route that no example shows, or of words for no route', () => {
    const { routes, recording } = played
    const calls = recording.calls.filter(({ route }) => route !== 'POST /vouchers/reserve-voucher')
    assert.throws(() => makeDocument(routes, { ...recording, calls }, version), /no example shows .*\/reserve-voucher/)
    const fewer = routes.filter(({ path }) => !path.endsWith('/finance/networks'))
    assert.throws(() => makeDocument(fewer, recording, version), /there is no route GET \/finance\/networks/)
  })
})

/** What each of the three that `npm run check:reference` asks must see: no answers, a list of anything, an example of another kind. */
const FAULTY = {
  openapi: '3.1.0',
  info: { title: 'faulty', version: '1' },
  paths: {
    '/vouchers': {
      post: {
        requestBody: {
          content: { 'application/json': { schema: { type: 'object', properties: { codes: { type: 'array' } } } } },
        },
        responses: {
          '200': { description: 'OK', content: { 'application/json': { schema: { type: 'string' }, example: 6 } } },
        },
      },
    },
  },
  components: { responses: { Unsaid: {} } },
}

describe('the check of the OpenAPI document', () => {
  it('fails on what a linter finds and no reason stands for, and on a reason that nothing needs', async () => {
    const { lines, isGood } = judged(await findingsOf(JSON.stringify(FAULTY)))
    assert.equal(isGood, false)
    const said = lines.join('\n')
    assert.match(said, /error: validator openapi-schema: .*description/)
    assert.match(said, /error: spectral array-items: .*paths\/\/vouchers\/post/)
    assert.match(said, /error: redocly no-invalid-media-type-examples: /)
    assert.match(said, /error: redocly no-ambiguous-paths: an exception that nothing needs any more/)
  })
})
