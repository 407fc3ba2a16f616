import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { eventually, type Parties, reserve } from '../support/server.ts'
import { openShop, type Shop } from './shop.ts'

const UNITS = 1_000n
const RESERVE_TTL_MS = 120_000
const SIGNING_TTL_MS = 600_000
const DROP_GRACE_MS = 1_000

let shop: Shop
let parties: Parties

before(async () => {
  shop = await openShop({
    times: {
      ...{ resolveWaitMs: 300, dropGraceMs: DROP_GRACE_MS },
      ...{ reserveTtlMs: RESERVE_TTL_MS, signingTtlMs: SIGNING_TTL_MS },
    },
  })
})
after(() => shop.stop())

/** The clock runs past the life of context codes: each test has a context of its own. */
beforeEach(async () => {
  parties = await shop.partiesOf(1)
})

const ask = (to: `0x${string}`) => shop.ask(UNITS, to, parties)
const look = (id: string) => shop.look(id, parties)
const resolve = (voucher: VoucherView, transactionHash: string) =>
  shop.resolve(voucher, { transactionHash }, {}, parties)

function until(id: string, wanted: (voucher: VoucherView) => boolean): Promise<VoucherView> {
  return eventually(async () => {
    const voucher = await look(id)
    return wanted(voucher) && voucher
  })
}

async function untilTold(id: string, event: string): Promise<void> {
  await eventually(async () => (await shop.events(id)).at(-1) === event)
}

async function discard(id: string): Promise<void> {
  const { status, body } = await parties.payee.post<VoucherView>(`/vouchers/${id}/discard-voucher`)
  assert.deepEqual([status, body.status], [200, 'DISCARDED'])
}

/** Ends a redeemed voucher in one of the ways that receipts can be late for. */
const ENDS: [string, (id: string) => Promise<void>, string][] = [
  ['its time was over', async () => shop.server.clock.advance(SIGNING_TTL_MS), 'EXPIRED'],
  [
    'the sweep had written down that its time was over',
    async (id) => {
      shop.server.clock.advance(SIGNING_TTL_MS)
      await untilTold(id, 'voucher.expired')
    },
    'EXPIRED',
  ],
  ['it was discarded', discard, 'DISCARDED'],
]

describe('a late receipt', () => {
  for (const [name, end, status] of ENDS) {
    const ending = `voucher.${status.toLowerCase()}`

    it(`resolves a voucher after ${name}`, async () => {
      const to = shop.newRecipient()
      const voucher = await ask(to)
      const transactionHash = await shop.send({ units: UNITS, to })
      await shop.mine()
      await end(voucher.id)
      assert.equal((await look(voucher.id)).status, status)

      const { body } = await resolve(voucher, transactionHash)
      assert.deepEqual([body.status, body.late], ['RESOLVED', true], JSON.stringify(body))
      await shop.mine(3)
      const settled = await until(voucher.id, ({ settlement }) => settlement?.status === 'CONFIRMED')
      assert.deepEqual([settled.status, settled.late], ['RESOLVED', true])
      assert.equal(await shop.balance(to), UNITS)
      assert.deepEqual(await shop.events(voucher.id), [
        ...['voucher.reserved', 'voucher.redeemed', ending],
        ...['voucher.resolved', 'voucher.settled'],
      ])
    })

    it(`waits for its block, too, after ${name}`, async () => {
      const to = shop.newRecipient()
      const voucher = await ask(to)
      await end(voucher.id)
      const transactionHash = await shop.send({ units: UNITS, to })
      const { body } = await resolve(voucher, transactionHash)
      assert.deepEqual([body.status, body.settlement?.status], [status, 'PENDING'])
      await shop.mine()
      const resolved = await until(voucher.id, (v) => v.status === 'RESOLVED')
      assert.equal(resolved.late, true)
    })

    it(`that does not pay is rejected after ${name}`, async () => {
      const to = shop.newRecipient()
      const voucher = await ask(to)
      const transactionHash = await shop.send({ units: UNITS - 1n, to })
      await shop.mine()
      await end(voucher.id)
      const { body } = await resolve(voucher, transactionHash)
      assert.equal(body.code, 'receipt_rejected')
      const { status: ended, settlement } = await look(voucher.id)
      assert.deepEqual([ended, settlement], [status, undefined])
    })
  }

  it('is not_redeemed where the voucher ended before it had terms', async () => {
    const [expired, discarded, reserved] = [await reserve(parties), await reserve(parties), await reserve(parties)]
    await discard(discarded.id)
    const receipts = { receipts: [{ paymentId: 'pay_none', transactionHash: `0x${'ab'.repeat(32)}` }] }
    const resolveBlind = (id: string) => parties.payer.post(`/vouchers/${id}/resolve-voucher`, receipts)
    assert.equal((await resolveBlind(reserved.id)).body.code, 'not_redeemed')
    shop.server.clock.advance(RESERVE_TTL_MS)
    for (const { id } of [expired, discarded]) {
      const { status, body } = await resolveBlind(id)
      assert.deepEqual([status, body.code], [400, 'not_redeemed'])
    }
  })
})

describe('receipts on their way to a block', () => {
  it('hold the clock, and the payment is not late', async () => {
    const to = shop.newRecipient()
    const voucher = await ask(to)
    const transactionHash = await shop.send({ units: UNITS, to })
    await resolve(voucher, transactionHash)
    shop.server.clock.advance(2 * SIGNING_TTL_MS)
    const held = await look(voucher.id)
    assert.deepEqual([held.status, held.settlement?.status], ['REDEEMED', 'PENDING'])

    await shop.mine()
    const resolved = await until(voucher.id, ({ status }) => status === 'RESOLVED')
    assert.equal(resolved.late, false)
    assert.ok(!(await shop.events(voucher.id)).includes('voucher.expired'))
  })

  it('let the clock go on when they come to nothing; the payer can still be late', async () => {
    const to = shop.newRecipient()
    const voucher = await ask(to)
    const hash = await shop.send({ units: UNITS, to })
    await resolve(voucher, hash)
    shop.server.clock.advance(SIGNING_TTL_MS)
    await shop.client.dropTransaction({ hash })
    await shop.mine()
    const expired = await eventually(async () => {
      shop.server.clock.advance(DROP_GRACE_MS)
      await shop.mine()
      const seen = await look(voucher.id)
      return seen.settlement?.status === 'FAILED' && seen
    })
    assert.equal(expired.status, 'EXPIRED')
    await untilTold(voucher.id, 'voucher.expired')

    const transactionHash = await shop.send({ units: UNITS, to })
    await shop.mine()
    const { body } = await resolve(voucher, transactionHash)
    assert.deepEqual([body.status, body.late], ['RESOLVED', true], JSON.stringify(body))
    assert.equal(await shop.balance(to), UNITS)
  })

  it('hold the clock for half a day at most', async () => {
    const to = shop.newRecipient()
    const voucher = await ask(to)
    const transactionHash = await shop.send({ units: UNITS, to })
    await resolve(voucher, transactionHash)
    shop.server.clock.advance(12 * 60 * 60 * 1000)
    const given = await until(voucher.id, ({ settlement }) => settlement?.status === 'FAILED')
    assert.equal(given.status, 'EXPIRED')

    await shop.mine()
    const { body } = await resolve(voucher, transactionHash)
    assert.deepEqual([body.status, body.late], ['RESOLVED', true], JSON.stringify(body))
  })
})

describe('a server that stops', () => {
  it('lets a call that waits for a block answer with what there is', async () => {
    const own = await openShop({ times: { resolveWaitMs: 60_000 } })
    const to = own.newRecipient()
    const voucher = await own.ask(UNITS, to)
    const answer = own.resolve(voucher, { transactionHash: await own.send({ units: UNITS, to }) })
    await eventually(async () => (await own.look(voucher.id)).settlement?.status === 'PENDING')
    await own.stop()
    assert.equal((await answer).body.settlement?.status, 'PENDING')
  })
})
