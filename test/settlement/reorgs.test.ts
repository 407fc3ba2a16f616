import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { encodeFunctionData, erc20Abi, keccak256 } from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { eventually } from '../support/server.ts'
import { openShop, PAYER_UNITS, reorg, type Shop } from './shop.ts'

const UNITS = 1_000n
const DROP_GRACE_MS = 60_000
const SPED_UP_WEI = 20_000_000_000n

let shop: Shop

before(async () => {
  shop = await openShop({ times: { resolveWaitMs: 300, dropGraceMs: DROP_GRACE_MS, contextTtlMs: 86_400_000 } })
})
after(() => shop.stop())

type Paid = { voucher: VoucherView; to: Hex; raw: Hex; hash: Hex }

/** A payment that was handed in while it waits for its block. */
async function payUnmined(proof: 'by hash' | 'signed' = 'by hash'): Promise<Paid> {
  const to = shop.newRecipient()
  const voucher = await shop.ask(UNITS, to)
  const raw = await shop.sign({ units: UNITS, to })
  const hash = keccak256(raw)
  if (proof === 'by hash') await shop.client.sendRawTransaction({ serializedTransaction: raw })
  const receipt = proof === 'by hash' ? { transactionHash: hash } : { signedTransaction: raw }
  const { body } = await shop.resolve(voucher, receipt)
  assert.equal(body.settlement?.status, 'PENDING', JSON.stringify(body))
  return { voucher, to, raw, hash }
}

/** A payment that is proven, one block deep. */
async function payMined(proof: 'by hash' | 'signed' = 'by hash'): Promise<Paid> {
  const paid = await payUnmined(proof)
  await shop.mine()
  await shop.until(paid.voucher.id, ({ status }) => status === 'RESOLVED')
  return paid
}

/** Lets a transaction that is gone be gone for longer than the server waits. New blocks make it look. */
async function untilDropped(id: string): Promise<VoucherView> {
  await shop.mine()
  await untilMissing(id)
  shop.server.clock.advance(DROP_GRACE_MS)
  await shop.mine()
  return untilFailed(id)
}

/** Until the server has noticed that the node does not know the transaction any more. */
async function untilMissing(id: string): Promise<void> {
  await eventually(async () => {
    const voucher = await shop.server.app.store.voucher(id)
    const transaction = voucher && 'settlement' in voucher ? voucher.settlement?.transactions[0] : null
    return transaction && transaction.missingSinceMs !== null
  })
}

function untilFailed(id: string): Promise<VoucherView> {
  return shop.until(id, ({ settlement }) => settlement?.status === 'FAILED')
}

async function lastEvent(id: string): Promise<string | undefined> {
  return (await shop.events(id)).at(-1)
}

const observedIn = ({ observedPayments = [] }: VoucherView) =>
  observedPayments.map(({ transactionHash, reason, amount }) => [transactionHash, reason, amount])

/** Pays again after a failure, and follows that to its depth. */
async function payAgain(id: string, to: Hex): Promise<void> {
  const voucher = await shop.look(id)
  const transactionHash = await shop.send({ units: UNITS, to })
  await shop.mine()
  const key = { 'idempotency-key': randomUUID() }
  const { status, body } = await shop.resolve(voucher, { transactionHash }, key)
  assert.deepEqual([status, body.status], [200, 'RESOLVED'], JSON.stringify(body))
  assert.deepEqual((await shop.resolve(voucher, { transactionHash }, key)).body, body)
  const settled = await shop.confirm(id)
  assert.equal(settled.settlement?.transactions[0]?.transactionHash, transactionHash)
  assert.equal(settled.settlement.failure, undefined)
  assert.equal(await lastEvent(id), 'voucher.settled')
  assert.equal(await shop.balance(to), UNITS)
}

describe('a reorg', () => {
  it('that puts the transaction into another block changes nothing but the block', async () => {
    const { voucher, raw, hash, to } = await payMined()
    await shop.mine()
    await reorg(shop.chain, 2, [[raw, 1]])
    const { blockHash } = await shop.client.getTransactionReceipt({ hash })
    const moved = await shop.until(voucher.id, (v) => v.settlement?.transactions[0]?.blockHash === blockHash)
    assert.deepEqual([moved.status, moved.settlement?.status], ['RESOLVED', 'PENDING'])

    const settled = await shop.confirm(voucher.id)
    assert.equal(settled.settlement?.transactions[0]?.blockHash, blockHash)
    assert.equal(await shop.balance(to), UNITS)
    assert.deepEqual((await shop.events(voucher.id)).slice(2), ['voucher.resolved', 'voucher.settled'])
  })

  it('that puts the transaction into an older block does not make the payment older', async () => {
    const { voucher, raw, hash } = await payMined()
    await reorg(shop.chain, 3, [[raw, 0]])
    const { blockHash } = await shop.client.getTransactionReceipt({ hash })
    await shop.until(voucher.id, (v) => v.settlement?.transactions[0]?.blockHash === blockHash)
    const settled = await shop.confirm(voucher.id)
    assert.equal(settled.status, 'RESOLVED')
    assert.deepEqual((await shop.events(voucher.id)).slice(2), ['voucher.resolved', 'voucher.settled'])
  })

  it('that loses one of two parts leaves the other in sight; what comes back too late is paid twice, and no more', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const approval = [shop.sender(2).address, UNITS] as const
    const approve = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: approval })
    await shop.contractCall(shop.plain.address, approve)
    const part = await shop.send({ units: 600n, to })
    await shop.mine()
    assert.equal((await shop.resolve(voucher, { transactionHash: part })).body.code, 'receipt_rejected')
    const raw = await shop.sign({ units: 400n, to })
    await shop.client.sendRawTransaction({ serializedTransaction: raw })
    await shop.mine()
    assert.equal((await shop.resolve(voucher, { transactionHash: keccak256(raw) })).body.status, 'RESOLVED')
    await reorg(shop.chain, 1)
    const failed = await eventually(async () => {
      shop.server.clock.advance(DROP_GRACE_MS)
      await shop.mine()
      const now = await shop.look(voucher.id)
      return now.settlement?.status === 'FAILED' && now
    })
    assert.deepEqual(observedIn(failed), [[part, 'UNDERPAID', '0.0006']])
    assert.match(failed.payments?.[0]?.summary ?? '', /^Send 0\.0004 EURC/)

    const args = [shop.payerAddress, to, 400n] as const
    const rest = await shop.contractCall(
      shop.plain.address,
      encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args }),
      2,
    )
    await shop.mine()
    const completed = (await shop.resolve(failed, { transactionHash: rest })).body
    assert.deepEqual([completed.settlement?.status, observedIn(completed)], ['PENDING', []])
    assert.deepEqual(completed.mayStillBeMined, [keccak256(raw)])
    await shop.client.sendRawTransaction({ serializedTransaction: raw })
    const twice = await eventually(async () => {
      shop.server.clock.advance(5_000)
      await shop.mine()
      const now = await shop.look(voucher.id)
      return now.observedPayments !== undefined && now
    })
    assert.deepEqual(observedIn(twice), [[keccak256(raw), 'DUPLICATE', '0.0004']])
  })

  it('that loses the transaction fails the settlement, and the payer pays again', async () => {
    const { voucher, to } = await payMined()
    await reorg(shop.chain, 1)
    const failed = await untilDropped(voucher.id)
    assert.equal(failed.status, 'RESOLVED')
    assert.match(
      failed.settlement?.failure ?? '',
      /not been seen for \d+ s: the node has lost it; nobody has used its nonce/,
    )
    assert.equal(await lastEvent(voucher.id), 'voucher.settlement_failed')
    assert.equal(await shop.balance(to), 0n)
    await payAgain(voucher.id, to)
  })

  it('that loses the transaction for a while fails nothing', async () => {
    const { voucher, raw } = await payMined()
    await reorg(shop.chain, 1)
    await untilMissing(voucher.id)
    shop.server.clock.advance(DROP_GRACE_MS / 2)
    await shop.client.sendRawTransaction({ serializedTransaction: raw })
    await shop.mine()
    await shop.until(voucher.id, ({ settlement }) => settlement?.transactions[0]?.blockNumber !== null)
    shop.server.clock.advance(DROP_GRACE_MS)
    await shop.confirm(voucher.id)
    assert.deepEqual((await shop.events(voucher.id)).slice(2), ['voucher.resolved', 'voucher.settled'])
  })

  it('that loses a transaction which came signed has the server broadcast it again', async () => {
    const { voucher, to, hash } = await payMined('signed')
    await reorg(shop.chain, 1)
    await eventually(() => isKnown(hash))
    shop.server.clock.advance(2 * DROP_GRACE_MS)
    await shop.mine()
    await shop.confirm(voucher.id)
    assert.equal(await shop.balance(to), UNITS)
    assert.deepEqual((await shop.events(voucher.id)).slice(2), ['voucher.resolved', 'voucher.settled'])
  })

  it('after the depth that was required changes nothing', async () => {
    const { voucher, to } = await payMined()
    const confirmed = await shop.confirm(voucher.id)
    await reorg(shop.chain, 4)
    assert.equal(await shop.balance(to), 0n)
    shop.server.clock.advance(DROP_GRACE_MS)
    const { voucher: later } = await payMined()
    await shop.confirm(later.id)
    assert.deepEqual(await shop.look(voucher.id), confirmed)
  })
})

async function isKnown(hash: Hex): Promise<boolean> {
  return shop.client.getTransaction({ hash }).then(
    () => true,
    () => false,
  )
}

describe('a transaction that waits for its block', () => {
  const nonceOf = async (hash: Hex) => (await shop.client.getTransaction({ hash })).nonce

  it('and is not seen any more fails the settlement; the voucher can still be paid', async () => {
    const { voucher, to, hash } = await payUnmined()
    await shop.client.dropTransaction({ hash })
    const failed = await untilDropped(voucher.id)
    assert.equal(failed.status, 'REDEEMED')
    assert.match(failed.settlement?.failure ?? '', /not been seen for \d+ s/)
    assert.equal(await lastEvent(voucher.id), 'voucher.settlement_failed')
    assert.deepEqual(failed.mayStillBeMined, [hash])
    // It takes the nonce of the one that was dropped, which then is certain to be over.
    await payAgain(voucher.id, to)
    await eventually(async () => {
      shop.server.clock.advance(60_000)
      await shop.mine()
      return (await shop.look(voucher.id)).mayStillBeMined === undefined
    })
    assert.equal((await shop.look(voucher.id)).observedPayments, undefined)
  })

  for (const proof of ['by hash', 'signed'] as const) {
    it(`and is sped up resolves under its new hash (handed in ${proof})`, async () => {
      const { voucher, to, hash } = await payUnmined(proof)
      const nonce = await nonceOf(hash)
      const replacement = await shop.send({ units: UNITS, to, nonce, gasPrice: SPED_UP_WEI })
      assert.equal(await isKnown(hash), false)
      await untilMissing(voucher.id)
      assert.equal((await shop.look(voucher.id)).settlement?.status, 'PENDING')
      await shop.mine()
      const resolved = await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
      assert.equal(resolved.settlement?.transactions[0]?.transactionHash, replacement)
      await shop.confirm(voucher.id)
      assert.equal(await shop.balance(to), UNITS)
    })
  }

  it('and is replaced by something else fails the settlement, which names the replacement', async () => {
    const { voucher, to, hash } = await payUnmined()
    const nonce = await nonceOf(hash)
    const replacement = await shop.send({ units: UNITS, to: shop.newRecipient(), nonce, gasPrice: SPED_UP_WEI })
    await shop.mine()
    const failed = await untilFailed(voucher.id)
    assert.equal(failed.status, 'REDEEMED')
    assert.match(
      failed.settlement?.failure ?? '',
      new RegExp(`its nonce ${nonce} was used by transaction ${replacement} instead: the Transfer went to 0x`),
    )
    assert.equal(await lastEvent(voucher.id), 'voucher.settlement_failed')
    await payAgain(voucher.id, to)
  })

  it('and reverts fails the settlement', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(2n * PAYER_UNITS, to)
    const transactionHash = await shop.send({ units: 2n * PAYER_UNITS, to })
    assert.equal((await shop.resolve(voucher, { transactionHash })).body.settlement?.status, 'PENDING')
    await shop.mine()
    const failed = await untilFailed(voucher.id)
    assert.equal(failed.status, 'REDEEMED')
    assert.match(failed.settlement?.failure ?? '', /the transaction reverted/)
    assert.equal(await shop.balance(to), 0n)
  })

  it('and reverts during the wait is rejected', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(2n * PAYER_UNITS, to)
    const transactionHash = await shop.send({ units: 2n * PAYER_UNITS, to })
    const answer = shop.resolve(voucher, { transactionHash })
    await shop.until(voucher.id, ({ settlement }) => settlement?.status === 'PENDING')
    await shop.mine()
    const { status, body } = await answer
    assert.deepEqual([status, body.code], [400, 'receipt_rejected'])
    assert.match(body.detail ?? '', /the transaction reverted/)
  })
})
