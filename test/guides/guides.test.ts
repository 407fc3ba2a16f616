import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { glob, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePort } from '../support/free-port.ts'
import { blocksOf, useOf } from './blocks.ts'
import { type Place, runDocument } from './run-document.ts'
import { runSnippets } from './sdk-document.ts'
import { stepsIn, walkThrough } from './walk.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Blocks that cannot be run here may be few. */
const MOST_LEFT_OUT = 5

const guides = (await readdir(join(ROOT, 'docs/guides'))).filter((name) => name.endsWith('.md'))
const DOCUMENTS = ['README.md', ...guides.map((name) => `docs/guides/${name}`)]

const blocksIn = async (document: string) => blocksOf(await readFile(join(ROOT, document), 'utf8'))

describe('a document for readers', () => {
  let server: ChildProcess
  let place: Place

  /** The SDK as `npm ci` builds and links it; one that is older than its source would be tested in vain. */
  before(async () => {
    const built = join(ROOT, 'node_modules/@sixpence/client/dist/client/index.js')
    assert.ok(existsSync(join(ROOT, 'node_modules/@sixpence/client')), 'the SDK is not linked: run `npm ci`')
    for await (const source of glob(['src/{client,protocol}/*.ts', 'scripts/{build-client,plain-types}.ts'], {
      cwd: ROOT,
    })) {
      const isNew = existsSync(built) && statSync(join(ROOT, source)).mtimeMs <= statSync(built).mtimeMs
      assert.ok(isNew, `${source} is newer than the built SDK: npm run build:client`)
    }
  })

  /** The server as the documents start it, on other ports and with a folder of its own. */
  before(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-guides-'))
    const [port, chainPort] = [await freePort(), await freePort()]
    const flags = ['--data', dataDir, '--port', String(port), '--chain-port', String(chainPort)]
    server = spawn('npm', ['start', '--', ...flags], {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    place = { url: `http://127.0.0.1:${port}`, rpcUrl: `http://127.0.0.1:${chainPort}`, dataDir }
    let said = ''
    for await (const text of server.stdout ?? []) {
      said += text
      if (said.includes('Ctrl-C stops everything.')) break
    }
    assert.match(said, /Ctrl-C stops everything\./)
  })
  after(async () => {
    const ended = once(server, 'exit')
    process.kill(-(server.pid ?? 0), 'SIGINT')
    await ended
    await rm(place.dataDir, { recursive: true, force: true })
  })

  /** First, while nobody else has asked the wallet's account for anything. */
  it('leads its reader through a payment in two windows', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
    await walkThrough(stepsIn(readme, 'With two browser windows'), place.url)
  })

  describe('does what it says', { concurrency: 2 }, () => {
    for (const document of DOCUMENTS) it(document, async () => runDocument(await blocksIn(document), place))

    it('docs/sdk.md', async () => {
      assert.equal(await runSnippets(await blocksIn('docs/sdk.md'), place), 'RESOLVED,RESOLVED 2 evt_1\n')
    })
  })

  it('leaves out little', async () => {
    const blocks = (await Promise.all(DOCUMENTS.map(blocksIn))).flat()
    const leftOut = blocks.map(useOf).filter(({ kind }) => kind === 'left out')
    assert.ok(leftOut.length <= MOST_LEFT_OUT, JSON.stringify(leftOut))
  })
})

it('every link in the documents leads to a file', async () => {
  const broken: string[] = []
  for await (const document of glob(['*.md', 'docs/**/*.md', '{bench,deploy}/*.md'], { cwd: ROOT })) {
    const text = await readFile(join(ROOT, document), 'utf8')
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)) {
      const target = join(ROOT, dirname(document), link)
      if (!existsSync(target)) broken.push(`${document}: ${link}`)
    }
  }
  assert.deepEqual(broken, [])
})
