import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createSiweMessage } from 'viem/siwe'
import type { Currency } from '../../src/domain/currency.ts'
import type { Change, Store } from '../../src/store/store.ts'
import { PAYER_WALLET, ROUTES, send } from '../http/calls.ts'
import { ok } from '../http/problems.ts'
import { NETWORK, openShop, PAYER_UNITS } from '../settlement/shop.ts'
import { RELAYER_ACCOUNT, relayerOn, signAlternative } from '../settlement/signing.ts'
import { devAccount } from '../support/anvil.ts'
import {
  asking,
  callerOf,
  eventually,
  newParties,
  openSession,
  reserve,
  startTestServer,
  type TestServer,
  token,
} from '../support/server.ts'
import { startReceiver } from '../webhooks/receiver.ts'

/**
 * What the tables could be sharded by: whatever is done, no commit has rows of two contexts, and with the rows of a
 * context go none of an account or of a webhook. `docs/scaling.md` builds on it.
 */

const HOUR_MS = 60 * 60_000

/** What commits consist of, beside their answers and fences. */
const OF_A_CONTEXT = [
  'contexts', // the sweep lets go of its code
  'contexts, claims, events', // the answer to an invitation
  'contexts, events',
  'contexts, sessions, events',
  'sessions, events',
  'vouchers, unchanged, events',
  'vouchers, events',
  'vouchers', // a settlement that waits
  'vouchers, claims',
  'vouchers, claims, events',
  'vouchers, relayQueues', // a signature that a relayer carries out
]
const OF_OTHERS = [
  '', // an answer alone
  'accounts, apiKeys',
  'accounts, credentials',
  'accounts, credentials, claims',
  'apiKeys',
  'claims',
  'logPlaces',
  'relayQueues',
  'webhookDeliveries',
  'webhookDeliveries, logPlaces',
  'webhookEndpoints',
  'webhookEndpoints, webhookDeliveries',
]

const PARTS = [
  'contexts',
  'sessions',
  'vouchers',
  'accounts',
  'apiKeys',
  'credentials',
  'webhookEndpoints',
  'webhookDeliveries',
  'logPlaces',
  'relayQueues',
  'unchanged',
  'claims',
  'events',
] as const satisfies (keyof Change)[]

/** Keeps every change that is committed to the store from here on, whether or not it wins. */
function record(store: Store): Change[] {
  const changes: Change[] = []
  const commit = store.commit.bind(store)
  store.commit = (change) => {
    changes.push(change)
    return commit(change)
  }
  return changes
}

/** The kind of a change: which parts it has. */
function kindOf(change: Change): string {
  return PARTS.filter((part) => Object.values([change[part] ?? []].flat()).flat().length > 0).join(', ')
}

/** The contexts whose rows a change writes, rests on, or tells of. */
async function contextsOf(change: Change, store: Store): Promise<Set<string>> {
  const { contexts = [], sessions = [], vouchers = [], unchanged = {}, events = [] } = change
  const contextOf = async (id: string): Promise<string> => {
    if (id.startsWith('ctx_')) return id
    const subject = id.startsWith('ses_') ? await store.session(id) : await store.voucher(id)
    assert.ok(subject, `${id} was committed`)
    return subject.contextId
  }
  const subjects = [
    ...(unchanged.contexts ?? []).map(({ id }) => id),
    ...(unchanged.sessions ?? []).map(({ id }) => id),
    ...events.map(({ subjectId }) => subjectId),
  ]
  return new Set([
    ...contexts.map(({ id }) => id),
    ...[...sessions, ...vouchers].map(({ contextId }) => contextId),
    ...(await Promise.all(subjects.map(contextOf))),
  ])
}

describe('a commit', () => {
  let server: TestServer
  let shop: Awaited<ReturnType<typeof openShop>>
  /** A token that moves by signature. */
  let authorized: Currency
  /** Everything that was committed, and where. */
  const recorded: { changes: Change[]; store: Store }[] = []
  /** Routes that wrote nothing. */
  const silent: string[] = []

  before(async () => {
    server = await startTestServer()
    shop = await openShop({
      relayer: relayerOn(NETWORK),
      prepare: async (chain) => {
        const { address } = await chain.deploy('AuthorizedToken', [devAccount(1).address, PAYER_UNITS])
        authorized = token(NETWORK, 'AUT', address, 6)
      },
      served: (network) => ({ ...network, currencies: [...network.currencies, authorized] }),
    })
    for (const { app } of [server, shop.server]) recorded.push({ changes: record(app.store), store: app.store })
    await callEveryRoute()
    await signInAndUpOtherwise()
    await letTheClockEnd()
    await beToldByWebhook()
    await settle()
    await relay()
  })
  after(async () => {
    await server.stop()
    await shop.stop()
  })

  async function callEveryRoute(): Promise<void> {
    const operator = callerOf(server.url, {
      authorization: `Bearer ${await server.app.tokens.issue({ kind: 'operator' })}`,
    })
    ok(await operator.post('/auth/api-keys', { name: 'of a new account' }))
    for (const [route, { ready }] of Object.entries(ROUTES)) {
      if (route.startsWith('GET')) continue
      const call = await ready(server)
      const writes = record(server.app.store)
      ok(await send(route, call, call.caller ?? callerOf(server.url), { 'idempotency-key': randomUUID() }))
      if (writes.length === 0) silent.push(route)
    }
  }

  /** A device and a wallet; the wallet twice, since its first sign-in makes the account. */
  async function signInAndUpOtherwise(): Promise<void> {
    const stranger = callerOf(server.url)
    const challenge = async () => ok(await stranger.get<{ challenge: string }>('/auth/get-challenge')).challenge
    const device = { installationId: randomUUID(), password: randomUUID(), platform: 'ios', assertionToken: 'any' }
    ok(
      await stranger.post('/auth/sign-up', {
        type: 'mobile-device',
        data: { ...device, challenge: await challenge() },
      }),
    )
    for (let time = 1; time <= 2; time++) {
      const message = createSiweMessage({
        domain: new URL(server.url).host,
        address: PAYER_WALLET.address,
        uri: server.url,
        version: '1',
        chainId: 31338,
        nonce: await challenge(),
        issuedAt: new Date(server.clock.now()),
      })
      const signature = await PAYER_WALLET.signMessage({ message })
      ok(await stranger.post('/auth/sign-in', { type: 'wallet', data: { message, signature } }))
    }
  }

  /** The sweep ends vouchers, sessions and the codes of contexts. */
  async function letTheClockEnd(): Promise<void> {
    const parties = await newParties(server.url)
    const [{ id }, session] = [await reserve(parties), await openSession(parties)]
    server.clock.advance(25 * HOUR_MS)
    const { store } = server.app
    await eventually(async () => (await store.voucher(id))?.status === 'EXPIRED')
    await eventually(async () => (await store.session(session.id))?.status === 'CLOSED')
    await eventually(async () => (await store.lapsedContextCodes(server.clock.now(), 1)).length === 0)
  }

  /** An endpoint does well, fails, which is noted, and recovers. */
  async function beToldByWebhook(): Promise<void> {
    const receiver = await startReceiver()
    const parties = await newParties(server.url)
    ok(await parties.payer.post('/webhook-endpoints', { url: receiver.url }))
    await reserve(parties)
    await eventually(async () => receiver.received.length === 1)
    receiver.answer = 500
    await reserve(parties)
    const [failed] = await eventually(async () => {
      const found = ok(await parties.payer.get<{ id: string }[]>('/webhook-deliveries?status=RETRYING'))
      return found.length > 0 && found
    })
    receiver.answer = 200
    ok(await parties.payer.post(`/webhook-deliveries/${failed?.id}/retry`))
    await eventually(
      async () => ok(await parties.payer.get<unknown[]>('/webhook-deliveries?status=DELIVERED')).length === 2,
    )
    await receiver.stop()
  }

  /** Payments that are proven at once, and that the watcher has to follow. */
  async function settle(): Promise<void> {
    for (const minesFirst of [true, false]) {
      const to = shop.newRecipient()
      const voucher = await shop.ask(1_000_000n, to)
      const transactionHash = await shop.send({ units: 1_000_000n, to })
      if (minesFirst) await shop.mine()
      ok(await shop.resolve(voucher, { transactionHash }))
      await shop.mine()
      await shop.until(voucher.id, ({ settlement }) => settlement?.confirmations === 1 + Number(minesFirst))
      await shop.confirm(voucher.id)
    }
  }

  /** A payer only signs. */
  async function relay(): Promise<void> {
    const { id } = await shop.askFor(asking('1', authorized, shop.newRecipient()))
    const voucher = await shop.look(id)
    ok(await shop.resolve(voucher, { signature: await signAlternative(voucher, shop.sender()) }))
    await shop.mine()
    await shop.until(id, ({ status }) => status === 'RESOLVED')
    await shop.confirm(id)
    const queueId = `${shop.client.chain.id}:${RELAYER_ACCOUNT.address.toLowerCase()}`
    await eventually(async () => (await shop.server.app.store.relayQueue(queueId))?.relays.length === 0)
  }

  it('is part of every route that is not for reading', () => assert.deepEqual(silent, []))

  it('has rows of one context at most', async () => {
    for (const { changes, store } of recorded) {
      for (const change of changes) {
        const contexts = await contextsOf(change, store)
        assert.ok(contexts.size <= 1, `${kindOf(change)} of ${[...contexts].join(', ')}`)
      }
    }
  })

  it('is of one of these kinds, and each of them occurs', () => {
    const kinds = new Set(recorded.flatMap(({ changes }) => changes.map(kindOf)))
    assert.deepEqual([...kinds].toSorted(), [...OF_A_CONTEXT, ...OF_OTHERS].toSorted())
  })
})
