import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concat, encodeFunctionData, erc20Abi, maxUint256, parseAbi, parseUnits, zeroAddress } from 'viem'
import { entryPoint08Address as ENTRY_POINT } from 'viem/account-abstraction'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { ok } from '../http/problems.ts'
import { type Deployed, devAccount } from '../support/anvil.ts'
import { approve, CURRENCIES, succeed, tokenOf } from '../support/exchange.ts'
import { type Answer, newParties, type Parties } from '../support/server.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { EURC, POL, USDC } = CURRENCIES

const TEN = parseUnits('10', EURC.decimals)
const NOT_PAID = /no Transfer of an address of the payer into the pool \S+ pays for what the payee got/
const NOT_GIVEN = /has no swap with a Transfer of exactly 10000000 units/
const COUNTED = /counted for another payment already/

const EXACT_INPUT = parseAbi([
  'struct ExactInput { bytes path; address recipient; uint256 deadline; uint256 amountIn; uint256 amountOutMinimum; }',
  'function exactInput(ExactInput) payable returns (uint256 amountOut)',
])

/** Another payer at the same shop, and whoever sends what both have signed in one transaction. */
const [other, bundler] = [devAccount(3), devAccount(4)]

type Call = { target: Hex; data: Hex }

let shop: SwapShop
let others: Parties
let batcher: Deployed
/** What an account holds that does what it is told, as one that has delegated to a smart account does. */
let delegated: Hex
before(async () => {
  shop = await openSwapShop()
  others = await newParties(shop.server.url, { payers: [other.address] })
  batcher = await shop.chain.deploy('Batcher')
  delegated = concat(['0xef0100', batcher.address])
  for (const account of [shop.payer, other]) {
    await approve(shop.chain, account, tokenOf(USDC))
    await shop.chain.client.setCode({ address: account.address, bytecode: delegated })
  }
})
after(() => shop.stop())

/** Both vouchers ask the same for the same payee. */
async function quotedTwice(to = shop.newRecipient()): Promise<[VoucherView, VoucherView]> {
  const mine = await shop.quoted(await shop.ask('10', EURC, to), USDC)
  return [mine, await quotedAs(mine, others, other.address)]
}

/** A voucher of somebody else who is asked for the same, and chooses the same currency to pay in. */
async function quotedAs({ expectedPayment, suppliedPayment }: VoucherView, of: Parties, address: Hex) {
  const { id } = await shop.ask('10', EURC, shop.addressOf(expectedPayment?.wallet.address), of)
  const body = { suppliedPayment: { ...suppliedPayment, wallet: { address } } }
  return ok(await of.payer.post<VoucherView>(`/vouchers/${id}/negotiate-voucher`, body))
}

function run(calls: Call[]): Hex {
  return encodeFunctionData({ ...batcher, functionName: 'run', args: [calls] })
}

/** What an account that has delegated does. */
const as = (account: { address: Hex }, ...calls: Call[]): Call => ({ target: account.address, data: run(calls) })

function swapCall(voucher: VoucherView): Call {
  const { to, data } = shop.swapOf(voucher).input
  return { target: to as Hex, data: data as Hex }
}

async function sendTogether(...calls: Call[]): Promise<Hex> {
  const call = { account: bundler, to: batcher.address, data: run(calls), gas: 3_000_000n }
  const hash = await shop.chain.client.sendTransaction(call)
  await succeed(shop.chain, hash)
  return hash
}

const resolveMine = (voucher: VoucherView, hash: Hex) => shop.resolve(voucher, shop.receiptsOf(voucher, hash))

const resolveTheirs = ({ id, ...voucher }: VoucherView, hash: Hex, of = others): Promise<Answer<VoucherView>> =>
  of.payer.post(`/vouchers/${id}/resolve-voucher`, { receipts: shop.receiptsOf({ id, ...voucher }, hash) })

function assertRejected({ status, body }: Answer<VoucherView>, detail: RegExp): void {
  assert.deepEqual([status, body.code], [400, 'receipt_rejected'], JSON.stringify(body))
  assert.match(body.detail ?? '', detail)
}

function assertResolved({ body }: Answer<VoucherView>): void {
  assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
}

async function routeOf(voucher: VoucherView): Promise<{ pool: Hex; tokens: Hex[]; cost: bigint }> {
  const quote = (await shop.quotesOf(voucher)).at(-1)
  const [pool] = quote?.route.pools ?? []
  assert.ok(quote && pool)
  return { pool, tokens: quote.route.tokens, cost: BigInt(quote.units) }
}

describe('two payers swap in one transaction', () => {
  it('and each has paid its own voucher', async () => {
    const [mine, theirs] = await quotedTwice()
    const hash = await sendTogether(as(other, swapCall(theirs)), as(shop.payer, swapCall(mine)))
    assertResolved(await resolveMine(mine, hash))
    assertResolved(await resolveTheirs(theirs, hash))
    assertRejected(await resolveMine((await quotedTwice())[0], hash), /./)
  })

  it('and one of them for itself, for as much as the other paid', async () => {
    const [mine, theirs] = await quotedTwice()
    const { tokens, cost } = await routeOf(theirs)
    const [tokenIn = '0x', tokenOut = '0x'] = tokens
    const params = {
      ...{ path: concat([tokenIn, '0x0001f4', tokenOut]), recipient: shop.payer.address },
      ...{ deadline: maxUint256, amountIn: cost, amountOutMinimum: 0n },
    }
    const data = encodeFunctionData({ abi: EXACT_INPUT, functionName: 'exactInput', args: [params] })
    const own = as(shop.payer, { target: SANDBOX_EXCHANGE.router, data })
    for (const calls of [
      [as(other, swapCall(theirs)), own],
      [own, as(other, swapCall(theirs))],
    ]) {
      assertRejected(await resolveMine(mine, await sendTogether(...calls)), NOT_PAID)
    }
  })

  for (const [gift, unitsOf] of [
    ['one unit', () => 1n],
    ['as much as the other paid', (cost: bigint) => cost],
  ] as const) {
    it(`and one of them only gives the pool ${gift}`, async () => {
      const [mine, theirs] = await quotedTwice()
      const { pool, cost } = await routeOf(theirs)
      const args = [pool, unitsOf(cost)] as const
      const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args })
      const giving = as(shop.payer, { target: tokenOf(USDC), data })
      const hash = await sendTogether(giving, as(other, swapCall(theirs)), giving)
      assertRejected(await resolveMine(mine, hash), NOT_PAID)
      assertResolved(await resolveTheirs(theirs, hash))
    })
  }
})

describe('a swap that somebody hands in who only names its address', () => {
  it('counts for the payer who signed for its voucher, before it negotiated', async () => {
    const asked = await shop.ask('10', EURC)
    const { id, signingMessage = '' } = asked
    const publicKey = shop.payer.address
    const signature = await shop.payer.signMessage({ message: signingMessage })
    ok(await shop.parties.payer.post(`/vouchers/${id}/sign-voucher`, { publicKey, signature }))
    const mine = await shop.quoted(asked, USDC)
    const namer = await newParties(shop.server.url, { payers: [publicKey] })
    const theirs = await quotedAs(mine, namer, publicKey)
    const hash = await sendTogether(as(shop.payer, swapCall(mine)))
    assertRejected(await resolveTheirs(theirs, hash, namer), /has shown to hold that address/)
    assertResolved(await resolveMine(mine, hash))
    assertRejected(await resolveTheirs(theirs, hash, namer), COUNTED)
  })
})

describe('what a swap moves', () => {
  /** Its route, through which everybody's money passes, and the contract that carries out operations of smart accounts. */
  const PASSED_THROUGH = async (voucher: VoucherView): Promise<Hex[]> => [
    (await routeOf(voucher)).pool,
    SANDBOX_EXCHANGE.router,
    SANDBOX_EXCHANGE.wrappedNative,
    ENTRY_POINT,
    zeroAddress,
  ]
  const UNSHOWN = /0x\w{40} is a contract, and nothing shows that it pays for this payer\. Sign this voucher/

  for (const [kind, asked, given] of [
    ['tokens', EURC, USDC],
    ['the native coin in', EURC, POL],
    ['the native coin out', POL, USDC],
  ] as const) {
    it(`belongs to the swap, and to nobody who names what it went through: ${kind}`, async () => {
      const mine = await shop.quoted(await shop.ask('10', asked), given)
      const to = shop.addressOf(mine.expectedPayment?.wallet.address)
      const thief = await newParties(shop.server.url, { payers: await PASSED_THROUGH(mine) })
      const stolen = await shop.ask('10', asked, to, thief)
      // The code that it has delegated to takes no coins, and some are given back.
      await shop.chain.client.setCode({ address: shop.payer.address, bytecode: '0x' })
      const hash = await shop.send(shop.swapOf(mine))
      await succeed(shop.chain, hash)
      await shop.chain.client.setCode({ address: shop.payer.address, bytecode: delegated })
      const words = asked === POL ? /not an address of the payer|is a contract, and nothing shows/ : UNSHOWN
      assertRejected(await resolveTheirs(stolen, hash, thief), words)
      assertResolved(await resolveMine(mine, hash))
    })
  }
})

describe('one payer with two vouchers that ask the same', () => {
  it('swaps twice in one transaction, and has paid both', async () => {
    const to = shop.newRecipient()
    const vouchers = [await shop.ask('10', EURC, to), await shop.ask('10', EURC, to), await shop.ask('10', EURC, to)]
    const [one, two, three] = await Promise.all(vouchers.map((voucher) => shop.quoted(voucher, USDC)))
    assert.ok(one && two && three)
    const hash = await sendTogether(as(shop.payer, swapCall(one), swapCall(two)))
    const answers = await Promise.all([one, two, three].map((voucher) => resolveMine(voucher, hash)))
    const outcomes = answers.map(({ status, body }) => (status === 200 ? body.status : body.code))
    assert.deepEqual(outcomes.toSorted(), ['RESOLVED', 'RESOLVED', 'receipt_rejected'])
    assert.equal(await shop.balance(EURC, to), 2n * TEN)
  })

  it('swaps once, and has paid one', async () => {
    const to = shop.newRecipient()
    const one = await shop.quoted(await shop.ask('10', EURC, to), USDC)
    const two = await shop.quoted(await shop.ask('10', EURC, to), USDC)
    const hash = await shop.send(shop.swapOf(one))
    assertResolved(await resolveMine(two, hash))
    assertRejected(await resolveMine(one, hash), COUNTED)
  })
})

describe('what is no swap', () => {
  it('is a Transfer of the payer itself, shown as one', async () => {
    const voucher = await shop.quoted(await shop.ask('10', EURC), USDC)
    const args = [shop.addressOf(voucher.expectedPayment?.wallet.address), TEN] as const
    const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args })
    const hash = await sendTogether(as(shop.payer, { target: tokenOf(EURC), data }))
    assertRejected(await resolveMine(voucher, hash), NOT_GIVEN)
    // It is a payment as asked, and counts as one.
    const { payments = [] } = await shop.quoted(voucher, EURC)
    const receipts = payments.map(({ id }) => ({ paymentId: id, transactionHash: hash }))
    assertResolved(await shop.resolve(voucher, receipts))
  })

  it('is a log that only looks like the token’s', async () => {
    const voucher = await shop.quoted(await shop.ask('10', EURC), USDC)
    const { pool, cost } = await routeOf(voucher)
    const forger = await shop.chain.deploy('Forger')
    const forging = (from: Hex, to: Hex, units: bigint): Call => ({
      target: forger.address,
      data: encodeFunctionData({ ...forger, functionName: 'forge', args: [from, to, units] }),
    })
    const to = shop.addressOf(voucher.expectedPayment?.wallet.address)
    const hash = await sendTogether(forging(pool, to, TEN), forging(shop.payer.address, pool, cost))
    assertRejected(await resolveMine(voucher, hash), NOT_GIVEN)
  })
})
