import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concat, encodeFunctionData, numberToHex, parseAbi, parseUnits } from 'viem'
import { ChainUnavailable } from '../../src/chains/chain.ts'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { MarketQuote } from '../../src/fx/fx.ts'
import { UniswapV3 } from '../../src/fx/uniswap-v3.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { startFaultyNode } from '../chains/faulty-node.ts'
import { devAccount } from '../support/anvil.ts'
import { approve, CURRENCIES, type ExchangeChain, openChain, startExchange, succeed } from '../support/exchange.ts'

const { POL, EURC, USDC } = CURRENCIES
const { wrappedNative, router, quoter } = SANDBOX_EXCHANGE
const SHOP: Hex = '0x00000000000000000000000000000000005409e5'
const NOBODY: Hex = '0x000000000000000000000000000000000000dEaD'
const payer = devAccount(2)

const EXACT_OUTPUT = parseAbi([
  'struct ExactOutput { bytes path; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; }',
  'function exactOutput(ExactOutput) payable returns (uint256 amountIn)',
])

describe('prices of Uniswap v3', () => {
  let chain: ExchangeChain
  let uniswap: UniswapV3

  before(async () => {
    chain = await startExchange()
    uniswap = new UniswapV3(openChain(chain.rpcUrl), { quoter, router })
    for (const { address } of [EURC, USDC]) if (address !== '') await approve(chain, payer, address)
  })
  after(() => chain.stop())

  const buying = (from: Currency, to: Currency, units: bigint) => uniswap.quote({ from, to, exact: 'out', units })
  const selling = (from: Currency, to: Currency, units: bigint) => uniswap.quote({ from, to, exact: 'in', units })

  /** Swaps at the very price of a quote; a unit less would revert. */
  async function swapAt({ route, unitsIn, unitsOut }: MarketQuote, value: bigint, atMost = unitsIn): Promise<void> {
    assert.ok(route)
    const [last, ...others] = route.tokens.toReversed()
    assert.ok(last)
    const fees = route.fees.toReversed()
    const hops = others.flatMap((token, hop) => [numberToHex(fees[hop] ?? 0, { size: 3 }), token])
    const params = { path: concat([last, ...hops]), recipient: SHOP, deadline: 2n ** 64n }
    const data = encodeFunctionData({
      abi: EXACT_OUTPUT,
      functionName: 'exactOutput',
      args: [{ ...params, amountOut: unitsOut, amountInMaximum: atMost }],
    })
    await succeed(chain, await chain.client.sendTransaction({ account: payer, to: router, data, value }))
  }

  for (const [from, to] of [
    [EURC, USDC],
    [USDC, EURC],
    [POL, EURC],
  ] as const) {
    it(`are what a swap of ${from.symbol} for exactly so much ${to.symbol} takes, and not a unit more`, async () => {
      assert.ok(to.address !== '')
      const quote = await buying(from, to, 123_456_789n)
      assert.ok(quote)
      assert.equal(quote.unitsOut, 123_456_789n)
      const before = await chain.tokenBalance(to.address, SHOP)
      await assert.rejects(swapAt(quote, from === POL ? quote.unitsIn : 0n, quote.unitsIn - 1n))
      await swapAt(quote, from === POL ? quote.unitsIn : 0n)
      assert.equal((await chain.tokenBalance(to.address, SHOP)) - before, 123_456_789n)
    })
  }

  it('name the way through the wrapped native coin where the direct pool is dearer', async () => {
    assert.ok(EURC.address !== '' && USDC.address !== '')
    const direct = await buying(EURC, USDC, 1_000_000n)
    assert.ok(direct)
    assert.deepEqual([direct.route?.tokens, direct.route?.fees], [[EURC.address, USDC.address], [500]])
    await chain.buy({ pay: EURC.address, get: USDC.address, fee: 500, units: parseUnits('500000', 6) })
    const around = await buying(EURC, USDC, 1_000_000n)
    assert.deepEqual(around?.route?.tokens, [EURC.address, wrappedNative, USDC.address])
    assert.deepEqual(around?.route?.fees, [3000, 3000])
    assert.ok(around.unitsIn > direct.unitsIn)
    await chain.buy({ pay: USDC.address, get: EURC.address, fee: 500, units: parseUnits('480000', 6) })
    assert.equal((await buying(EURC, USDC, 1_000_000n))?.route?.tokens.length, 2)
  })

  it('never promise more for an amount than buying that much costs', async () => {
    for (let units = 1n; units < 10n ** 12n; units = units * 7n + 3n) {
      const sold = await selling(USDC, EURC, units)
      if (sold === null) continue
      const bought = await buying(USDC, EURC, sold.unitsOut)
      assert.ok(bought && bought.unitsIn <= units, `${units}`)
    }
  })

  it('are not there for more than the pools hold', async () => {
    assert.equal(await buying(EURC, USDC, parseUnits('30000000', 6)), null)
    assert.equal(await selling(EURC, USDC, 2n ** 200n), null)
    assert.equal(await buying(USDC, USDC, 1n), null)
  })

  it('are not there for tokens without pools, which are not traded', async () => {
    const { address } = await chain.deploy('PlainToken', [1n])
    const odd: Currency = { ...EURC, symbol: 'ODD', address }
    assert.equal(uniswap.trades(EURC), false, 'nobody has looked yet')
    await uniswap.findPools([POL, EURC, USDC, odd])
    assert.deepEqual(
      [POL, EURC, USDC, odd].map((currency) => uniswap.trades(currency)),
      [true, true, true, false],
    )
    assert.equal(await buying(odd, EURC, 1n), null)
  })

  it('are not there where the contracts are not', async () => {
    for (const contracts of [
      { quoter: NOBODY, router },
      { quoter, router: NOBODY },
      { quoter: router, router: quoter },
    ]) {
      const misplaced = new UniswapV3(openChain(chain.rpcUrl), contracts)
      const isReversed = contracts.quoter === router
      if (!isReversed) await assert.rejects(misplaced.findPools([EURC]), /there is no QuoterV2 at/)
      assert.equal(await misplaced.quote({ from: EURC, to: USDC, exact: 'out', units: 1n }), null)
    }
  })

  it('are unknown, not absent, while the node fails', async () => {
    const node = await startFaultyNode(chain.rpcUrl)
    try {
      const through = new UniswapV3(openChain(node.url), { quoter, router })
      const ask = () => through.quote({ from: EURC, to: USDC, exact: 'out', units: 1_000_000n })
      assert.ok(await ask())
      for (const fault of [{ status: 500 }, 'garbage'] as const) {
        node.fault = ({ method }) => (method === 'eth_call' ? fault : undefined)
        await assert.rejects(ask(), ChainUnavailable)
      }
      node.fault = ({ method }) => (method === 'eth_call' ? { result: '0x' } : undefined)
      await assert.rejects(through.findPools([POL, EURC, USDC]), ChainUnavailable, 'it cannot make many calls in one')
    } finally {
      await node.stop()
    }
  })
})
