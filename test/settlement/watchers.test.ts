import assert from 'node:assert/strict'
import { after, afterEach, before, it } from 'node:test'
import type { Chain } from '../../src/chains/chain.ts'
import { type EvmChain, openEvmChain } from '../../src/chains/evm/evm-chain.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import type { App } from '../../src/use-cases/app.ts'
import { Leases } from '../../src/use-cases/leases.ts'
import { watchSettlements } from '../../src/use-cases/watch-settlements.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { ok } from '../http/problems.ts'
import { eventually } from '../support/server.ts'
import { CONFIRMATIONS, NETWORK, openShop, type Shop } from './shop.ts'

/** The server, and other processes on its store whose rounds the tests make by hand. */

const LEASE = `watch:${NETWORK}`

let shop: Shop
/** Stands between the server and the chain. */
let node: FaultyNode
/** What another process sees, whose way to the chain has no troubles. */
let ownView: EvmChain
before(async () => {
  let soundUrl = ''
  shop = await openShop({
    rpcUrls: async (rpcUrl) => {
      soundUrl = rpcUrl
      node = await startFaultyNode(rpcUrl)
      return [node.url]
    },
  })
  ownView = openEvmChain({
    network: NETWORK,
    chainId: serverView().chainId,
    rpcUrls: [soundUrl],
    required: CONFIRMATIONS,
    pollIntervalMs: 100,
    maxHeadAgeMs: null,
    clock: shop.server.clock.now,
    log: () => undefined,
  })
  await ownView.start()
})
afterEach(() => {
  node.fault = () => undefined
})
after(async () => {
  ownView.stop()
  await shop.stop()
  await node.stop()
})

function serverView(): Chain {
  const chain = shop.server.app.chains.get(NETWORK)
  assert.ok(chain)
  return chain
}

/** Another process, which notes what it logs as an error. */
function otherProcess(): { app: App; errors: string[] } {
  const errors: string[] = []
  const log = { ...shop.server.app.log, error: (_: object, message: string) => void errors.push(message) }
  const app = { ...shop.server.app, leases: new Leases(shop.server.app.store), followed: new Set<string>(), log }
  return { app, errors }
}

/** A payment that the payer has sent and that waits for its block. */
async function pendingPayment(): Promise<string> {
  const to = shop.newRecipient()
  const voucher = await shop.ask(100n, to)
  const { body } = await shop.resolve(voucher, { transactionHash: await shop.send({ units: 100n, to }) })
  assert.equal(body.settlement?.status, 'PENDING')
  return voucher.id
}

/** Takes the lease from the server, which goes on asking for it. */
function takeFromServer({ leases }: App): Promise<object> {
  return eventually(async () => {
    await shop.server.app.leases.giveUp(LEASE)
    return leases.take(LEASE)
  })
}

const statusOf = async (id: string) => (await shop.look(id)).status

it('whoever does not hold the lease leaves settlements alone, until it is free', async () => {
  const { app } = otherProcess()
  const id = await pendingPayment()
  await takeFromServer(app)
  await shop.mine()
  await watchSettlements(shop.server.app, serverView())
  assert.equal(await statusOf(id), 'REDEEMED')
  await app.leases.giveUpAll()
  await shop.confirm(id)
})

it('a process that cannot reach the chain lets another one watch, and watches again when it can', async () => {
  const { app } = otherProcess()
  const id = await pendingPayment()
  node.fault = () => ({ status: 503 })
  await shop.mine(CONFIRMATIONS)
  await eventually(async () => {
    await watchSettlements(app, ownView)
    return (await shop.look(id)).settlement?.status === 'CONFIRMED'
  })
  await app.leases.giveUpAll()
  node.fault = () => undefined
  await shop.confirm(await pendingPayment())
})

it('who loses the lease in the middle of a round writes nothing more, and makes no fuss', async () => {
  const { app, errors } = otherProcess()
  const rival = new Leases(app.store)
  const id = await pendingPayment()
  await takeFromServer(app)
  await shop.mine()
  let lost = Promise.resolve()
  node.fault = ({ method }) => {
    if (method === 'eth_getTransactionReceipt')
      lost = app.leases.giveUpAll().then(async () => void (await rival.take(LEASE)))
    return undefined
  }
  await watchSettlements(app, serverView())
  await lost
  assert.equal(await statusOf(id), 'REDEEMED')
  assert.deepEqual(errors, [])
  await rival.giveUpAll()
  await shop.confirm(id)
})

it('a call gives the answer that another process has stored for it, whatever has become of the voucher since', async () => {
  const { app } = otherProcess()
  const to = shop.newRecipient()
  const voucher = await shop.ask(100n, to)
  const transactionHash = await shop.send({ units: 100n, to })
  const resolve = () => shop.resolve(voucher, { transactionHash }, { 'idempotency-key': 'the-first-answer' })
  const { times } = shop.server.app
  const { resolveWaitMs } = times
  times.resolveWaitMs = 60_000
  try {
    const waiting = resolve()
    await shop.until(voucher.id, ({ settlement }) => settlement?.status === 'PENDING')
    node.fault = () => ({ status: 503 })
    await takeFromServer(app)
    await shop.mine()
    await watchedUntil(app, voucher.id, ({ status }) => status === 'RESOLVED')
    await shop.mine(CONFIRMATIONS)
    await watchedUntil(app, voucher.id, ({ settlement }) => settlement?.status === 'CONFIRMED')
    node.fault = () => undefined
    const first = ok(await waiting)
    assert.deepEqual([first.status, first.settlement?.status], ['RESOLVED', 'PENDING'])
    assert.deepEqual(ok(await resolve()), first)
  } finally {
    times.resolveWaitMs = resolveWaitMs
    await app.leases.giveUpAll()
  }
})

/** Lets another process look until the voucher is as the test wants it. */
function watchedUntil(app: App, id: string, wanted: (voucher: VoucherView) => boolean): Promise<boolean> {
  return eventually(async () => {
    await watchSettlements(app, ownView)
    return wanted(await shop.look(id))
  })
}
