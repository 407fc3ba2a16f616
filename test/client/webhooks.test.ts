import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPayee, createPayer, verifyPlatformWebhook, verifyWebhook, WebhookError } from '../../src/client/index.ts'
import { newSigningSecret, webhookHeaders } from '../../src/delivery/webhooks/sign.ts'
import { eventually, newPayer, PAYER_ADDRESS, startTestServer } from '../support/server.ts'
import { startReceiver } from '../webhooks/receiver.ts'

const [secret, older] = [newSigningSecret(), newSigningSecret()]
const body = JSON.stringify(
  { id: 'evt_1', type: 'voucher.resolved', createdAt: '…', data: { id: 'vch_ü🍰' } },
  null,
  '\r\n',
)

function signed(ageSeconds = 0, secrets = [secret]) {
  const timestampSeconds = Math.floor(Date.now() / 1000) - ageSeconds
  return webhookHeaders({ messageId: 'evt_1', timestampSeconds, body, secrets })
}

test('what the server signs is read, in whichever way the request holds it', async () => {
  const headers = signed()
  const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
  const ways = [headers, shouted, new Headers(headers)]
  for (const way of ways) {
    assert.equal((await verifyWebhook({ headers: way, body, secret })).id, 'evt_1')
    assert.equal((await verifyPlatformWebhook({ headers: way, body: Buffer.from(body), secret })).id, 'evt_1')
  }
})

test('while a secret changes over, both hold', async () => {
  const headers = signed(0, [secret, older])
  for (const held of [secret, older]) {
    assert.equal((await verifyWebhook({ headers, body: Buffer.from(body), secret: held })).data.id, 'vch_ü🍰')
    assert.equal((await verifyPlatformWebhook({ headers, body, secret: held })).data.id, 'vch_ü🍰')
  }
})

test('a webhook holds for five minutes, before and after', async () => {
  for (const ageSeconds of [290, -290]) await verifyWebhook({ headers: signed(ageSeconds), body, secret })
  for (const ageSeconds of [310, -310]) {
    await assert.rejects(verifyWebhook({ headers: signed(ageSeconds), body, secret }), WebhookError)
  }
  await verifyWebhook({ headers: signed(310), body, secret, toleranceSeconds: 320 })
})

test('whatever was changed or is missing, nothing is read', async () => {
  const { 'x-platform-signature': platform, ...standard } = signed()
  const refused: [Record<string, string>, string, string][] = [
    [standard, body.replace('resolved', 'redeemed'), secret],
    [standard, body, older],
    [standard, body, 'whsec_'],
    [standard, body, 'no secret at all'],
    [{ ...standard, 'webhook-id': 'evt_2' }, body, secret],
    [{ ...standard, 'webhook-timestamp': `${Number(standard['webhook-timestamp']) + 1}` }, body, secret],
    [{ ...standard, 'webhook-timestamp': 'now' }, body, secret],
    [{ ...standard, 'webhook-signature': 'v1,' }, body, secret],
    [{ ...standard, 'webhook-signature': 'v1,%%% v2,AAAA' }, body, secret],
    [{ 'x-platform-signature': platform ?? '' }, body, secret],
    [{}, body, secret],
  ]
  for (const [headers, text, held] of refused) {
    await assert.rejects(verifyWebhook({ headers, body: text, secret: held }), { code: 'webhook_rejected' })
  }
  for (const wrong of ['', '00', 'zz', `${platform}00`, platform?.slice(2) ?? '']) {
    const headers = { 'x-platform-signature': wrong }
    await assert.rejects(verifyPlatformWebhook({ headers, body, secret }), { code: 'webhook_rejected' })
  }
})

test('a shop with an API key is told of its vouchers, and can tell that it is', async (t) => {
  const server = await startTestServer()
  t.after(() => server.stop())
  const receiver = await startReceiver()
  t.after(receiver.stop)
  const { url } = server
  const owner = createPayer({ url, token: (await newPayer(url)).token })
  const { key, id: keyId } = await owner.createApiKey({ name: 'corner shop' })
  const shop = createPayee({ url, apiKey: key })
  const { signingSecret, id: endpointId } = await shop.createWebhookEndpoint({ url: receiver.url })

  const payer = createPayer({ url, token: (await newPayer(url)).token })
  const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address: PAYER_ADDRESS }] })
  const { id } = await shop.reserveVoucher(code)
  const [{ headers, body: raw }] = await eventually(async () => {
    const [first] = receiver.received
    return first && [first]
  })
  const event = await verifyWebhook({ headers, body: raw, secret: signingSecret })
  assert.deepEqual([event.type, event.data.id], ['voucher.reserved', id])
  assert.equal((await verifyPlatformWebhook({ headers, body: raw, secret: signingSecret })).id, event.id)

  const [delivery] = await shop.listWebhookDeliveries({ endpointId })
  assert.equal(delivery?.eventId, event.id)
  assert.equal(
    (await shop.updateWebhookEndpoint(endpointId, { events: ['voucher.settled'] })).events[0],
    'voucher.settled',
  )
  assert.equal((await shop.disableWebhookEndpoint(endpointId)).enabled, false)
  await shop.deleteWebhookEndpoint(endpointId)
  assert.deepEqual(await shop.listWebhookEndpoints(), [])
  assert.ok((await shop.revokeApiKey(keyId)).revokedAt, 'a key may end itself')
  await assert.rejects(shop.listVouchers(), { code: 'unauthorized' })
})
