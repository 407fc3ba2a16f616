import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, it } from 'node:test'
import { newPayer, startTestServer, type TestServer } from '../support/server.ts'
import type { TestPage } from './browser.ts'
import { assertAccessible, assertFitsWidth, DESK, openBrowser, PHONE, type TestBrowser } from './browser.ts'

type Document = { paths: Record<string, Record<string, Operation>> }
type Operation = {
  operationId: string
  summary: string
  responses: Record<string, Answer>
  'x-same-as'?: string
}
type Answer = {
  'x-problem-codes'?: string[]
  content?: Record<string, { examples?: Record<string, { value: object }> }>
}

let server: TestServer
let browser: TestBrowser

before(async () => {
  browser = await openBrowser()
  server = await startTestServer()
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
  const all = Object.values(paths).flatMap((methods) => Object.values(methods))
  const routes = all.filter((operation) => operation['x-same-as'] === undefined)
  const [twin] = all.filter((operation) => operation['x-same-as'] !== undefined)
  const page = await browser.open(`${server.url}/docs`)
  await heading(page, 'The API of this server').waitFor()
  const menu = (await page.getByRole('navigation').textContent()) ?? ''
  const texts = await page.evaluate<string[]>(
    `(${WALK})(${JSON.stringify(routes.map(({ operationId }) => operationId))})`,
  )
  assert.equal(await page.locator('.menu__link[href^="#"]:has(.method)').count(), routes.length)
  assert.ok(twin)
  const [historical = ''] = await page.evaluate<string[]>(`(${WALK})(${JSON.stringify([twin.operationId])})`)
  assert.match(historical, /^Add an endpoint.*\/widgets\/webhook-endpoints/s)
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
  await page.evaluate("for (const folded of document.querySelectorAll('article .part')) folded.open = true")
  await page.getByText('Fields of').first().waitFor()
  for (const summary of await page.getByText('Fields of').all()) await summary.click()
  await assertAccessible(page, 'a route, with its parts and fields open')
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

it('folds what is long, in the menu and of a route, and opens the part that an address names', async () => {
  const page = await browser.open(`${server.url}/docs`)
  await heading(page, 'The API of this server').waitFor()
  const heightOfMenu = await page.evaluate<number>("document.querySelector('.menu').scrollHeight")
  assert.ok(heightOfMenu <= DESK.height, `the menu has ${heightOfMenu} px`)
  await page.goto(`${server.url}/docs#redeemVoucher`)
  await heading(page, 'Redeem a voucher').waitFor()
  const heightOfRoute = await page.evaluate<number>('document.documentElement.scrollHeight')
  assert.ok(heightOfRoute < 3 * DESK.height, `the route has ${heightOfRoute} px`)
  await page.goto(`${server.url}/docs#redeemVoucher/errors`)
  await page.getByText('already_redeemed', { exact: true }).waitFor()
  assert.match(await page.evaluate<string>('document.activeElement.textContent'), /^Errors/)
  assert.equal(
    await page
      .locator('.part')
      .filter({ hasText: /^Answer/ })
      .getAttribute('open'),
    null,
  )
})

it('tries a call with a key that stays in the page', async () => {
  const { caller, token } = await newPayer(server.url)
  const { body: made } = await caller.post<{ key: string }>('/auth/api-keys', { name: 'docs' })
  const page = await browser.open(`${server.url}/docs#listWebhookEndpoints/try`)
  const answer = page.getByRole('status').filter({ hasText: 'The server answered' })
  for (const [key, status] of [
    ['', 401],
    [token, 200],
    [made.key, 200],
  ] as const) {
    await page.getByLabel('API key or token').fill(key)
    await page.getByRole('button', { name: 'Make the call' }).click()
    await answer.filter({ hasText: `answered ${status}.` }).waitFor()
  }
  await page.goto(`${server.url}/docs#createWebhookEndpoint/try`)
  await page.getByLabel('Body').fill('{"url":"http://127.0.0.1:9/shop"}')
  await page.getByRole('button', { name: 'Make the call' }).click()
  await page
    .getByText(/"signingSecret": "whsec_/)
    .last()
    .waitFor()
  await assertAccessible(page, 'a call that was tried')
  assert.deepEqual(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]'), [0, 0, ''])
  await page.reload()
  assert.equal(await page.getByLabel('API key or token').inputValue(), '')
})

it('shows each guide beside the reference, with code that is copied as it stands', async () => {
  const folder = new URL('../../docs/guides/', import.meta.url)
  const files = (await readdir(folder)).filter((file) => file.endsWith('.md'))
  const page = await browser.open(`${server.url}/docs`, {
    viewport: PHONE,
    permissions: ['clipboard-write', 'clipboard-read'],
  })
  await heading(page, 'The API of this server').waitFor()
  for (const file of files) {
    const text = await readFile(new URL(file, folder), 'utf8')
    const [, title = ''] = /^# (.+)$/m.exec(text) ?? []
    await page.goto(`${server.url}/docs#guide/${file.replace('.md', '')}`)
    await heading(page, title).waitFor()
    assert.equal(await page.title(), `${title} · Sixpence`)
    const code = [...text.matchAll(/^```\w*\n(.*?)\n```$/gms)].map(([, block]) => block)
    assert.deepEqual(await page.locator('.listing').allTextContents(), code)
    await assertFitsWidth(page, title)
  }
  await assertAccessible(page, 'a guide')
  await page.goto(`${server.url}/docs#guide/webhooks/receiving`)
  await page.getByRole('heading', { name: 'Receiving' }).waitFor()
  await page.waitForFunction("document.activeElement.id === 'receiving'")
  await page.getByRole('button', { name: 'Copy' }).first().click()
  await page.getByText('Copied').waitFor()
  assert.equal(
    await page.evaluate('navigator.clipboard.readText()'),
    await page.locator('.listing').first().textContent(),
  )
})
