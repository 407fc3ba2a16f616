import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { encodeFunctionData, erc20Abi, getAddress, maxUint256, parseEther } from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import type { Voucher } from '../../src/domain/voucher.ts'
import { newId } from '../../src/protocol/ids.ts'
import type { SessionResolvedView, VoucherView } from '../../src/protocol/schemas.ts'
import { assertInvalidFields, ok } from '../http/problems.ts'
import type { Deployed } from '../support/anvil.ts'
import {
  type Answer,
  asking,
  eventually,
  newContext,
  openSession,
  receiptsOf,
  redeem,
  redeemInSession,
  type Scene,
  type TestCaller,
  token,
  withToken,
} from '../support/server.ts'
import { decimal, NETWORK, openShop, type Shop, transferData } from './shop.ts'
import { walletSignIn } from './signing.ts'

const UNITS = 1_000n
const DAY_MS = 24 * 60 * 60 * 1000
const HELD = /another payer .* has shown to hold that address\..*sign-voucher/
const COUNTED = /counted for another payment already/

let shop: Shop
let batcher: Deployed
/** Signs in with the wallet that pays. */
let holder: Scene
/** Signs in with an email address, and names the address of that wallet. */
let other: Scene

before(async () => {
  shop = await openShop({
    times: { resolveWaitMs: 200 },
    prepare: async (chain) => {
      batcher = await chain.deploy('Batcher')
    },
  })
  const args = [batcher.address, maxUint256] as const
  await shop.contractCall(shop.plain.address, encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args }))
  await shop.mine()
})
after(() => shop.stop())

/** The clock runs past the life of context codes: each test has contexts of its own. */
beforeEach(async () => {
  holder = await sceneOf(await signedIn(1))
  other = await sceneOf(shop.parties.payer)
})

/** A payer names the address that pays, and is asked for payments. */
const sceneOf = (payer: TestCaller) => newContext(shop.server.url, payer, { payers: [shop.payerAddress] })

/** Whoever signs in with the wallet of this index. */
async function signedIn(index: number): Promise<TestCaller> {
  const signIn = await walletSignIn(shop.server, shop.sender(index), shop.chain.chainId)
  return withToken(shop.server.url, ok(signIn).authorization.token)
}

const ask = (of: Scene, to: Hex, units = UNITS) => redeem(of, asking(decimal(units), shop.eurc, to))

const resolve = ({ payer }: Scene, voucher: VoucherView, transactionHash: Hex) =>
  payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher, { transactionHash }))

async function pay(to: Hex, units = UNITS): Promise<Hex> {
  const hash = await shop.send({ units, to })
  await shop.mine()
  return hash
}

async function sign({ payer }: Scene, { id, signingMessage = '' }: VoucherView, signer = shop.sender()) {
  const body = { publicKey: shop.payerAddress, signature: await signer.signMessage({ message: signingMessage }) }
  return payer.post<VoucherView>(`/vouchers/${id}/sign-voucher`, body)
}

function assertHeld({ status, body }: Answer<VoucherView>): void {
  assert.deepEqual([status, body.code], [400, 'receipt_rejected'], JSON.stringify(body))
  assert.match(body.detail ?? '', HELD)
}

function assertResolved({ body }: Answer<VoucherView>): void {
  assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
}

function until({ payer }: Scene, { id }: VoucherView, wanted: (voucher: VoucherView) => boolean): Promise<VoucherView> {
  return eventually(async () => {
    const { body } = await payer.get<VoucherView>(`/vouchers/${id}`)
    return wanted(body) && body
  })
}

/** One transaction in which the batcher moves the payer's token to each of these. */
async function payAll(recipients: Hex[]): Promise<Hex> {
  const calls = recipients.map((to) => {
    const args = [shop.payerAddress, to, UNITS] as const
    return {
      target: shop.plain.address,
      data: encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args }),
    }
  })
  const hash = await shop.contractCall(
    batcher.address,
    encodeFunctionData({ ...batcher, functionName: 'run', args: [calls] }),
  )
  await shop.mine()
  return hash
}

describe('a payment that somebody else hands in first', () => {
  it('counts for the payer who signs in with its address', async () => {
    const to = shop.newRecipient()
    const [theirs, own] = [await ask(other, to), await ask(holder, to)]
    const hash = await pay(to)
    assertHeld(await resolve(other, theirs, hash))
    assertResolved(await resolve(holder, own, hash))
    assert.match((await resolve(other, theirs, hash)).body.detail ?? '', COUNTED)
  })

  it('counts for the payer who has signed its voucher with that address', async () => {
    const to = shop.newRecipient()
    const signer = await shop.partiesOf(1)
    const [theirs, own] = [await ask(other, to), await ask(signer, to)]
    ok(await sign(signer, own))
    const hash = await pay(to)
    assertHeld(await resolve(other, theirs, hash))
    assertResolved(await resolve(signer, own, hash))
  })

  it('counts for its payer where both waited for the block', async () => {
    const to = shop.newRecipient()
    const [theirs, own] = [await ask(other, to), await ask(holder, to)]
    const hash = await shop.send({ units: UNITS, to })
    const answers = await Promise.all([resolve(other, theirs, hash), resolve(holder, own, hash)])
    for (const answer of answers) assert.equal(ok(answer).settlement?.status, 'PENDING')
    await shop.mine()
    await until(holder, own, ({ status }) => status === 'RESOLVED')
    const refused = await until(other, theirs, ({ settlement }) => settlement?.status === 'FAILED')
    assert.equal(refused.status, 'REDEEMED')
    assert.equal((await shop.events(theirs.id)).at(-1), 'voucher.settlement_failed')
  })

  const BEATEN = /was first to hand the transaction in|counted for another payment already/

  it('counts for who was first to hand it in, where neither payer has shown to hold the address', async () => {
    const first = await shop.partiesOf(1)
    const payments: { own: VoucherView; theirs: VoucherView; hash: Hex }[] = []
    for (const to of [shop.newRecipient(), shop.newRecipient(), shop.newRecipient()]) {
      const [own, theirs] = [await ask(first, to), await ask(other, to)]
      payments.push({ own, theirs, hash: await shop.send({ units: UNITS, to }) })
    }
    const pending = await Promise.all(payments.map(({ own, hash }) => resolve(first, own, hash)))
    for (const answer of pending) assert.equal(ok(answer).settlement?.status, 'PENDING')
    const [waiting, ...mined] = payments
    assert.ok(waiting)
    assert.equal(ok(await resolve(other, waiting.theirs, waiting.hash)).settlement?.status, 'PENDING')
    await shop.mine()
    for (const { body } of await Promise.all(mined.map(({ theirs, hash }) => resolve(other, theirs, hash)))) {
      assert.equal(body.code, 'receipt_rejected')
      assert.match(body.detail ?? '', BEATEN)
    }
    for (const { own } of payments) await until(first, own, ({ status }) => status === 'RESOLVED')
    const beaten = await until(other, waiting.theirs, ({ settlement }) => settlement?.status === 'FAILED')
    assert.match(beaten.settlement?.failure ?? '', BEATEN)
  })

  it('counts for its payer also where both vouchers have ended', async () => {
    const to = shop.newRecipient()
    const [theirs, own] = [await ask(other, to), await ask(holder, to)]
    const hash = await pay(to)
    ok(await other.payer.post(`/vouchers/${theirs.id}/discard-voucher`))
    assertHeld(await resolve(other, theirs, hash))
    shop.server.clock.advance(DAY_MS / 2)
    assertHeld(await resolve(other, theirs, hash))
    const late = await resolve(holder, own, hash)
    assertResolved(late)
    assert.equal(late.body.late, true)
  })

  it('counts for its payer in a session, of whatever kind it is', async () => {
    const to = shop.newRecipient()
    const coin = token(NETWORK, 'COIN', '', 18)
    const data = transferData(shop.newRecipient(), UNITS)
    const call = { from: '{payer}', to: shop.plain.address, value: '0', data }
    const kinds = [
      { terms: asking('0.25', coin, to), pays: { to, value: parseEther('0.25') } },
      {
        terms: {
          networks: [{ network: NETWORK, type: 'evm', chainId: String(shop.chain.chainId) }],
          payments: [{ type: 'send_transaction', input: call }],
        },
        pays: { to: shop.plain.address, data },
      },
    ]
    for (const { terms, pays } of kinds) {
      const session = await openSession(other)
      const theirs = await redeemInSession(other, session.id, terms)
      const own = await redeem(holder, terms)
      const transactionHash = await shop.client.sendTransaction({ account: shop.sender(), ...pays, gas: 100_000n })
      await shop.mine()
      const path = `/vouchers/sessions/${session.id}/session-resolve`
      const answer = await other.payer.post<SessionResolvedView>(path, receiptsOf(theirs, { transactionHash }))
      const [result] = ok(answer).results
      assert.equal(result?.problem?.code, 'receipt_rejected')
      assert.match(result.problem.detail, HELD)
      assertResolved(await resolve(holder, own, transactionHash))
    }
  })

  it('counts for its payer among thousands of vouchers that others made in its context, before and after', async () => {
    const { store } = shop.server.app
    const to = shop.newRecipient()
    const like = await store.voucher((await ask(holder, shop.newRecipient())).id)
    assert.ok(like?.status === 'REDEEMED' && like.redemption.terms.type === 'SIMPLE')
    const { redemption, quotes, quoteId, signature, settlement, ...plain } = like
    const many = (make: (row: { id: string; code: string }) => Voucher) =>
      Array.from({ length: 1_500 }, () =>
        make({ id: newId('vch', like.createdAtMs), code: randomBytes(8).toString('hex') }),
      )
    // Asked for the same, but after the payment: those can never count it.
    const later = { ...redemption, terms: { ...redemption.terms, recipient: getAddress(to) }, headNumber: 1_000_000 }
    await store.commit({ vouchers: many((row) => ({ ...like, ...row, version: 1, redemption: later }) as Voucher) })
    const [theirs, own] = [await ask(other, to), await ask(holder, to)]
    await store.commit({ vouchers: many((row) => ({ ...plain, ...row, version: 1, status: 'RESERVED' })) })
    const hash = await pay(to)
    assertHeld(await resolve(other, theirs, hash))
    assertResolved(await resolve(holder, own, hash))
  })

  it('counts for the holder of what a call moves, before whoever sends that call', async () => {
    const { address, abi } = batcher
    const to = shop.newRecipient()
    const args = [shop.payerAddress, to, UNITS] as const
    const moving = encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args })
    const data = encodeFunctionData({
      abi,
      functionName: 'run',
      args: [[{ target: shop.plain.address, data: moving }]],
    })
    const sender = shop.sender(3)
    const bundler = await newContext(shop.server.url, await signedIn(3), { payers: [sender.address] })
    const call = { type: 'send_transaction', input: { from: '{payer}', to: address, value: '0', data } }
    const networks = [{ network: NETWORK, type: 'evm', chainId: String(shop.chain.chainId) }]
    const [theirs, own] = [await redeem(bundler, { networks, payments: [call] }), await ask(holder, to)]
    const hash = await shop.contractCall(address, data, 3)
    await shop.mine()
    const refused = await resolve(bundler, theirs, hash)
    assert.equal(refused.body.code, 'receipt_rejected')
    assert.match(refused.body.detail ?? '', /another payer is asked for what \S+ gives in it/)
    assertResolved(await resolve(holder, own, hash))
  })

  it('does not count by a signature of anybody else', async () => {
    const to = shop.newRecipient()
    const [theirs, own] = [await ask(other, to), await ask(holder, to)]
    assertInvalidFields(await sign(other, theirs, shop.sender(2)), ['/signature'])
    assertInvalidFields(
      await sign(other, { ...theirs, signingMessage: own.signingMessage ?? '' }),
      ['/signature'],
      'what the holder has signed for its own voucher',
    )
    assertHeld(await resolve(other, theirs, await pay(to)))
  })
})

describe('a voucher that a holder has paid in part', () => {
  const PART = 600n

  async function payPart(voucher: VoucherView, to: Hex): Promise<void> {
    const { body } = await resolve(holder, voucher, await pay(to, PART))
    assert.equal(body.code, 'receipt_rejected', JSON.stringify(body))
    const [remainder] = ok(await holder.payer.get<VoucherView>(`/vouchers/${voucher.id}`)).payments ?? []
    assert.equal(remainder?.input.data, transferData(to, UNITS - PART).toLowerCase())
  }

  it('is completed by the holder, whoever else is asked for what is missing', async () => {
    const to = shop.newRecipient()
    const mine = await ask(holder, to)
    await payPart(mine, to)
    const theirs = await ask(other, to, UNITS - PART)
    const rest = await pay(to, UNITS - PART)
    assertHeld(await resolve(other, theirs, rest))
    assertResolved(await resolve(holder, mine, rest))
  })

  it('is completed also where somebody else has handed in the part first', async () => {
    const to = shop.newRecipient()
    const [mine, theirs] = [await ask(holder, to), await ask(other, to, 2n * UNITS)]
    const part = await pay(to, PART)
    assert.equal((await resolve(other, theirs, part)).body.code, 'receipt_rejected')
    assert.equal((await resolve(holder, mine, part)).body.code, 'receipt_rejected')
    assertResolved(await resolve(holder, mine, await pay(to, UNITS - PART)))
  })

  it('counts in parts for the holder, also where somebody else has handed in all of them first', async () => {
    const to = shop.newRecipient()
    const [mine, theirs] = [await ask(holder, to), await ask(other, to, UNITS - 1n)]
    const [part, rest] = [await pay(to, PART), await pay(to, UNITS - PART)]
    assert.equal((await resolve(other, theirs, part)).body.code, 'receipt_rejected')
    assertHeld(await resolve(other, theirs, rest))
    assert.equal((await resolve(holder, mine, part)).body.code, 'receipt_rejected')
    assertResolved(await resolve(holder, mine, rest))

    // Whoever has signed with that address holds it, too, whoever signs in with it.
    const [second, last] = [await ask(other, to), await ask(holder, to)]
    ok(await sign(other, second))
    assert.equal((await resolve(other, second, await pay(to, PART))).body.code, 'receipt_rejected')
    assertResolved(await resolve(other, second, await pay(to, UNITS - PART + 1n)))
    await payPart(last, to)
  })
})

describe('a payer with two accounts', () => {
  it('is not in its own way', async () => {
    const to = shop.newRecipient()
    await ask(holder, shop.newRecipient())
    const voucher = await ask(other, to)
    const ended = await ask(holder, to)
    assertResolved(await resolve(holder, ended, await pay(to)))
    assertResolved(await resolve(other, voucher, await pay(to)))
  })

  it('that is asked twice for the same signs, and any of both counts', async () => {
    const to = shop.newRecipient()
    const [voucher, twin] = [await ask(other, to), await ask(holder, to)]
    const hash = await pay(to)
    assertHeld(await resolve(other, voucher, hash))
    ok(await sign(other, voucher))
    assertResolved(await resolve(other, voucher, hash))
    assert.match((await resolve(holder, twin, hash)).body.detail ?? '', COUNTED)

    const [signed, second] = [await ask(other, to), await ask(holder, to)]
    ok(await sign(other, signed))
    assertResolved(await resolve(holder, second, await pay(to)))
  })

  it('pays for both in one transaction, each part where it is asked for', async () => {
    const [to, elsewhere] = [shop.newRecipient(), shop.newRecipient()]
    const [voucher, twin] = [await ask(other, to), await ask(holder, to)]
    const unlike = await ask(other, elsewhere)
    const hash = await payAll([to, elsewhere, to])
    assertResolved(await resolve(other, unlike, hash))
    assertHeld(await resolve(other, voucher, hash))
    assertResolved(await resolve(holder, twin, hash))
    assertResolved(await resolve(other, voucher, hash))
  })

  it('that cannot sign any more waits for a day', async () => {
    const to = shop.newRecipient()
    const second = await sceneOf(await signedIn(2))
    const voucher = await ask(second, to)
    await ask(holder, to)
    const hash = await pay(to)
    shop.server.clock.advance(DAY_MS / 2)
    assertHeld(await resolve(second, voucher, hash))
    shop.server.clock.advance(DAY_MS / 2)
    assertResolved(await resolve({ ...second, payer: await signedIn(2) }, voucher, hash))
  })
})
