import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { type BuildEnvironmentOptions, build } from 'vite'
import { newSigningSecret, webhookHeaders } from '../../src/delivery/webhooks/sign.ts'
import { launchChromium } from '../pages/chromium.ts'
import { asking, PAYER_ADDRESS, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let browser: Browser
let sdk: string
before(async () => {
  const starting = [startTestServer(), launchChromium(), bundle()] as const
  ;[server, browser, sdk] = await Promise.all(starting)
})
after(async () => {
  await browser.close()
  await server.stop()
})

/** The SDK as a page gets it: one module, for which nothing else is needed. */
async function bundle(): Promise<string> {
  const entry = join(import.meta.dirname, '../../src/client/index.ts')
  const options = { write: false, lib: { entry, formats: ['es'] } } satisfies BuildEnvironmentOptions
  const [built] = [await build({ configFile: false, logLevel: 'error', build: options })].flat()
  assert.ok(built && 'output' in built)
  assert.equal(built.output.length, 1)
  return built.output[0].code
}

/** What the page does: a payment from the payer's code to the settlement, with the events that it saw. */
const STORY = `async ({ terms, address, webhook }) => {
  const { createPayee, createPayer, signIn, signUp, verifyWebhook, ProblemError } = await import('/sdk.js')
  const url = location.origin
  const who = { url, email: 'payer@example.com', password: 'correct horse battery' }
  await signUp(who)
  const again = await signUp(who).catch((error) => error instanceof ProblemError && error.code)
  const payer = createPayer({ url, token: await signIn(who) })
  const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address }] })
  const payee = createPayee({ url, contextCode: code })
  const { id } = await payee.reserveVoucher()
  const seen = []
  const leaving = new AbortController()
  const watching = (async () => {
    for await (const { type } of payee.events({ signal: leaving.signal })) {
      seen.push(type)
      if (type === 'voucher.resolved') break
    }
  })()
  const settling = payee.waitForSettlement(id)
  while (seen.length === 0) {
    await payee.reserveVoucher()
    await new Promise((wake) => setTimeout(wake, 20))
  }
  const { payments } = await payee.redeemVoucher(id, terms)
  await payer.resolveVoucher(id, payments.map((payment) => ({ paymentId: payment.id })))
  const { settlement } = await settling
  await watching
  const event = await verifyWebhook(webhook)
  return { again, seen: [...new Set(seen)], settlement: settlement.status, event: event.id }
}`

test('the SDK takes a payment in a browser', async () => {
  const page = await browser.newPage()
  await page.route('**/shop', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>shop' }),
  )
  await page.route('**/sdk.js', (route) => route.fulfill({ contentType: 'text/javascript', body: sdk }))
  await page.goto(`${server.url}/shop`)
  const secret = newSigningSecret()
  const body = '{"id":"evt_1"}'
  const timestampSeconds = Math.floor(Date.now() / 1000)
  const headers = webhookHeaders({ messageId: 'evt_1', timestampSeconds, body, secrets: [secret] })
  const given = { terms: asking('100'), address: PAYER_ADDRESS, webhook: { headers, body, secret } }
  const came = await page.evaluate(`(${STORY})(${JSON.stringify(given)})`)
  assert.deepEqual(came, {
    again: 'already_exists',
    seen: ['voucher.reserved', 'voucher.redeemed', 'voucher.resolved'],
    settlement: 'UNVERIFIED',
    event: 'evt_1',
  })
})
