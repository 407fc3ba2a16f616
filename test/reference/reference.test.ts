import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, describe, it } from 'node:test'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import packageFile from '../../package.json' with { type: 'json' }
import { makeDocument } from '../../reference/document.ts'
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
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(made)), 'out of date: run `node reference/main.ts`')
  })

  it('is served as it stands', () => {
    assert.equal(played.served, text)
  })

  it('has nothing that the linter finds', async () => {
    const config = await createConfig({
      extends: ['recommended'],
      rules: {
        // The paths are those of the public API: an id never looks like one of its words.
        'no-ambiguous-paths': 'off',
      },
    })
    const problems = await lintFromString({ source: text, absoluteRef: 'openapi.json', config })
    assert.deepEqual(
      problems.map(({ ruleId, message, location }) => `${ruleId} ${message} ${location[0]?.pointer}`),
      [],
    )
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
