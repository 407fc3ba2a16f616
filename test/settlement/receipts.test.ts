import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { encodeFunctionData, erc20Abi, keccak256, parseEther } from 'viem'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { asking, eventually, reserve, token } from '../support/server.ts'
import { NETWORK, openShop, type Shop, signed, transferData } from './shop.ts'

let shop: Shop

/** Tokens that are told apart by symbol and network: DUP on both networks, TWO twice on one. */
const SECOND_NETWORK = 'testnet'
const ADDRESSES = ['0x1111111111111111111111111111111111111111', '0x2222222222222222222222222222222222222222'] as const

before(async () => {
  shop = await openShop({
    times: { resolveWaitMs: 1_500 },
    served: (network) => [
      {
        ...network,
        currencies: [
          ...network.currencies,
          token(NETWORK, 'DUP', ADDRESSES[0], 6),
          token(NETWORK, 'TWO', ADDRESSES[0], 6),
          token(NETWORK, 'TWO', ADDRESSES[1], 6),
        ],
      },
      {
        ...network,
        network: { ...network.network, name: SECOND_NETWORK, chainId: 31339 },
        currencies: [token(SECOND_NETWORK, 'DUP', ADDRESSES[0], 6)],
        rpcUrls: [],
      },
    ],
  })
})
after(() => shop.stop())

/** Follows a RESOLVED voucher to its depth, and asserts that each step was told once. */
async function assertSettles({ id }: VoucherView): Promise<void> {
  const settled = await shop.confirm(id)
  assert.equal(settled.status, 'RESOLVED')
  assert.ok(settled.settlement?.confirmedAt)
  assert.ok(settled.settlement.confirmations >= 3)
  assert.deepEqual(await shop.events(id), [
    'voucher.reserved',
    'voucher.redeemed',
    'voucher.resolved',
    'voucher.settled',
  ])
}

describe('a token payment', () => {
  it('resolves by the hash of a mined transaction, and settles at its depth', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(2_500_000n, to)
    const transactionHash = await shop.send({ units: 2_500_000n, to })
    await shop.mine()

    const { status, body } = await shop.resolve(voucher, { transactionHash })
    assert.deepEqual([status, body.status, body.late], [200, 'RESOLVED', false])
    const block = await shop.client.getBlock()
    const { status: settlement, transactions, required } = body.settlement ?? {}
    assert.deepEqual([settlement, required], ['PENDING', 3])
    assert.deepEqual(transactions, [
      {
        paymentId: voucher.payments?.[0]?.id,
        transactionHash,
        blockNumber: Number(block.number),
        blockHash: block.hash,
      },
    ])
    assert.equal(await shop.balance(to), 2_500_000n)
    await assertSettles(voucher)
  })

  it('is PENDING while its transaction is not mined, and resolves by itself when the block comes', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(1n, to)
    const transactionHash = await shop.send({ units: 1n, to })

    const { status, body } = await shop.resolve(voucher, { transactionHash })
    assert.deepEqual([status, body.status, body.settlement?.status], [200, 'REDEEMED', 'PENDING'])
    assert.equal(body.settlement?.transactions[0]?.blockNumber, null)
    assert.deepEqual(await shop.events(voucher.id), ['voucher.reserved', 'voucher.redeemed'])

    await shop.mine()
    const resolved = await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
    assert.equal(resolved.settlement?.status, 'PENDING')
    assert.equal(await shop.balance(to), 1n)
    await assertSettles(voucher)
  })

  it('is broadcast by the server where it was handed in signed', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(3n, to)
    const signedTransaction = await shop.sign({ units: 3n, to })

    const { body } = await shop.resolve(voucher, { signedTransaction })
    assert.deepEqual([body.status, body.settlement?.status], ['REDEEMED', 'PENDING'])
    assert.equal(body.settlement?.transactions[0]?.transactionHash, keccak256(signedTransaction))
    await shop.mine()
    await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
    assert.equal(await shop.balance(to), 3n)
    await assertSettles(voucher)
  })

  it('may come with both the transaction and its hash, in capitals too, and resolves during the wait', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(4n, to)
    const signedTransaction = await shop.sign({ units: 4n, to })
    const transactionHash = `0x${keccak256(signedTransaction).slice(2).toUpperCase()}`

    const answer = shop.resolve(voucher, { signedTransaction, transactionHash })
    // Written down first, it is broadcast a moment later.
    await eventually(() => shop.client.getTransaction({ hash: keccak256(signedTransaction) }).catch(() => null))
    await shop.mine()
    const { status, body } = await answer
    assert.deepEqual([status, body.status], [200, 'RESOLVED'])
    await assertSettles(voucher)
  })
})

it('a token payment may be sent by somebody whom the payer has allowed to, and counts once it is mined', async () => {
  const to = shop.newRecipient()
  const relayer = shop.sender(2).address
  const voucher = await shop.ask(9n, to)
  const approve = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [relayer, 9n] })
  await shop.contractCall(shop.plain.address, approve)
  await shop.mine()
  const args = [shop.payerAddress, to, 9n] as const
  const transfer = encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args })
  const transactionHash = await shop.contractCall(shop.plain.address, transfer, 2)

  const answer = await shop.resolve(voucher, { transactionHash })
  assert.equal(answer.body.code, 'receipt_rejected', JSON.stringify(answer.body))
  assert.match(
    answer.body.detail ?? '',
    new RegExp(`${transactionHash} is not mined yet, and was sent by ${relayer}`, 'i'),
  )
  const waiting = await shop.look(voucher.id)
  assert.deepEqual([waiting.settlement, waiting.mayStillBeMined], [undefined, [transactionHash]])
  await shop.mine()
  await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
  assert.equal(await shop.balance(to), 9n)
  await assertSettles(voucher)
})

describe('the terms', () => {
  it('may ask for the native coin', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.askFor(asking('0.25', token(NETWORK, 'COIN', '', 18), to))
    assert.deepEqual(voucher.payments?.[0]?.input, {
      from: '{payer}',
      to: voucher.expectedPayment?.wallet.address,
      value: parseEther('0.25').toString(),
      data: '0x',
    })
    const hash = await shop.client.sendTransaction({ account: shop.sender(), to, value: parseEther('0.25') })
    await shop.mine()
    const { body } = await shop.resolve(voucher, { transactionHash: hash })
    assert.equal(body.status, 'RESOLVED')
    assert.equal(await shop.client.getBalance({ address: to }), parseEther('0.25'))
    await assertSettles(voucher)
  })

  it('may ask for a call, exactly', async () => {
    const to = shop.newRecipient()
    const input = { from: '{payer}', to: shop.plain.address, value: '0', data: transferData(to, 7n) }
    const custom = {
      networks: [{ network: NETWORK, type: 'evm', chainId: String(shop.chain.chainId) }],
      payments: [{ type: 'send_transaction', input }],
    }
    const first = await shop.askFor(custom)
    assert.equal(first.type, 'CUSTOM')
    for (const wrong of [
      { to: shop.plain.address, data: transferData(to, 8n) },
      { to: shop.plain.address, data: transferData(to, 7n), value: 1n },
      { to: shop.sender(3).address, data: transferData(to, 7n) },
    ]) {
      const signedTransaction = await signed(shop.chain, 1, wrong)
      const { body } = await shop.resolve(first, { signedTransaction })
      assert.equal(body.code, 'receipt_rejected')
      assert.match(
        body.detail ?? '',
        /not the data that was asked|carries 1 wei, asked were 0|goes to 0x\w+ instead of/,
      )
    }
    const signedTransaction = await signed(shop.chain, 1, { to: shop.plain.address, data: transferData(to, 7n) })
    await shop.resolve(first, { signedTransaction })
    await shop.mine()
    await shop.until(first.id, ({ status }) => status === 'RESOLVED')
    assert.equal(await shop.balance(to), 7n)
    await assertSettles(first)
  })

  const expected = (changes: Record<string, unknown>) => ({
    expectedPayment: { amount: '1', wallet: { address: shop.newRecipient() }, ...changes },
  })

  it('find the network and the token by what they leave out', async () => {
    for (const found of [
      { currency: 'EURC' },
      { currency: 'EURC', network: NETWORK },
      { currency: 'EURC', currencyAddress: shop.eurc.address },
      { currency: 'COIN', currencyAddress: '' },
      { currency: 'DUP', network: NETWORK },
    ]) {
      const { expectedPayment } = await shop.askFor(expected(found))
      assert.equal(expectedPayment?.network, NETWORK, JSON.stringify(found))
      assert.equal(typeof expectedPayment.currencyAddress, 'string')
    }
  })

  const refused: [string, Record<string, unknown>, RegExp][] = [
    ['ambiguous networks', { currency: 'DUP' }, /polygon.*testnet/],
    ['ambiguous addresses', { currency: 'TWO', network: NETWORK }, /0x1111.*0x2222/],
    ['an unknown symbol', { currency: 'NOPE' }, /NOPE/],
    ['an unknown network', { currency: 'EURC', network: 'atlantis' }, /atlantis is not enabled here; enabled: polygon/],
    ['a symbol at an address of another', { currency: 'EURC', currencyAddress: ADDRESSES[0] }, /EURC/],
    ['a token as native coin', { currency: 'EURC', currencyAddress: '' }, /EURC/],
    ['more decimal places than the token has', { currency: 'EURC', amount: '0.0000001' }, /decimal/],
  ]
  for (const [name, changes, detail] of refused) {
    it(`are refused, with candidates: ${name}`, async () => {
      const { id } = await reserve(shop.parties)
      const answer = await shop.parties.payee.post(`/vouchers/${id}/redeem-voucher`, expected(changes))
      assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'])
      assert.match(JSON.stringify(answer.body.errors), detail)
      assert.equal((await shop.look(id)).status, 'RESERVED')
    })
  }
})

describe('resolving again', () => {
  it('gives the stored answer for the same key, at the same time and after', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(5n, to)
    const transactionHash = await shop.send({ units: 5n, to })
    await shop.mine()
    const key = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all(Array.from({ length: 8 }, () => shop.resolve(voucher, { transactionHash }, key)))
    answers.push(await shop.resolve(voucher, { transactionHash }, key))
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.status, body.version]),
      answers.map(() => [200, 'RESOLVED', answers[0]?.body.version]),
    )
    const otherBody = await shop.resolve(voucher, { transactionHash: `0x${'11'.repeat(32)}` }, key)
    assert.deepEqual([otherBody.status, otherBody.body.code], [422, 'idempotency_conflict'])
    await assertSettles(voucher)
  })

  it('is already_resolved without a key, whoever comes first', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(6n, to)
    const transactionHash = await shop.send({ units: 6n, to })
    await shop.mine()
    const answers = await Promise.all(Array.from({ length: 16 }, () => shop.resolve(voucher, { transactionHash })))
    const outcomes = answers.map(({ status, body }) => (status === 200 ? body.status : body.code))
    assert.deepEqual(outcomes.toSorted(), ['RESOLVED', ...Array.from({ length: 15 }, () => 'already_resolved')])
    assert.equal((await shop.resolve(voucher, { transactionHash })).body.code, 'already_resolved')
    await assertSettles(voucher)
  })

  it('joins the wait with the same receipts; other receipts hear of the pending ones', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(8n, to)
    const transactionHash = await shop.send({ units: 8n, to })
    assert.equal((await shop.resolve(voucher, { transactionHash })).body.settlement?.status, 'PENDING')

    const other = await shop.resolve(voucher, { transactionHash: `0x${'22'.repeat(32)}` })
    assert.deepEqual([other.status, other.body.code], [400, 'receipt_rejected'])
    assert.match(other.body.detail ?? '', new RegExp(`pending already \\(${transactionHash}\\)`))
    const key = { 'idempotency-key': randomUUID() }
    const joined = shop.resolve(voucher, { transactionHash }, key)
    await shop.mine()
    assert.equal((await joined).body.status, 'RESOLVED')
    const repeated = await shop.resolve(voucher, { transactionHash }, key)
    assert.deepEqual([repeated.status, repeated.body.status], [200, 'RESOLVED'])
    await assertSettles(voucher)
  })
})
