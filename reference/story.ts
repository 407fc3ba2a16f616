import { createSiweMessage } from 'viem/siwe'
import { sandboxNetwork } from '../src/networks.ts'
import { SANDBOX_CHAIN_ID } from '../src/sandbox/facts.ts'
import { type ExchangeChain, startExchange } from '../test/support/exchange.ts'
import {
  type Answer,
  callerOf,
  eventually,
  startTestServer,
  type TestCaller,
  type TestServer,
  withToken,
} from '../test/support/server.ts'
import { type Receiver, startReceiver } from '../test/webhooks/receiver.ts'
import type { Recording } from './examples.ts'
import type { JsonObject } from './json.ts'
import { normalised } from './normalise.ts'
import { Recorder } from './recorder.ts'
import { payVouchers, WALLET } from './story-of-vouchers.ts'

const EMAIL = { email: 'payer@example.com', password: 'correct horse battery staple' }

/** Where nobody listens. */
const DEAF = 'http://127.0.0.1:9/sixpence'

type Id = JsonObject & { id: string; code: string }
type Sent = { id: string; requestBody: string }
type Token = { authorization: { token: string } }

/** What a recording comes from, and the routes that were served while it was made. */
export type Played = {
  recording: Recording
  routes: TestServer['http']['served']
  /** The document as the server gave it. */
  served: string
}

/** What the calls of the story go through: gives its address for the server's, and ends with the story. */
export type Through = (url: string) => Promise<string>

/**
 * Plays one story against a real server on a real chain, in which every route is called. What it records is the same
 * each time.
 * @param through what stands before the server; otherwise nothing does
 * @throws Error where a call is not answered as the story has it
 */
export async function playStory(through: Through = async (url) => url): Promise<Played> {
  const startedAtMs = Date.now()
  const [chain, receiver] = await Promise.all([startExchange(), startReceiver()])
  const server = await startTestServer({ networks: [servedOn(chain)], times: { unknownGraceMs: 0 } })
  try {
    const recorder = new Recorder()
    const url = await through(server.url)
    const stranger = callerOf(url)
    const payer = await signUp(recorder, url)
    await payer.post('/webhook-endpoints', { url: receiver.url })
    await signInByWallet(recorder, stranger, server.url)
    await manageKeys(recorder, payer)
    await askAboutMoney(recorder, stranger)
    await payVouchers(recorder, { server: { ...server, url }, chain, payer })
    for (const prefix of ['', '/widgets']) await manageEndpoints(recorder, payer, prefix)
    recorder.add({
      route: 'GET /openapi.json',
      title: 'This document',
      params: {},
      query: {},
      answer: { openapi: '3.1.0' },
    })
    await addWebhooks(recorder, receiver)
    const hosts = new Map([
      [new URL(server.url).host, 'pay.example.com'],
      [new URL(receiver.url).host, 'shop.example'],
    ])
    const recording = normalised(recorder.recording, { startedAtMs, hosts })
    const served = await (await fetch(`${server.url}/api/v1/openapi.json`)).text()
    return { recording, routes: server.http.served, served }
  } finally {
    await receiver.stop()
    await server.stop()
    await chain.stop()
  }
}

function servedOn({ rpcUrl }: ExchangeChain) {
  const { name, type, chainId, nativeCurrency, enabled, ...served } = sandboxNetwork({ rpcUrl })
  return { network: { name, type, chainId, nativeCurrency, enabled }, ...served, pollIntervalMs: 50 }
}

async function signUp(recorder: Recorder, url: string): Promise<TestCaller> {
  const stranger = callerOf(url)
  const body = { type: 'email-password', data: EMAIL }
  await recorder.call(stranger, 'POST /auth/sign-up', 'By email and password', { body })
  recorder.refused('already_exists', await stranger.post('/auth/sign-up', body))
  recorder.refused('invalid_type', await stranger.post('/auth/sign-up', { type: 'carrier-pigeon', data: {} }))
  recorder.refused('validation_failed', await stranger.post('/auth/sign-up', { ...body, data: { email: 'payer' } }))
  const wrong = { ...body, data: { ...EMAIL, password: 'incorrect horse' } }
  recorder.refused('invalid_credentials', await stranger.post('/auth/sign-in', wrong))
  recorder.refused('unauthorized', await stranger.get('/vouchers'))
  recorder.refused('payload_too_large', await stranger.post('/auth/sign-up', { padding: 'x'.repeat(100_000) }))
  recorder.refused('unsupported_media_type', await sendText(url))
  const { authorization } = await recorder.call<Token>(stranger, 'POST /auth/sign-in', 'By email and password', {
    body,
  })
  return withToken(url, authorization.token)
}

async function sendText(url: string): Promise<Answer> {
  const headers = { 'content-type': 'text/plain' }
  const response = await fetch(`${url}/api/v1/auth/sign-up`, { method: 'POST', headers, body: 'a letter' })
  return { status: response.status, body: (await response.json()) as Answer['body'], headers: response.headers }
}

async function signInByWallet(recorder: Recorder, stranger: TestCaller, url: string): Promise<void> {
  type Challenge = { challenge: string }
  const { challenge } = await recorder.call<Challenge>(stranger, 'GET /auth/get-challenge', 'A challenge')
  const message = createSiweMessage({
    ...{ address: WALLET.address, chainId: SANDBOX_CHAIN_ID, nonce: challenge, version: '1' },
    ...{ domain: new URL(url).host, uri: url, issuedAt: new Date() },
  })
  const data = { message, signature: await WALLET.signMessage({ message }) }
  await recorder.call(stranger, 'POST /auth/sign-in', 'By wallet', { body: { type: 'wallet', data } })
}

async function manageKeys(recorder: Recorder, payer: TestCaller): Promise<void> {
  const { id } = await recorder.call<Id>(payer, 'POST /auth/api-keys', 'For a till', { body: { name: 'till 1' } })
  await recorder.call(payer, 'GET /auth/api-keys', 'One key')
  await recorder.call(payer, 'POST /auth/api-keys/:keyId/revoke', 'A key that is lost', { params: { keyId: id } })
}

async function askAboutMoney(recorder: Recorder, stranger: TestCaller): Promise<void> {
  await recorder.call(stranger, 'GET /finance/networks', 'All networks')
  await eventually(async () => {
    const { body } = await stranger.get<{ bridgeable: boolean }[]>('/finance/currencies')
    return body.every(({ bridgeable }) => bridgeable)
  })
  await recorder.call(stranger, 'GET /finance/currencies', 'One network', { query: { network: 'polygon' } })
  await recorder.call(stranger, 'POST /finance/currencies/convert', 'Euros in dollars', {
    body: {
      ...{ sourceNetwork: 'polygon', sourceCurrency: 'EURC', targetNetwork: 'polygon', targetCurrency: 'USDC' },
      amount: '100',
    },
  })
}

async function manageEndpoints(recorder: Recorder, payer: TestCaller, prefix: string): Promise<void> {
  const endpoints = `${prefix}/webhook-endpoints`
  const { id } = await recorder.call<Id>(payer, `POST ${endpoints}`, 'For what is paid', {
    body: { url: DEAF, description: 'the shop', events: ['context.opened', 'voucher.resolved'] },
  })
  const params = { endpointId: id }
  const one = `${endpoints}/:endpointId`
  await recorder.call(payer, `GET ${one}`, 'One endpoint', { params })
  await recorder.call(payer, `GET ${endpoints}`, 'The newest', { query: { limit: '1' } })
  await recorder.call(payer, `PATCH ${one}`, 'Another description', {
    params,
    body: { description: 'the shop, 2nd floor' },
  })
  await recorder.call(payer, `POST ${one}/rotate-endpoint-secret`, 'A new secret', { params })
  await recorder.call(payer, `POST ${one}/disable`, 'Out of order', { params })
  await recorder.call(payer, `POST ${one}/enable`, 'In order again', { params })
  await manageDeliveries(recorder, payer, `${prefix}/webhook-deliveries`, id)
  await recorder.call(payer, `DELETE ${one}`, 'No longer needed', { params })
}

async function manageDeliveries(
  recorder: Recorder,
  payer: TestCaller,
  deliveries: string,
  endpointId: string,
): Promise<void> {
  const payers = [{ address: WALLET.address }]
  const { body: context } = await payer.post<Id>('/vouchers/contexts/context-open', { format: 'numeric', payers })
  const failed = { endpointId, status: 'RETRYING', limit: '1' }
  const deliveryId = await eventually(async () => {
    const { body } = await payer.get<Sent[]>(`${deliveries}?${new URLSearchParams(failed)}`)
    // An endpoint may also get what happened in the minute before it was made.
    return body.find(({ requestBody }) => requestBody.includes(context.id))?.id
  })
  await recorder.call(payer, `GET ${deliveries}`, 'What failed', { query: failed })
  const params = { deliveryId }
  await recorder.call(payer, `GET ${deliveries}/:deliveryId`, 'A delivery that failed', { params })
  await recorder.call(payer, `POST ${deliveries}/:deliveryId/retry`, 'Now', { params })
}

/** Waits for the last event of the story, so that all have come. */
async function addWebhooks(recorder: Recorder, { received }: Receiver): Promise<void> {
  await eventually(async () => received.some(({ event }) => event.type === 'context.closed'))
  for (const { event, body } of received.toSorted((one, other) => (one.event.id < other.event.id ? -1 : 1))) {
    recorder.addWebhook(event.type, JSON.parse(body))
  }
}
