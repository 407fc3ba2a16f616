import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, it } from 'node:test'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openBrowser, type TestBrowser } from './browser.ts'

const DOCUMENT = new URL('../../src/http/reference/openapi.json', import.meta.url)

type Document = {
  tags: { name: string }[]
  paths: Record<string, Record<string, { summary: string; tags: string[] }>>
}

let server: TestServer
let browser: TestBrowser

before(async () => {
  server = await startTestServer()
  browser = await openBrowser()
})
after(async () => {
  try {
    await browser.close()
  } finally {
    await server.stop()
  }
})

it('shows every route, and asks nobody but its own server', async () => {
  const { tags, paths }: Document = JSON.parse(await readFile(DOCUMENT, 'utf8'))
  const page = await browser.open(`${server.url}/docs`)
  const close = (name: string) => page.getByRole('button', { name: `Close Group - ${name}`, exact: true })
  for (const { name } of tags) {
    const open = page.getByRole('button', { name: `Open Group - ${name}`, exact: true })
    await open.or(close(name)).first().waitFor()
    if (await open.isVisible()) await open.click()
    await close(name).waitFor()
  }
  const menu = await page.locator('aside, nav').allInnerTexts()
  const shown = menu.join('\n').split('\n')
  for (const { summary } of Object.values(paths).flatMap(Object.values)) assert.ok(shown.includes(summary), summary)
})

it('lets no script run but those that the server ships, and nothing be asked elsewhere', async () => {
  const policy = (await fetch(`${server.url}/docs`)).headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none'; script-src 'self'; /)
  assert.match(policy, /; connect-src 'self'; /)
  assert.doesNotMatch(policy, /unsafe-eval|blob:|\*|https?:/)
})
