import { once } from 'node:events'
import { createServer } from 'node:http'
import process from 'node:process'
import {
  createPayee,
  createPayer,
  ProblemError,
  signInWithWallet,
  verifyPlatformWebhook,
  verifyWebhook,
  viemWallet,
  WebhookError,
} from '@sixpence/client'
import { createWalletClient, http, keccak256, publicActions } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

/** What a program does with the SDK, in any runtime: takes and makes a payment, listens, is told. Arguments: url, rpc. */

const [url = '', rpc = ''] = process.argv.slice(2)
const account = mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: 1 })
const client = createWalletClient({ account, transport: http(rpc), pollingInterval: 100 }).extend(publicActions)
const wallet = viemWallet(client, { keccak256 })

const token = await signInWithWallet({ url, wallet, chainId: await client.getChainId() })
const payer = createPayer({ url, token })

function assert(truth, what) {
  if (!truth) throw new Error(what)
}

async function step(name, run) {
  await run()
  console.log(`ok ${name}`)
}

async function listen(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}

const { key } = await payer.createApiKey({ name: 'runtime' })
const shop = createPayee({ url, apiKey: key })
const received = []
const receiver = await listen(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  received.push({ headers: request.headers, body: Buffer.concat(chunks) })
  response.writeHead(204).end()
})
const endpoint = await shop.createWebhookEndpoint({ url: `${receiver.url}/sixpence`, events: ['voucher.redeemed'] })

const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address: account.address }] })
const payee = createPayee({ url, contextCode: code })
const { id } = await payee.reserveVoucher()
const ofShop = await shop.reserveVoucher(code)
const terms = { currency: 'EURC', amount: '1', wallet: { address: '0x90F79bf6EB2c4f870365E785982E1f101E93b906' } }
const seen = []

await step('events() tells what happens', async () => {
  const watching = payee.events()
  const first = watching.next()
  await payee.redeemVoucher(id, { expectedPayment: terms })
  // Where the stream began after it, the next thing that happens is the first.
  const other = await payee.reserveVoucher()
  const { value } = await first
  assert(['voucher.redeemed', 'voucher.reserved'].includes(value.type), value.type)
  await payee.discardVoucher(other.id)
  seen.push(value.position)
  await watching.return()
})

await step('pay() pays with a viem wallet, and waitForSettlement() sees it confirmed', async () => {
  const settled = payee.waitForSettlement(id, { timeoutMs: 60_000 })
  const paid = await payer.pay(id, wallet)
  assert(paid.status === 'RESOLVED', paid.status)
  const mine = setInterval(() => client.request({ method: 'evm_mine' }), 200)
  const { settlement } = await settled.finally(() => clearInterval(mine))
  assert(settlement.status === 'CONFIRMED', settlement.status)
})

await step('events() resumes without a gap or a repeat', async () => {
  const told = []
  for await (const event of payee.events({ after: seen[0] })) {
    assert(event.position !== seen[0], 'a repeat')
    told.push(event.type)
    if (event.type === 'voucher.settled') break
  }
  assert(
    ['voucher.discarded', 'voucher.resolved', 'voucher.settled'].every((type) => told.includes(type)),
    told,
  )
})

await step('a webhook verifies by both signatures, and not when a byte is another', async () => {
  await shop.redeemVoucher(ofShop.id, { expectedPayment: terms, orderId: 'Grüße 🍰 17' })
  for (let looks = 0; received.length === 0 && looks < 200; looks++) await new Promise((wake) => setTimeout(wake, 50))
  const [{ headers, body }] = received
  const secret = endpoint.signingSecret
  const event = await verifyWebhook({ headers, body, secret })
  assert(event.data.orderId === 'Grüße 🍰 17', event.data.orderId)
  const text = new TextDecoder().decode(body)
  assert((await verifyPlatformWebhook({ headers: new Headers(headers), body: text, secret })).id === event.id, 'id')
  const refusal = await verifyWebhook({ headers, body: `${text} `, secret }).catch((error) => error)
  assert(refusal instanceof WebhookError, refusal)
  await shop.deleteWebhookEndpoint(endpoint.id)
})

await step('an abort ends events(), a wait and a pause between tries', async () => {
  const busy = await listen((_, response) => response.writeHead(503, { 'retry-after': '20' }).end('<html>'))
  const enough = new Error('enough')
  const abortSoon = () => {
    const leaving = new AbortController()
    setTimeout(() => leaving.abort(enough), 300)
    return leaving.signal
  }
  assert((await payee.events({ signal: abortSoon() }).next()).done, 'the stream goes on')
  const { id: open } = await payee.reserveVoucher()
  const waiting = await payee.waitForSettlement(open, { signal: abortSoon() }).catch((error) => error)
  assert(waiting === enough, waiting)
  const call = createPayer({ url: busy.url, token })
  const pausing = await call.listContexts({}, { signal: abortSoon() }).catch((error) => error)
  assert(pausing === enough, pausing)
  busy.close()
})

await step('errors are classes with a code', async () => {
  const error = await createPayer({ url, token: 'wrong' })
    .listContexts()
    .catch((refusal) => refusal)
  assert(error instanceof ProblemError && error.code === 'unauthorized', error)
  const gone = await createPayer({ url: 'http://127.0.0.1:1', token, retries: 0 })
    .listContexts()
    .catch((refusal) => refusal)
  assert(gone.code === 'connection', gone)
})

receiver.close()
process.exit()
