import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { keccak256, maxUint256, parseUnits } from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { devAccount } from '../support/anvil.ts'
import { CURRENCIES, tokenOf } from '../support/exchange.ts'
import {
  type Answer,
  asking,
  callerOf,
  eventually,
  newPayer,
  receiptsOf,
  reserve,
  withToken,
} from '../support/server.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES

/** Longer than a quote stands, and shorter than a voucher does. */
const QUOTE_SECONDS = 130

const EXPIRED = /The quote has expired at \S+, so only what is mined counts/
const OUTDATED = /chosen to pay in another way since, so only what is mined counts/

let shop: SwapShop
before(async () => {
  shop = await openSwapShop({
    served: (network) => ({ ...network, currencies: [...network.currencies, ODD] }),
  })
  await shop.allow(tokenOf(USDC), maxUint256)
})
after(() => shop.stop())

/** A currency that nobody trades. */
const ODD = { ...EURC, symbol: 'ODD', address: '0x0000000000000000000000000000000000000Dd0' } as const

const quotedIn = async (amount = '10', to = shop.newRecipient()) => shop.quoted(await shop.ask(amount, EURC, to), USDC)

/** What the payee of a voucher has got, in units of EURC. */
const gotBy = ({ expectedPayment }: VoucherView) => shop.balance(EURC, shop.addressOf(expectedPayment?.wallet.address))

const TEN = parseUnits('10', EURC.decimals)

function assertRefused({ status, body }: Answer<VoucherView>, code: string, detail: RegExp): void {
  assert.deepEqual([status, body.code], [400, code], JSON.stringify(body))
  assert.match(body.detail ?? '', detail)
}

function assertResolved({ status, body }: Answer<VoucherView>, late = false): void {
  assert.deepEqual([status, body.status, body.late], [200, 'RESOLVED', late], JSON.stringify(body))
}

/** The swap of a voucher as the payer's wallet would send it, signed. */
async function signedSwap(voucher: VoucherView): Promise<Hex> {
  const { to, data, value } = shop.swapOf(voucher).input
  const { address } = shop.payer
  const nonce = await shop.chain.client.getTransactionCount({ address, blockTag: 'pending' })
  return shop.payer.signTransaction({
    ...{ chainId: shop.chain.chainId, type: 'legacy', gas: 1_000_000n, gasPrice: 3_000_000_000n, nonce },
    ...{ to: to as Hex, data: data as Hex, value: BigInt(value) },
  })
}

describe('an expired quote', () => {
  it('counts where the swap was mined in time, however late it is handed in', async () => {
    const voucher = await quotedIn()
    const receipts = await shop.sendAll(voucher)
    await shop.pass(QUOTE_SECONDS)
    assertResolved(await shop.resolve(voucher, receipts))
    assert.equal(await gotBy(voucher), TEN)
  })

  it('is refused while its swap is not mined, which is looked for and counts as soon as it is', async () => {
    const voucher = await quotedIn()
    await shop.withoutBlocks(async () => {
      const receipts = await shop.sendAll(voucher)
      shop.server.clock.advance(QUOTE_SECONDS * 1000)
      assertRefused(await shop.resolve(voucher, receipts), 'receipt_rejected', EXPIRED)
    })
    const unknown = shop.receiptsOf(voucher, `0x${'ab'.repeat(32)}`)
    assertRefused(await shop.resolve(voucher, unknown), 'receipt_rejected', EXPIRED)
    await eventually(async () => (await shop.look(voucher)).status === 'RESOLVED')
  })

  it('is not broadcast', async () => {
    const voucher = await quotedIn()
    const signedTransaction = await signedSwap(voucher)
    shop.server.clock.advance(QUOTE_SECONDS * 1000)
    const { receipts } = receiptsOf(voucher, { signedTransaction })
    assertRefused(await shop.resolve(voucher, receipts), 'receipt_rejected', EXPIRED)
    await assert.rejects(shop.chain.client.getTransaction({ hash: keccak256(signedTransaction) }), /could not be found/)
    await shop.chain.client.increaseTime({ seconds: 2 * QUOTE_SECONDS })
  })

  it('reverts on the chain, and the payer can ask for another', async () => {
    const voucher = await quotedIn()
    await shop.pass(QUOTE_SECONDS)
    const before = await shop.balance(USDC, shop.payer.address)
    const answer = await shop.resolve(voucher, await shop.sendAll(voucher))
    assertRefused(answer, 'receipt_rejected', /the quote has expired: the time/)
    assert.equal(await shop.balance(USDC, shop.payer.address), before)
    const { settlement, status } = await shop.look(voucher)
    assert.deepEqual([status, settlement?.status], ['REDEEMED', 'FAILED'])
    const again = await shop.quoted(voucher, USDC)
    assertResolved(await shop.resolve(again, await shop.sendAll(again)))
    assert.equal(await gotBy(voucher), TEN)
  })

  it('stands no longer than its voucher', async () => {
    const voucher = await shop.ask('10', EURC)
    await shop.pass(9 * 60)
    const { suppliedPayment, expiresAt } = await shop.quoted(voucher, USDC)
    assert.equal(suppliedPayment?.expiresAt, expiresAt)
  })
})

describe('a quote that another has replaced', () => {
  for (const [way, replace] of [
    ['another quote', (voucher: VoucherView) => shop.quoted(voucher, POL)],
    ['a newer one of the same currency', (voucher: VoucherView) => shop.quoted(voucher, USDC)],
    ['the asked currency', (voucher: VoucherView) => shop.quoted(voucher, EURC)],
  ] as const) {
    it(`counts where its swap is mined: ${way}`, async () => {
      const old = await quotedIn()
      await replace(old)
      assertResolved(await shop.resolve(old, await shop.sendAll(old)))
      const { suppliedPayment, payments } = await shop.look(old)
      assert.equal(suppliedPayment?.quoteId, old.suppliedPayment?.quoteId)
      assert.deepEqual(payments, old.payments)
      assert.equal(await gotBy(old), TEN)
    })
  }

  it('is refused while its swap waits for a block, and counts once it is mined', async () => {
    const old = await quotedIn()
    const next = await shop.quoted(old, POL)
    await shop.withoutBlocks(async () => {
      const receipts = await shop.sendAll(old)
      assertRefused(await shop.resolve(old, receipts), 'receipt_rejected', OUTDATED)
      const { suppliedPayment, settlement } = await shop.look(old)
      assert.deepEqual([suppliedPayment, settlement], [next.suppliedPayment, undefined])
    })
    await eventually(async () => (await shop.look(old)).status === 'RESOLVED')
  })

  it('and its successor count once, where the payer pays both', async () => {
    const old = await quotedIn()
    const next = await shop.quoted(old, USDC)
    const [first, second] = [await shop.sendAll(old), await shop.sendAll(next)]
    const answers = await Promise.all([shop.resolve(old, first), shop.resolve(next, second)])
    const outcomes = answers.map(({ status, body }) => (status === 200 ? body.status : body.code))
    assert.deepEqual(outcomes.toSorted(), ['RESOLVED', 'already_resolved'])
    assert.equal(await gotBy(old), 2n * TEN)
    assert.equal((await shop.look(old)).settlement?.transactions.length, 1)
  })

  it('and whose swap was paid twice leaves the other swap to another voucher that asks the same', async () => {
    const to = shop.newRecipient()
    const [one, other] = [await quotedIn('10', to), await quotedIn('10', to)]
    const renewed = await shop.quoted(one, USDC)
    const [first, second] = [await shop.sendAll(one), await shop.sendAll(renewed)]
    assertResolved(await shop.resolve(one, first))
    const [hash] = second.map(({ transactionHash }) => transactionHash)
    assert.ok(hash && first[0])
    const again = await shop.resolve(other, shop.receiptsOf(other, first[0].transactionHash))
    assertRefused(again, 'receipt_rejected', /counted for another payment already/)
    assertResolved(await shop.resolve(other, shop.receiptsOf(other, hash)))
  })
})

describe('a swap that comes after its voucher has ended', () => {
  it('by the clock counts late', async () => {
    const voucher = await quotedIn()
    const receipts = await shop.sendAll(voucher)
    await shop.pass(11 * 60)
    assert.equal((await shop.look(voucher)).status, 'EXPIRED')
    assertRefused(await shop.negotiate(voucher.id, POL), 'not_redeemed', /this one is EXPIRED/)
    assertResolved(await shop.resolve(voucher, receipts), true)
  })

  it('by a party counts late', async () => {
    const voucher = await quotedIn()
    await shop.parties.payee.post(`/vouchers/${voucher.id}/discard-voucher`)
    assertRefused(await shop.negotiate(voucher.id, POL), 'not_redeemed', /this one is DISCARDED/)
    assertResolved(await shop.resolve(voucher, await shop.sendAll(voucher)), true)
    assert.equal(await gotBy(voucher), TEN)
  })
})

describe('negotiating again', () => {
  it('gives other payments under another quote, and tells of it each time', async () => {
    const voucher = await shop.ask('10', EURC)
    const quotes = [await shop.quoted(voucher, USDC), await shop.quoted(voucher, USDC), await shop.quoted(voucher, POL)]
    const ids = quotes.flatMap(({ payments = [], suppliedPayment }) => [
      suppliedPayment?.quoteId,
      ...payments.map(({ id }) => id),
    ])
    assert.equal(new Set(ids).size, ids.length)
    assert.equal((await shop.events(voucher)).filter((type) => type === 'voucher.negotiated').length, 3)
    assert.deepEqual((await shop.look(voucher)).payments, quotes[2]?.payments)
  })

  it('goes back to the asked currency', async () => {
    const voucher = await shop.ask('10', EURC)
    await shop.quoted(voucher, USDC)
    const { suppliedPayment, payments } = await shop.quoted(voucher, EURC)
    assert.deepEqual(suppliedPayment, {
      ...{ network: EURC.network, currency: 'EURC', currencyAddress: EURC.address, amount: '10' },
      wallet: { address: shop.payer.address },
    })
    assert.deepEqual(payments, voucher.payments)
    const after = await shop.look(voucher)
    assert.deepEqual([after.suppliedPayment, after.payments], [undefined, voucher.payments])
    assertResolved(await shop.resolve(after, await shop.sendAll(after)))
  })

  it('has the payer sign what it pays now', async () => {
    const voucher = await shop.ask('10', EURC)
    const { publicKey } = shop.payer
    const sign = async ({ id, signingMessage = '' }: VoucherView) => {
      const signature = await shop.payer.signMessage({ message: signingMessage })
      return shop.parties.payer.post<VoucherView>(`/vouchers/${id}/sign-voucher`, { publicKey, signature })
    }
    assert.equal((await sign(voucher)).status, 200)
    const quoted = await shop.quoted(voucher, USDC)
    assert.equal(quoted.signature, undefined)
    for (const { id, summary } of quoted.payments ?? []) assert.ok(quoted.signingMessage?.includes(`${id} ${summary}`))
    assertRefused(await sign(voucher), 'validation_failed', /./)
    assert.equal((await sign(quoted)).status, 200)
    assert.ok((await shop.look(voucher)).signature)
  })

  it('gives 20 quotes at most', async () => {
    const voucher = await shop.ask('10', EURC)
    await Promise.all(Array.from({ length: 20 }, () => shop.quoted(voucher, USDC)))
    assertRefused(await shop.negotiate(voucher.id, USDC), 'validation_failed', /20 quotes at most/)
    assert.equal((await shop.quotesOf(voucher)).length, 20)
    assert.deepEqual((await shop.quoted(voucher, EURC)).payments, voucher.payments)
  })

  it('gives the same quote for the same idempotency key', async () => {
    const voucher = await shop.ask('10', EURC)
    const key = { 'idempotency-key': 'quote-once' }
    const answers = await Promise.all([1, 2, 3].map(() => shop.negotiate(voucher.id, USDC, {}, key)))
    for (const { body } of answers) assert.deepEqual(body, answers[0]?.body)
    assert.deepEqual((await shop.negotiate(voucher.id, USDC, {}, key)).body, answers[0]?.body)
    assert.equal((await shop.quotesOf(voucher)).length, 1)
  })
})

describe('negotiating is refused', () => {
  const unmet: [string, Parameters<SwapShop['negotiate']>, string, RegExp][] = [
    ['on another network', ['', USDC, { network: 'ethereum' }], 'different_network', /asks for a payment on polygon/],
    ['in an unknown currency', ['', USDC, { currency: 'DOGE' }], 'validation_failed', /./],
    ['in a currency whose address is another', ['', USDC, { currencyAddress: EURC.address }], 'validation_failed', /./],
    ['in a currency that nobody trades', ['', ODD], 'validation_failed', /nobody here exchanges ODD for EURC/],
    [
      'from a wallet that is not the payer’s',
      ['', USDC, { wallet: { address: devAccount(5).address } }],
      'validation_failed',
      /must be one of the context's payer addresses/,
    ],
  ]
  for (const [name, [, currency, more], code, detail] of unmet) {
    it(name, async () => {
      const { id } = await shop.ask('10', EURC)
      const { status, body } = await shop.negotiate(id, currency, more)
      assert.deepEqual([status, body.code], [400, code], JSON.stringify(body))
      assert.match(JSON.stringify(body), detail)
    })
  }

  it('before redemption, and for a call', async () => {
    const { id } = await reserve(shop.parties)
    assertRefused(await shop.negotiate(id, USDC), 'not_redeemed', /this one is RESERVED/)
    const input = { from: '{payer}', to: EURC.address, value: '0', data: '0x12345678' }
    await shop.parties.payee.post(`/vouchers/${id}/redeem-voucher`, {
      networks: [{ network: EURC.network, type: 'evm', chainId: '31337' }],
      payments: [{ type: 'send_transaction', input }],
    })
    assertRefused(await shop.negotiate(id, USDC), 'not_simple', /CUSTOM/)
  })

  it('while a payment waits for its block, and when it is made', async () => {
    const voucher = await quotedIn()
    await shop.withoutBlocks(async () => {
      await shop.resolve(voucher, await shop.sendAll(voucher))
      assertRefused(await shop.negotiate(voucher.id, POL), 'not_redeemed', /on its way to a block/)
    })
    await shop.until(voucher, ({ settlement }) => settlement?.status === 'CONFIRMED')
    assertRefused(await shop.negotiate(voucher.id, POL), 'not_redeemed', /this one is RESOLVED/)
  })

  it('to everybody but the payer', async () => {
    const { id } = await shop.ask('10', EURC)
    const suppliedPayment = asking('1', USDC, shop.payer.address).expectedPayment
    const { caller: stranger } = await newPayer(shop.server.url)
    for (const [caller, code] of [
      [stranger, 404],
      [shop.parties.payee, 403],
      [callerOf(shop.server.url), 401],
    ] as const) {
      assert.equal((await caller.post(`/vouchers/${id}/negotiate-voucher`, { suppliedPayment })).status, code)
    }
  })
})

describe('at the same time', () => {
  it('quotes are all kept, and one of them is chosen', async () => {
    const voucher = await shop.ask('10', EURC)
    const answers = await Promise.all(
      [USDC, POL, USDC, POL, USDC, EURC].map((currency) => shop.negotiate(voucher.id, currency)),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 200],
    )
    const { payments, version } = await shop.look(voucher)
    assert.equal((await shop.quotesOf(voucher)).length, 5)
    const last = answers.find(({ body }) => body.version === version)
    assert.deepEqual(payments, last?.body.payments)
    const losing = answers.find(({ body }) => body.suppliedPayment?.currency === 'USDC' && body.version !== version)
    assert.ok(losing)
    assertResolved(await shop.resolve(voucher, await shop.sendAll(losing.body)))
  })

  it('a mined swap resolves the voucher, whether the payer negotiates before or after', async () => {
    for (let round = 0; round < 5; round++) {
      const voucher = await quotedIn()
      const receipts = await shop.sendAll(voucher)
      const [resolved, ...negotiated] = await Promise.all([
        shop.resolve(voucher, receipts),
        shop.negotiate(voucher.id, POL),
        shop.negotiate(voucher.id, EURC),
      ])
      assertResolved(resolved)
      for (const { status, body } of negotiated) assert.ok(status === 200 || body.code === 'not_redeemed')
      const { suppliedPayment, status } = await shop.look(voucher)
      assert.deepEqual([status, suppliedPayment?.quoteId], ['RESOLVED', voucher.suppliedPayment?.quoteId])
    }
  })
})

it('a quote outlives the server that gave it', async () => {
  const voucher = await quotedIn()
  const replaced = await shop.quoted(voucher, POL)
  const payer = withToken(await shop.restart(), shop.parties.payerToken)
  const { body } = await payer.get<VoucherView>(`/vouchers/${voucher.id}`)
  assert.deepEqual(body, replaced)
  const receipts = await shop.sendAll(voucher)
  assertResolved(await payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, { receipts }))
})
