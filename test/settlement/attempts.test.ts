import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherReviewView, VoucherView } from '../../src/protocol/schemas.ts'
import { eventually } from '../support/server.ts'
import { openShop, type Shop } from './shop.ts'

const UNITS = 1_000n
const DROP_GRACE_MS = 1_000
const DAY_MS = 24 * 60 * 60 * 1000

let shop: Shop

before(async () => {
  shop = await openShop({ times: { resolveWaitMs: 300, dropGraceMs: DROP_GRACE_MS, contextTtlMs: 30 * DAY_MS } })
})
after(() => shop.stop())

type Asked = { voucher: VoucherView; to: Hex }

async function ask(): Promise<Asked> {
  const to = shop.newRecipient()
  return { voucher: await shop.ask(UNITS, to), to }
}

async function nextNonce(): Promise<number> {
  return shop.client.getTransactionCount({ address: shop.payerAddress, blockTag: 'pending' })
}

/** Sends a payment with a nonce of one's choice; the raw transaction can be sent again. */
async function sendRaw(to: Hex, nonce: number): Promise<{ hash: Hex; raw: Hex }> {
  const raw = await shop.sign({ units: UNITS, to, nonce })
  return { hash: await shop.client.sendRawTransaction({ serializedTransaction: raw }), raw }
}

/** Mines blocks, which make the server look, until the voucher is as the test wants it; time goes on meanwhile. */
function untilMined(id: string, wanted: (voucher: VoucherView) => boolean): Promise<VoucherView> {
  return eventually(async () => {
    shop.server.clock.advance(5_000)
    await shop.mine()
    const voucher = await shop.look(id)
    return wanted(voucher) && voucher
  })
}

const observedOf = ({ observedPayments = [] }: VoucherView) =>
  observedPayments.map(({ transactionHash, from, reason, amount }) => [transactionHash, from, reason, amount])

it('what is proven wins at once; the receipt that waits is looked for, and told as paid twice when it is mined', async () => {
  const { voucher, to } = await ask()
  const gap = await nextNonce()
  const { hash: stuck, raw } = await sendRaw(to, gap + 1)
  assert.equal((await shop.resolve(voucher, { transactionHash: stuck })).body.settlement?.status, 'PENDING')

  const good = await shop.send({ units: UNITS, to, nonce: gap })
  await shop.client.dropTransaction({ hash: stuck })
  await shop.mine()
  const { body } = await shop.resolve(voucher, { transactionHash: good })
  assert.deepEqual([body.status, body.settlement?.transactions[0]?.transactionHash], ['RESOLVED', good])
  assert.deepEqual(body.mayStillBeMined, [stuck])

  await shop.client.sendRawTransaction({ serializedTransaction: raw })
  const twice = await untilMined(voucher.id, ({ observedPayments }) => observedPayments !== undefined)
  assert.deepEqual(observedOf(twice), [[stuck, shop.payerAddress, 'DUPLICATE', '0.001']])
  assert.equal(twice.status, 'RESOLVED')
  await untilMined(voucher.id, ({ mayStillBeMined }) => mayStillBeMined === undefined)
  const told = (await shop.events(voucher.id)).filter((type) => type === 'voucher.payment_observed')
  assert.equal(told.length, 1)
})

it('the second of two tabs hears that it was paid, and the shop hears of the second payment', async () => {
  const { voucher, to } = await ask()
  const [first, second] = [await shop.send({ units: UNITS, to }), await shop.send({ units: UNITS, to })]
  await shop.mine()
  assert.equal((await shop.resolve(voucher, { transactionHash: first })).body.status, 'RESOLVED')
  for (const _ of [1, 2]) {
    assert.equal((await shop.resolve(voucher, { transactionHash: second })).body.code, 'already_resolved')
  }
  const seen = (await shop.parties.payee.get<VoucherView>(`/vouchers/${voucher.id}`)).body
  assert.deepEqual(observedOf(seen), [[second, shop.payerAddress, 'DUPLICATE', '0.001']])
  assert.match(seen.observedPayments?.[0]?.detail ?? '', new RegExp(`paid by transaction ${first}`))
  assert.equal((await shop.events(voucher.id)).at(-1), 'voucher.payment_observed')
})

it('what was paid twice for two vouchers alike is told once, and neither looks for it any longer', async () => {
  const { voucher, to } = await ask()
  const twin = await shop.ask(UNITS, to)
  const paid = [await shop.send({ units: UNITS, to }), await shop.send({ units: UNITS, to })]
  await shop.mine()
  const more = await shop.send({ units: UNITS, to })
  for (const [index, one] of [voucher, twin].entries()) {
    assert.equal((await shop.resolve(one, { transactionHash: paid[index] })).body.status, 'RESOLVED')
    assert.equal((await shop.resolve(one, { transactionHash: more })).body.code, 'already_resolved')
    assert.deepEqual((await shop.look(one.id)).mayStillBeMined, [more])
  }
  const isGivenUp = ({ mayStillBeMined }: VoucherView) => mayStillBeMined === undefined
  const first = await untilMined(voucher.id, isGivenUp)
  const second = await untilMined(twin.id, isGivenUp)
  assert.deepEqual([...observedOf(first), ...observedOf(second)], [[more, shop.payerAddress, 'DUPLICATE', '0.001']])
})

it("a stranger's transaction that is not mined holds nothing; the payee calls the voucher off", async () => {
  const { voucher } = await ask()
  const nonce = (await shop.client.getTransactionCount({ address: shop.sender(3).address })) + 5
  const transactionHash = await shop.client.sendTransaction({
    ...{ account: shop.sender(3), to: shop.newRecipient(), data: '0xdeadbeef', nonce, gas: 100_000n },
  })
  const { body } = await shop.resolve(voucher, { transactionHash })
  assert.equal(body.code, 'receipt_rejected')
  assert.match(body.detail ?? '', /is not mined yet, and was sent by 0x\w+, which is not an address of the payer/)
  assert.equal((await shop.look(voucher.id)).settlement, undefined)
  const off = await shop.parties.payee.post<VoucherView>(`/vouchers/${voucher.id}/discard-voucher`)
  assert.equal(off.body.status, 'DISCARDED')
})

it('what is called off while a receipt waits is still paid when it is mined', async () => {
  const { voucher, to } = await ask()
  const transactionHash = await shop.send({ units: UNITS, to })
  assert.equal((await shop.resolve(voucher, { transactionHash })).body.settlement?.status, 'PENDING')
  const off = await shop.parties.payee.post<VoucherView>(`/vouchers/${voucher.id}/discard-voucher`)
  assert.equal(off.body.status, 'DISCARDED')
  const paid = await untilMined(voucher.id, ({ status }) => status === 'RESOLVED')
  assert.equal(paid.late, true)
})

it('what is not seen any more may still be mined: that is said before a second payment, and noticed days later', async () => {
  const { voucher, to } = await ask()
  const { hash, raw } = await sendRaw(to, await nextNonce())
  await shop.resolve(voucher, { transactionHash: hash })
  await shop.client.dropTransaction({ hash })
  const failed = await untilMined(voucher.id, ({ settlement }) => settlement?.status === 'FAILED')
  assert.match(failed.settlement?.failure ?? '', /not been seen for 1 s.*may still be mined/)
  assert.deepEqual(failed.mayStillBeMined, [hash])
  const { warnings } = (await shop.parties.payer.get(`/vouchers/${voucher.id}/review`)).body as VoucherReviewView
  assert.deepEqual(
    warnings.map(({ code, transactionHash }) => [code, transactionHash]),
    [['MAY_STILL_BE_MINED', hash]],
  )

  shop.server.clock.advance(12 * 60 * 60 * 1000)
  // A look that began before would find the voucher as it was then.
  await eventually(async () => (await shop.server.app.store.voucher(voucher.id))?.status === 'EXPIRED')
  await shop.client.sendRawTransaction({ serializedTransaction: raw })
  const paid = await eventually(async () => {
    shop.server.clock.advance(20 * 60 * 1000)
    await shop.mine()
    const voucher = await shop.look(failed.id)
    return voucher.status === 'RESOLVED' && voucher
  })
  assert.deepEqual([paid.late, paid.mayStillBeMined], [true, undefined])
})
