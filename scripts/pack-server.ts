import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { openBrowser } from '../test/pages/browser.ts'
import { freePort } from '../test/support/free-port.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { environment, followProgram, type Program, urlOf } from '../test/support/program.ts'
import { type Packed, packAndInstall } from './packed.ts'
import { limitRun } from './sandbox.ts'

/** Packs the server, installs it in an empty folder elsewhere, takes a payment with it there, and sees it end. */

const ROOT = join(import.meta.dirname, '..')
const LONGEST_RUN_MS = 10 * 60_000
const PAGES = ['/', '/register', '/wallet', '/docs']
const ASSETS: Record<string, RegExp> = { js: /javascript/, css: /css/, svg: /svg/ }
/** As its README says it is called. */
const SIXPENCE = './node_modules/.bin/sixpence'

limitRun(LONGEST_RUN_MS)

const packed = packAndInstall(ROOT)
const megabytes = (packed.archiveBytes / 1e6).toFixed(1)
console.log(`${packed.archive}, ${megabytes} MB, is installed after ${Math.round(performance.now() / 1000)} s`)

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
assert.equal(packed.run(SIXPENCE, '--version'), `${version}\n`)
const chainPort = await freePort()
const server = serve(packed, chainPort)
const url = await urlOf(server)
await assertServed(url)
await assertShown(url)
const story = packed.run(SIXPENCE, 'demo', '--url', url)
assert.match(story, /CONFIRMED/)
await assertEnds(server, [Number(new URL(url).port), chainPort])
await assertOnPostgres(packed)
console.log(`it serves its pages, settles a payment and ends, all within ${Math.round(performance.now() / 1000)} s`)

/** In a process group of its own, so that it can be interrupted as Ctrl-C does, and never outlives this check. */
function serve({ folder }: Packed, chainPort: number, ...more: string[]): Program {
  const flags = ['--sandbox', '--port', '0', '--chain-port', String(chainPort), '--data', 'data']
  const child = spawn(SIXPENCE, ['serve', ...flags, ...more], { cwd: folder, env: environment(), detached: true })
  process.once('exit', () => signalGroup(child.pid, 'SIGKILL'))
  return followProgram(child)
}

/** @returns whether anybody is left to hear it */
function signalGroup(leader: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (leader === undefined) return false
  try {
    return process.kill(-leader, signal)
  } catch {
    return false
  }
}

async function assertServed(url: string): Promise<void> {
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  const { openapi } = JSON.parse(await textAt(`${url}/api/v1/openapi.json`, /json/))
  assert.match(openapi, /^3\.1\./)
  for (const page of PAGES) {
    const named = [...(await textAt(url + page, /html/)).matchAll(/(?:src|href)="(\/assets\/[^"]+\.(js|css|svg))"/g)]
    assert.ok(named.length > 0, `${page} names no assets`)
    for (const [, path = '', ending = ''] of named) await textAt(url + path, ASSETS[ending])
  }
}

async function textAt(url: string, type: RegExp | undefined): Promise<string> {
  const answer = await fetch(url)
  assert.equal(answer.status, 200, url)
  if (type) assert.match(answer.headers.get('content-type') ?? '', type, url)
  return answer.text()
}

/** A real browser runs each page, and the page does nothing that it may not do. */
async function assertShown(url: string): Promise<void> {
  const browser = await openBrowser()
  for (const path of PAGES) {
    const page = await browser.open(url + path)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
  }
  await browser.close()
}

/** The tables of PostgreSQL are made from files of the package. */
async function assertOnPostgres(packed: Packed): Promise<void> {
  const cluster = await startPostgres()
  const database = await cluster.createDatabase()
  const chainPort = await freePort()
  const server = serve(packed, chainPort, '--database-url', database)
  await urlOf(server)
  assert.match(packed.run(SIXPENCE, 'keys', 'create', '--name', 'shop', '--database-url', database), /^sxp_/)
  await assertEnds(server, [chainPort])
  await cluster.stop()
}

/** Nobody is left in its group, and neither it nor its chain, which has a group of its own, holds its port. */
async function assertEnds(server: Program, ports: number[]): Promise<void> {
  const leader = server.process.pid
  assert.ok(signalGroup(leader, 'SIGINT'))
  assert.equal(await server.ended, 0)
  assert.match(server.said(), /Stopping\.\s*$/)
  assert.ok(!signalGroup(leader, 0), 'a process is left')
  for (const port of ports)
    await new Promise<void>((free, taken) => {
      const listener = createServer()
        .once('error', taken)
        .listen(port, '127.0.0.1', () => listener.close(() => free()))
    })
}
