import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { encodeFunctionData, keccak256 } from 'viem'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherReviewView, VoucherView } from '../../src/protocol/schemas.ts'
import type { Deployed } from '../support/anvil.ts'
import { asking, token } from '../support/server.ts'
import { assertRejected, decimal, NETWORK, openShop, type Shop, transferData } from './shop.ts'

const UNITS = 1_000_000n

let shop: Shop
let fee: Deployed
let liar: Deployed
let forger: Deployed
let other: Deployed
let feeCoin: Currency
let falseCoin: Currency

before(async () => {
  const tokens: Currency[] = []
  shop = await openShop({
    served: (network) => ({ ...network, currencies: [...network.currencies, ...tokens] }),
    prepare: async (chain) => {
      fee = await chain.deploy('FeeToken', [10n ** 12n])
      liar = await chain.deploy('FalseToken')
      forger = await chain.deploy('Forger')
      other = await chain.deploy('PlainToken', [10n ** 12n])
      feeCoin = token(NETWORK, 'FEE', fee.address, 6)
      falseCoin = token(NETWORK, 'FALSE', liar.address, 6)
      tokens.push(feeCoin, falseCoin)
    },
  })
  for (const { address } of [fee, other])
    await shop.send({ units: 10n * UNITS, to: shop.payerAddress, token: address, sender: 0 })
  await shop.mine()
})
after(() => shop.stop())

/** Asserts that the voucher was not harmed: paid as asked, it resolves. */
async function assertStillPayable(voucher: VoucherView, to: Hex): Promise<void> {
  const before = await shop.balance(to)
  const transactionHash = await shop.send({ units: UNITS, to })
  await shop.mine()
  const { body } = await shop.resolve(voucher, { transactionHash })
  assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
  assert.equal((await shop.balance(to)) - before, UNITS)
}

describe('a mined transaction is rejected when', () => {
  type Pay = (to: Hex) => Promise<Hex>
  const cases: [string, Pay, RegExp, ('UNDERPAID' | 'OVERPAID')?][] = [
    [
      'it reverted',
      (to) => shop.contractCall(shop.plain.address, transferData(to, 10n ** 18n)),
      /the transaction reverted/,
    ],
    [
      'it paid somebody else',
      () => shop.send({ units: UNITS, to: shop.newRecipient() }),
      /the Transfer went to 0x\w+ instead of 0x/,
    ],
    [
      'it paid less',
      (to) => shop.send({ units: UNITS - 1n, to }),
      /is of 999999 units, asked were 1000000/,
      'UNDERPAID',
    ],
    [
      'it paid more',
      (to) => shop.send({ units: UNITS + 1n, to }),
      /is of 1000001 units, asked were 1000000/,
      'OVERPAID',
    ],
    [
      'it paid in another token',
      (to) => shop.send({ units: UNITS, to, token: other.address }),
      /no Transfer of the token 0x\w+, but one of 0x/,
    ],
    [
      'another contract wrote the log',
      (to) => {
        const args = [shop.payerAddress, to, UNITS]
        return shop.contractCall(forger.address, encodeFunctionData({ ...forger, functionName: 'forge', args }))
      },
      /no Transfer of the token 0x\w+, but one of 0x/,
    ],
    [
      'somebody paid who is not the payer',
      (to) => shop.send({ units: UNITS, to, sender: 0 }),
      /is from 0x\w+, which is not an address of the payer/,
    ],
  ]
  for (const [name, pay, detail, observed] of cases) {
    it(observed ? `${name}, and both see what moved` : name, async () => {
      const to = shop.newRecipient()
      const voucher = await shop.ask(UNITS, to)
      const transactionHash = await pay(to)
      await shop.mine()
      await assertRejected(shop, voucher, await shop.resolve(voucher, { transactionHash }), detail)
      // Handed in again, nothing is written twice.
      await assertRejected(shop, voucher, await shop.resolve(voucher, { transactionHash }), detail)
      const seen = await shop.look(voucher.id)
      assert.equal(seen.settlement, undefined)
      assert.deepEqual(
        seen.observedPayments?.map(({ transactionHash, from, reason }) => [transactionHash, from, reason]),
        observed && [[transactionHash, shop.payerAddress, observed]],
      )
      assert.deepEqual(
        seen.observedPayments,
        (await shop.parties.payee.get<VoucherView>(`/vouchers/${voucher.id}`)).body.observedPayments,
      )
      const { warnings } = (await shop.parties.payer.get(`/vouchers/${voucher.id}/review`)).body as VoucherReviewView
      assert.deepEqual(
        warnings.map(({ code, transactionHash: of }) => [code, of]),
        observed ? [['PAYMENT_OBSERVED', transactionHash]] : [],
      )
      const told = observed ? ['voucher.payment_observed'] : []
      assert.deepEqual(await shop.events(voucher.id), ['voucher.reserved', 'voucher.redeemed', ...told])
      await assertStillPayable(voucher, to)
    })
  }

  it('the token said no by its return value', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.askFor(asking(decimal(UNITS), falseCoin, to))
    const transactionHash = await shop.send({ units: UNITS, to, token: liar.address })
    await shop.mine()
    const receipt = await shop.client.getTransactionReceipt({ hash: transactionHash })
    assert.equal(receipt.status, 'success')
    await assertRejected(shop, voucher, await shop.resolve(voucher, { transactionHash }), /no Transfer of the token/)
  })

  it('it paid less; a transfer of the rest from the same address completes it', async () => {
    const to = shop.newRecipient()
    const [voucher, other] = [await shop.ask(UNITS, to), await shop.ask(700_000n, to)]
    const part = await shop.send({ units: 700_000n, to })
    await shop.mine()
    await assertRejected(shop, voucher, await shop.resolve(voucher, { transactionHash: part }), /is of 700000 units/)
    const short = await shop.look(voucher.id)
    assert.match(short.payments?.[0]?.summary ?? '', /^Send 0\.3 EURC to/)
    assert.equal(short.payments?.[0]?.input.data, transferData(to, 300_000n))
    assert.equal(short.payments?.[0]?.id, voucher.payments?.[0]?.id)
    const quote = { suppliedPayment: { currency: 'FEE', wallet: { address: shop.payerAddress } } }
    const negotiated = await shop.parties.payer.post(`/vouchers/${voucher.id}/negotiate-voucher`, quote)
    assert.match(negotiated.body.detail ?? '', /A part of the amount has arrived/)

    const signedTransaction = await shop.sign({ units: 300_000n, to })
    assert.equal((await shop.resolve(voucher, { signedTransaction })).body.settlement?.status, 'PENDING')
    await shop.mine()
    const paid = await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
    assert.deepEqual(
      paid.settlement?.transactions.map(({ transactionHash }) => transactionHash),
      [part, keccak256(signedTransaction)],
    )
    assert.equal(paid.observedPayments, undefined)
    assert.match(paid.payments?.[0]?.summary ?? '', /^Send 1\.000000 EURC to/)
    await shop.confirm(voucher.id)
    assert.equal(await shop.balance(to), UNITS)
    await assertRejected(
      shop,
      other,
      await shop.resolve(other, { transactionHash: part }),
      /counted for another payment/,
    )
  })

  it('it paid less; what is the exact payment of another voucher counts there, and is no part any more', async () => {
    const to = shop.newRecipient()
    const [voucher, exact] = [await shop.ask(UNITS, to), await shop.ask(700_000n, to)]
    const twin = await shop.partiesOf(1)
    const twins = await shop.ask(2n * UNITS, to, twin)
    const part = await shop.send({ units: 700_000n, to })
    await shop.mine()
    await assertRejected(shop, voucher, await shop.resolve(voucher, { transactionHash: part }), /is of 700000 units/)
    await assertRejected(shop, twins, await shop.resolve(twins, { transactionHash: part }, {}, twin), /700000/, twin)
    assert.equal((await shop.look(twins.id, twin)).observedPayments?.length, 1)
    assert.equal((await shop.resolve(exact, { transactionHash: part })).body.status, 'RESOLVED')
    for (const [{ id }, of, units] of [
      [voucher, shop.parties, UNITS],
      [twins, twin, 2n * UNITS],
    ] as const) {
      const { observedPayments, payments } = await shop.look(id, of)
      assert.deepEqual([observedPayments, payments?.[0]?.input.data], [undefined, transferData(to, units)])
      const told = (await shop.events(id)).filter((type) => type === 'voucher.payment_observed')
      assert.equal(told.length, 2, 'as it was seen, and as it counted elsewhere')
    }

    const rest = await shop.send({ units: 300_000n, to })
    await shop.mine()
    await assertRejected(shop, voucher, await shop.resolve(voucher, { transactionHash: rest }), /is of 300000 units/)
    const short = await shop.look(voucher.id)
    assert.deepEqual(
      short.observedPayments?.map(({ transactionHash }) => transactionHash),
      [rest],
    )
    assert.match(short.payments?.[0]?.summary ?? '', /^Send 0\.7 EURC to/)
    const last = await shop.send({ units: 700_000n, to })
    await shop.mine()
    assert.equal((await shop.resolve(voucher, { transactionHash: last })).body.status, 'RESOLVED')
  })

  it('the token kept a fee; what arrives is what counts', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.askFor(asking(decimal(99_000n), feeCoin, to))
    const short = await shop.send({ units: 99_000n, to, token: fee.address })
    await shop.mine()
    await assertRejected(shop, voucher, await shop.resolve(voucher, { transactionHash: short }), /is of 98010 units/)

    const enough = await shop.send({ units: 100_000n, to, token: fee.address })
    await shop.mine()
    assert.equal((await shop.resolve(voucher, { transactionHash: enough })).body.status, 'RESOLVED')
    assert.equal(await shop.balance(to, fee.address), 98_010n + 99_000n)
  })

  it('it is older than the redemption', async () => {
    const to = shop.newRecipient()
    const transactionHash = await shop.send({ units: UNITS, to })
    await shop.mine()
    shop.server.clock.advance(1_000)
    const voucher = await shop.ask(UNITS, to)
    const answer = await shop.resolve(voucher, { transactionHash })
    await assertRejected(shop, voucher, answer, /in block \d+, only blocks after \d+ count/)
    await assertStillPayable(voucher, to)
  })
})

describe('a receipt is rejected when', () => {
  it('the node has never heard of its transaction', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const answer = await shop.resolve(voucher, { transactionHash: `0x${'ab'.repeat(32)}` })
    await assertRejected(shop, voucher, answer, /has never heard of transaction 0xabab/)
    await assertStillPayable(voucher, to)
  })

  it('its transaction waits in the pool and pays something else', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const transactionHash = await shop.send({ units: UNITS - 1n, to })
    const answer = await shop.resolve(voucher, { transactionHash })
    await assertRejected(shop, voucher, answer, /the transfer is of 999999 units, asked were 1000000/)
    await shop.mine()
    await assertStillPayable(voucher, to)
  })

  it('its transaction is signed for another chain', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const signedTransaction = await shop.sign({ units: UNITS, to, chainId: 1 })
    const answer = await shop.resolve(voucher, { signedTransaction })
    await assertRejected(shop, voucher, answer, /is signed for chain id 1; polygon has chain id 31337/)
    await assertStillPayable(voucher, to)
  })

  it('its signed transaction does not pay; that one is never broadcast', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    for (const [wrong, detail] of [
      [{ units: UNITS, to: shop.payerAddress }, /the transfer goes to 0x\w+ instead of/],
      [{ units: UNITS - 1n, to }, /the transfer is of 999999 units/],
      [{ units: UNITS, to, token: other.address }, /transfers the token 0x\w+ instead of 0x/],
      [{ units: UNITS, to, sender: 2 }, /not an address of the payer/],
    ] as const) {
      const signedTransaction = await shop.sign(wrong)
      await assertRejected(shop, voucher, await shop.resolve(voucher, { signedTransaction }), detail)
      const hash = keccak256(signedTransaction)
      await assert.rejects(shop.client.getTransaction({ hash }), { name: 'TransactionNotFoundError' })
    }
    await assertStillPayable(voucher, to)
  })

  it('the node refuses to take it: no money for gas, nonce used up', async () => {
    const to = shop.newRecipient()
    const poor = await shop.partiesOf(9)
    await shop.client.setBalance({ address: shop.sender(9).address, value: 1n })
    const unpaid = await shop.ask(UNITS, to, poor)
    const signedByPoor = await shop.sign({ units: UNITS, to, sender: 9 })
    const refused = await shop.resolve(unpaid, { signedTransaction: signedByPoor }, {}, poor)
    await assertRejected(shop, unpaid, refused, /insufficient funds/i, poor)
    assert.equal((await shop.look(unpaid.id, poor)).settlement?.status, 'FAILED')
    assert.equal((await shop.events(unpaid.id)).at(-1), 'voucher.settlement_failed')

    const voucher = await shop.ask(UNITS, to)
    const used = await shop.sign({ units: UNITS, to, nonce: 0 })
    const tooLow = await shop.resolve(voucher, { signedTransaction: used })
    await assertRejected(shop, voucher, tooLow, /its nonce 0 was used by transaction 0x\w+ instead/)
    await assertStillPayable(voucher, to)
  })
})

describe('receipts are invalid when', () => {
  const hash = `0x${'cd'.repeat(32)}`
  const invalid: [string, (paymentId: string) => unknown, RegExp][] = [
    ['there are none', () => ({ receipts: [] }), /receipts/],
    [
      'they name an unknown payment',
      () => ({ receipts: [{ paymentId: 'pay_x', transactionHash: hash }] }),
      /names no payment/,
    ],
    [
      'they name one twice',
      (paymentId) => ({ receipts: [paymentId, paymentId].map((id) => ({ paymentId: id, transactionHash: hash })) }),
      /names it twice/,
    ],
    [
      'they hold no transaction',
      (paymentId) => ({ receipts: [{ paymentId }] }),
      /needs transactionHash or signedTransaction/,
    ],
    [
      'the signed transaction is garbage',
      (paymentId) => ({ receipts: [{ paymentId, signedTransaction: '0xdeadbeef' }] }),
      /is not a signed transaction/,
    ],
    [
      'the hash is of another transaction',
      (paymentId) => ({ receipts: [{ paymentId, transactionHash: hash, signedTransaction: '0xdeadbeef' }] }),
      /is not the hash of signedTransaction/,
    ],
  ]
  for (const [name, body, message] of invalid) {
    it(name, async () => {
      const voucher = await shop.ask(UNITS, shop.newRecipient())
      const paymentId = voucher.payments?.[0]?.id ?? ''
      const answer = await shop.parties.payer.post(`/vouchers/${voucher.id}/resolve-voucher`, body(paymentId))
      assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'])
      assert.match(JSON.stringify(answer.body.errors), message)
      assert.deepEqual(await shop.look(voucher.id), voucher)
    })
  }
})
