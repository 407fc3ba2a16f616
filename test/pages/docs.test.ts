import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { TestPage } from './browser.ts'
import { assertAccessible, assertFitsWidth, openBrowser, PHONE, type TestBrowser } from './browser.ts'

type Document = {
  paths: Record<string, Record<string, { operationId: string; summary: string; responses: Record<string, Answer> }>>
}
type Answer = {
  'x-problem-codes'?: string[]
  content?: Record<string, { examples?: Record<string, { value: object }> }>
}

let server: TestServer
let browser: TestBrowser

before(async () => {
  server = await startTestServer()
  browser = await openBrowser()
})
after(() => browser.close(() => server.stop()))

const heading = (page: TestPage, name: string) => page.getByRole('heading', { level: 2, name, exact: true })

/** Goes to each route by its address, and reads what is shown there. */
const WALK = `async (ids) => {
  const texts = []
  for (const id of ids) {
    location.hash = id
    await new Promise((shown) => addEventListener('hashchange', () => setTimeout(shown), { once: true }))
    texts.push(document.querySelector('article').textContent)
  }
  return texts
}`

it('shows every route with its errors and its examples', async () => {
  const { paths } = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as Document
  const routes = Object.values(paths).flatMap((methods) => Object.values(methods))
  const page = await browser.open(`${server.url}/docs`)
  await heading(page, 'The API of this server').waitFor()
  const menu = (await page.getByRole('navigation').textContent()) ?? ''
  const texts = await page.evaluate<string[]>(
    `(${WALK})(${JSON.stringify(routes.map(({ operationId }) => operationId))})`,
  )
  for (const [index, { operationId, summary, responses }] of routes.entries()) {
    assert.ok(menu.includes(summary), `the menu does not name ${summary}`)
    const shown = texts[index] ?? ''
    assert.ok(shown.startsWith(summary), `#${operationId} does not lead to ${summary}`)
    for (const code of Object.values(responses).flatMap((response) => response['x-problem-codes'] ?? [])) {
      assert.ok(shown.includes(code), `${operationId} does not name ${code}`)
    }
    const [example] = Object.values(Object.values(responses['200']?.content ?? {})[0]?.examples ?? {})
    const [id] = /(?:vch|ses|ctx|evt|key|wh|dly|usr)_[0-9a-f]{30,}/.exec(JSON.stringify(example?.value ?? '')) ?? ['']
    assert.ok(shown.includes(id), `${operationId} does not show ${id}`)
  }
})

it('is found through by words, opened by keys, and read by everybody on a phone', async () => {
  const page = await browser.open(`${server.url}/docs`, { viewport: PHONE })
  await page.getByLabel('Search').fill('receipt_rejected vouchers')
  const link = page.getByRole('link', { name: 'Hand in the receipts', exact: false }).first()
  await link.focus()
  await page.keyboard.press('Enter')
  await heading(page, 'Hand in the receipts').waitFor()
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Hand in the receipts')
  assert.equal(await page.title(), 'Hand in the receipts · Sixpence')
  for (const summary of await page.getByText('Fields of').all()) await summary.click()
  await assertAccessible(page, 'a route, with its fields open')
  await assertFitsWidth(page, 'a route')
  await page.goBack()
  await heading(page, 'The API of this server').waitFor()
  await page.getByLabel('Search').fill('list currencies')
  await page.keyboard.press('Enter')
  await heading(page, 'List currencies').waitFor()
  await page.goBack()
  await heading(page, 'The API of this server').waitFor()
})

it('answers a call as it is shown', async () => {
  const page = await browser.open(`${server.url}/docs#listCurrencies`)
  const [call = '', answer = ''] = await page.locator('.listing').allInnerTexts()
  const [, url = ''] = /'([^']+)'/.exec(call) ?? []
  assert.equal(url, `${server.url}/api/v1/finance/currencies?network=polygon`)
  assert.ok(Array.isArray(JSON.parse(answer)))
  assert.equal((await fetch(url)).status, 200)
})
