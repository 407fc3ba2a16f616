import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { encodeFunctionData, erc20Abi, maxUint256, parseEther } from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import type { Deployed } from '../support/anvil.ts'
import { type Answer, asking, token } from '../support/server.ts'
import { assertRejected, NETWORK, openShop, reorg, type Shop, signed, transferData } from './shop.ts'

const UNITS = 1_000n
const COUNTED = /counted for another payment already/

/** Writes one log in every block of an odd number: `if (block.number & 1) log0()`. */
const ODD_LOGGER = {
  address: '0x0dd0000000000000000000000000000000000000',
  bytecode: '0x4360011615600b575f5fa05b00',
} as const

let shop: Shop
let batcher: Deployed

before(async () => {
  shop = await openShop({
    prepare: async (chain) => {
      batcher = await chain.deploy('Batcher')
      await chain.client.setCode(ODD_LOGGER)
    },
  })
  const args = [batcher.address, maxUint256] as const
  await shop.contractCall(shop.plain.address, encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args }))
  await shop.mine()
})
after(() => shop.stop())

/** One transaction that calls others on the payer's behalf. */
function batch(calls: { target: Hex; data: Hex }[]): Hex {
  return encodeFunctionData({ ...batcher, functionName: 'run', args: [calls] })
}

function moving(to: Hex): { target: Hex; data: Hex } {
  const args = [shop.payerAddress, to, UNITS] as const
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args })
  return { target: shop.plain.address, data }
}

/** Asks for the call of a contract, exactly. */
function askForCall(to: Hex, data: Hex, value = '0'): Promise<VoucherView> {
  return shop.askFor({
    networks: [{ network: NETWORK, type: 'evm', chainId: String(shop.chain.chainId) }],
    payments: [{ type: 'send_transaction', input: { from: '{payer}', to, value, data } }],
  })
}

function assertResolved(answer: Answer<VoucherView>): void {
  assert.equal(answer.body.status, 'RESOLVED', JSON.stringify(answer.body))
}

describe('one transfer', () => {
  it('counts for the first voucher that it is offered to, not for the second', async () => {
    const to = shop.newRecipient()
    const [first, second] = [await shop.ask(UNITS, to), await shop.ask(UNITS, to)]
    const transactionHash = await shop.send({ units: UNITS, to })
    await shop.mine()
    assertResolved(await shop.resolve(first, { transactionHash }))
    await assertRejected(shop, second, await shop.resolve(second, { transactionHash }), COUNTED)
    await shop.confirm(first.id)
    await assertRejected(shop, second, await shop.resolve(second, { transactionHash }), COUNTED)
  })

  it('counts once for 16 vouchers at a time', async () => {
    const to = shop.newRecipient()
    const vouchers = await Promise.all(Array.from({ length: 16 }, () => shop.ask(UNITS, to)))
    const transactionHash = await shop.send({ units: UNITS, to })
    await shop.mine()
    const answers = await Promise.all(vouchers.map((voucher) => shop.resolve(voucher, { transactionHash })))
    const losers = answers.filter(({ status }) => status !== 200)
    assert.equal(losers.length, 15)
    for (const { body } of losers) {
      assert.equal(body.code, 'receipt_rejected')
      assert.match(body.detail ?? '', COUNTED)
    }
    assert.equal(await shop.balance(to), UNITS)
  })

  it('counts once for vouchers that waited for its block together', async () => {
    const to = shop.newRecipient()
    const vouchers = [await shop.ask(UNITS, to), await shop.ask(UNITS, to), await shop.ask(UNITS, to)]
    const transactionHash = await shop.send({ units: UNITS, to })
    const pending = await Promise.all(vouchers.map((voucher) => shop.resolve(voucher, { transactionHash })))
    for (const { body } of pending) assert.equal(body.settlement?.status, 'PENDING')
    await shop.mine()
    const ends = await Promise.all(
      vouchers.map(({ id }) => shop.until(id, (v) => v.status === 'RESOLVED' || v.settlement?.status === 'FAILED')),
    )
    assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['REDEEMED', 'REDEEMED', 'RESOLVED'])
    for (const { status, settlement, id } of ends) {
      if (status === 'RESOLVED') continue
      assert.match(settlement?.failure ?? '', COUNTED)
      assert.equal((await shop.events(id)).at(-1), 'voucher.settlement_failed')
    }
  })

  it('stays taken where a reorg moves its log to another place', async () => {
    const to = shop.newRecipient()
    const [first, second] = [await shop.ask(UNITS, to), await shop.ask(UNITS, to)]
    const data = batch([{ target: ODD_LOGGER.address, data: '0x' }, moving(to)])
    const raw = await signed(shop.chain, 1, { to: batcher.address, data })
    const transactionHash = await shop.client.sendRawTransaction({ serializedTransaction: raw })
    await shop.mine()
    assertResolved(await shop.resolve(first, { transactionHash }))
    const placeBefore = await placeOfTransfer(transactionHash)

    await shop.mine()
    await reorg(shop.chain, 2, [[raw, 1]])
    await assertRejected(shop, second, await shop.resolve(second, { transactionHash }), COUNTED)
    assert.notEqual(await placeOfTransfer(transactionHash), placeBefore)
    await shop.confirm(first.id)
    await assertRejected(shop, second, await shop.resolve(second, { transactionHash }), COUNTED)
  })
})

async function placeOfTransfer(hash: Hex): Promise<number> {
  const { logs } = await shop.client.getTransactionReceipt({ hash })
  return logs.findIndex(({ address }) => address === shop.plain.address.toLowerCase())
}

describe('a transaction that pays several times', () => {
  it('resolves as many vouchers as it has equal transfers', async () => {
    const to = shop.newRecipient()
    const vouchers = await Promise.all(Array.from({ length: 3 }, () => shop.ask(UNITS, to)))
    const transactionHash = await shop.contractCall(batcher.address, batch([moving(to), moving(to)]))
    await shop.mine()
    const answers = await Promise.all(vouchers.map((voucher) => shop.resolve(voucher, { transactionHash })))
    const outcomes = answers.map(({ status, body }) => (status === 200 ? body.status : body.code))
    assert.deepEqual(outcomes.toSorted(), ['RESOLVED', 'RESOLVED', 'receipt_rejected'])
    assert.equal(await shop.balance(to), 2n * UNITS)
  })

  it('resolves vouchers of different payees', async () => {
    const [one, two] = [shop.newRecipient(), shop.newRecipient()]
    const [first, second] = [await shop.ask(UNITS, one), await shop.ask(UNITS, two)]
    const transactionHash = await shop.contractCall(batcher.address, batch([moving(one), moving(two)]))
    await shop.mine()
    assertResolved(await shop.resolve(second, { transactionHash }))
    assertResolved(await shop.resolve(first, { transactionHash }))
  })
})

describe('a call and the transfer that it makes', () => {
  for (const callFirst of [true, false]) {
    it(`count once, ${callFirst ? 'the call' : 'the transfer'} first`, async () => {
      const to = shop.newRecipient()
      const call = await askForCall(shop.plain.address, transferData(to, UNITS))
      const transfer = await shop.ask(UNITS, to)
      const transactionHash = await shop.send({ units: UNITS, to })
      await shop.mine()
      const [first, second] = callFirst ? [call, transfer] : [transfer, call]
      assertResolved(await shop.resolve(first, { transactionHash }))
      await assertRejected(shop, second, await shop.resolve(second, { transactionHash }), COUNTED)
    })

    it(`count once in the native coin, ${callFirst ? 'the call' : 'the transfer'} first`, async () => {
      const to = shop.newRecipient()
      const call = await askForCall(to, '0x', parseEther('0.5').toString())
      const transfer = await shop.askFor(asking('0.5', token(NETWORK, 'COIN', '', 18), to))
      const transactionHash = await shop.client.sendTransaction({
        ...{ account: shop.sender(), to, value: parseEther('0.5') },
      })
      await shop.mine()
      const [first, second] = callFirst ? [call, transfer] : [transfer, call]
      assertResolved(await shop.resolve(first, { transactionHash }))
      await assertRejected(shop, second, await shop.resolve(second, { transactionHash }), COUNTED)
    })
  }

  it('count once where the call moves two tokens', async () => {
    const to = shop.newRecipient()
    const data = batch([moving(to), moving(to)])
    const call = await askForCall(batcher.address, data)
    const transfer = await shop.ask(UNITS, to)
    const transactionHash = await shop.contractCall(batcher.address, data)
    await shop.mine()
    assertResolved(await shop.resolve(call, { transactionHash }))
    await assertRejected(shop, transfer, await shop.resolve(transfer, { transactionHash }), COUNTED)
  })
})
