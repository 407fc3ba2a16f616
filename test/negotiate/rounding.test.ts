import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, it } from 'node:test'
import fc from 'fast-check'
import { getAddress, maxUint256 } from 'viem'
import type { Sighting } from '../../src/chains/chain.ts'
import { readTransfer } from '../../src/chains/evm/read-transfer.ts'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex, SimpleTerms } from '../../src/domain/payment.ts'
import { type Quote, quotedExpectation } from '../../src/domain/quote.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { quoteSwap } from '../../src/use-cases/quote-swap.ts'
import { devAccount } from '../support/anvil.ts'
import { approve, CURRENCIES, type ExchangeChain } from '../support/exchange.ts'
import { deployToken, openPool, type PoolSide } from '../support/pools.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL } = CURRENCIES
const { wrappedNative, router } = SANDBOX_EXCHANGE

/** What is swapped for what, by decimals; each has pools of its own, so that all can swap in one block. */
const PAIRS = [
  { gives: 0, gets: 18, through: false },
  { gives: 18, gets: 0, through: false },
  { gives: 2, gets: 6, through: false },
  { gives: 8, gets: 9, through: false },
  { gives: 12, gets: 5, through: false },
  { gives: 'native', gets: 0, through: false },
  { gives: 'native', gets: 6, through: false },
  { gives: 6, gets: 'native', through: false },
  { gives: 18, gets: 2, through: true },
  { gives: 0, gets: 16, through: true },
] as const

const ROUNDS = 100
const SEED = 20_261_121

/** Whole units that a pool holds of each side. */
const POOL_WHOLE = 10n ** 7n

const OPERATOR = getAddress(`0x${randomBytes(20).toString('hex')}`)

type Pair = { from: Currency; to: Currency }

const payer = devAccount(2)
const pairs: Pair[] = []
let shop: SwapShop

before(async () => {
  shop = await openSwapShop({
    served: async (network, chain) => {
      for (const { gives, gets, through } of PAIRS) pairs.push(await openPair(chain, gives, gets, through))
      const tokens = pairs.flatMap(({ from, to }) => [from, to]).filter(({ address }) => address !== '')
      return { ...network, currencies: [...network.currencies, ...tokens] }
    },
  })
  await shop.chain.client.setBalance({ address: payer.address, value: 10n ** 27n })
})
after(() => shop.stop())

type Side = number | 'native'

async function openPair(chain: ExchangeChain, gives: Side, gets: Side, through: boolean): Promise<Pair> {
  const [from, to] = [await currencyOf(chain, gives), await currencyOf(chain, gets)]
  const [one, other] = [from, to].map(sideOf)
  assert.ok(one && other)
  if (through) {
    await openPool(chain, 500, [one, sideOf(POL)])
    await openPool(chain, 3000, [sideOf(POL), other])
  } else await openPool(chain, 500, [one, other])
  if (from.address !== '') await approve(chain, payer, from.address)
  return { from, to }
}

function sideOf({ address, decimals }: Currency): PoolSide {
  return { token: address || wrappedNative, units: POOL_WHOLE * 10n ** BigInt(decimals) }
}

let tokens = 0

async function currencyOf(chain: ExchangeChain, decimals: Side): Promise<Currency> {
  if (decimals === 'native') return POL
  tokens += 1
  const symbol = `T${tokens}`
  const holders = [devAccount(0).address, payer.address]
  const address = await deployToken(chain, { symbol, decimals, holders, units: 10n ** BigInt(decimals + 12) })
  return { symbol, network: POL.network, address, decimals, enabled: true }
}

function termsOf({ to }: Pair, units: bigint): SimpleTerms {
  return {
    ...{ type: 'SIMPLE', network: to.network, currency: to.symbol, currencyAddress: to.address, amount: '' },
    ...{ amountUnits: units.toString(), decimals: to.decimals, recipient: shop.newRecipient() },
  }
}

type Trial = { pair: Pair; terms: SimpleTerms; quote: Quote }

/** @param feeBps what the operator takes */
async function quote(pair: Pair, units: bigint, feeBps: number): Promise<Trial> {
  const { app } = shop.server
  const fee = feeBps === 0 ? null : { bps: feeBps, recipient: OPERATOR }
  const terms = termsOf(pair, units)
  const { network, symbol, address, decimals } = pair.from
  const supplied = { network, currency: symbol, currencyAddress: address, decimals, wallet: payer.address }
  const order = { terms, supplied, nowMs: app.clock(), untilMs: Number.POSITIVE_INFINITY }
  return { pair, terms, quote: await quoteSwap({ ...app, swaps: { ...app.swaps, fee } }, order) }
}

function send({ quote: { swap } }: Trial): Promise<Hex> {
  const { to, data, value } = swap.input
  // Signed by the node, which knows the keys of these accounts: that is quicker.
  return shop.chain.client.sendTransaction({ account: payer.address, to, data, value: BigInt(value), gas: 900_000n })
}

/** The price that the first of two swaps leaves has 96 binary places, and is rounded. */
function isTrifle(units: bigint, quote: Quote): boolean {
  const most = 4n + BigInt(quote.units) / 10n ** 15n
  return -most <= units && units <= most
}

/** Asserts that what was mined is what was quoted, to the last unit. */
async function assertExact({ pair, terms, quote }: Trial, sighting: Sighting): Promise<void> {
  assert.ok(sighting.state === 'mined')
  const what = `${terms.amountUnits} units of ${pair.to.decimals} decimals for ${quote.units} of ${pair.from.decimals}`
  assert.ok(sighting.succeeded, `reverted: ${what}`)
  const moved = (token: Hex, to: Hex) =>
    sighting.logs.reduce((sum, log) => {
      const transfer = log.address === token.toLowerCase() ? readTransfer(log) : null
      return transfer !== null && getAddress(transfer.to) === getAddress(to) ? sum + transfer.value : sum
    }, 0n)
  const {
    tokens: [tokenIn],
    pools: [poolIn],
  } = quote.route
  assert.ok(tokenIn && poolIn)
  const paid = moved(tokenIn, poolIn)
  const got = await (terms.currencyAddress === ''
    ? shop.balance(POL, terms.recipient)
    : moved(terms.currencyAddress, terms.recipient))
  assert.equal(got, BigInt(terms.amountUnits), what)
  if (terms.currencyAddress !== '')
    assert.equal(moved(terms.currencyAddress, OPERATOR), BigInt(quote.fee?.units ?? 0), what)
  const spare = BigInt(quote.units) - paid
  if (quote.fee === null) assert.equal(spare, 0n, what)
  else assert.ok(isTrifle(spare, quote), `${spare} units apart: ${what}`)
  assert.ok(paid <= BigInt(quote.maxUnits), what)
  const expectation = quotedExpectation(quote, terms, quote.swap.id)
  assert.ok(expectation)
  const proof = shop.server.app.rules.prove({ expectation, sighting, payers: [payer.address], afterBlockNumber: 0 })
  assert.deepEqual(proof.proven, true, what)
}

it(`the payee gets exactly what it asked, for exactly what was quoted: ${ROUNDS * PAIRS.length} amounts`, async () => {
  const chain = shop.server.app.chains.get(POL.network)
  assert.ok(chain)
  const sizes = fc.sample(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.bigInt({ min: 0n, max: maxUint256 })),
    {
      numRuns: ROUNDS * PAIRS.length,
      seed: SEED,
    },
  )
  await shop.chain.client.setAutomine(false)
  let nativeFees = 0n
  for (let round = 0; round < ROUNDS; round++) {
    const feeBps = round % 3 === 0 ? 25 : 0
    const trials = await Promise.all(pairs.map((pair) => quote(pair, amountOf(pair, sizes.pop()), feeBps)))
    const hashes: Hex[] = []
    for (const trial of trials) hashes.push(await send(trial))
    await shop.chain.client.mine({ blocks: 1 })
    const sightings = await Promise.all(hashes.map((hash) => chain.sight(hash)))
    await Promise.all(trials.map((trial, index) => assertExact(trial, sightings[index] ?? { state: 'unknown' })))
    for (const { terms, quote } of trials) if (terms.currencyAddress === '') nativeFees += BigInt(quote.fee?.units ?? 0)
  }
  assert.equal(await shop.balance(POL, OPERATOR), nativeFees)
  assert.equal(await shop.balance(POL, router), 0n)
})

/** From the smallest unit to a ten-thousandth of the pool, each order of magnitude as often. */
function amountOf({ to }: Pair, [size, random]: [number, bigint] = [0, 0n]): bigint {
  const most = (POOL_WHOLE * 10n ** BigInt(to.decimals)) / 10_000n
  const digits = Math.floor(size * most.toString().length)
  const units = 1n + (random % 10n ** BigInt(digits + 1))
  return units > most ? most : units
}
