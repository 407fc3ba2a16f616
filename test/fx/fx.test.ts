import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ChainUnavailable } from '../../src/chains/chain.ts'
import { fixedRates } from '../../src/fx/fixed-rates.ts'
import { Fx, type QuoteQuestion, type Source } from '../../src/fx/fx.ts'
import { UniswapV3 } from '../../src/fx/uniswap-v3.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { CURRENCIES, type ExchangeChain, openChain, startExchange } from '../support/exchange.ts'

const { POL, EURC, USDC } = CURRENCIES

describe('quotes of several sources', () => {
  let chain: ExchangeChain
  let node: FaultyNode
  let uniswap: UniswapV3

  before(async () => {
    chain = await startExchange()
    node = await startFaultyNode(chain.rpcUrl)
    uniswap = new UniswapV3(openChain(node.url), SANDBOX_EXCHANGE)
    await uniswap.findPools([POL, EURC, USDC])
  })
  after(async () => {
    await node.stop()
    await chain.stop()
  })

  /** A rate of so many thousandths of a USDC for each EURC. */
  const rate = (perMille: bigint, validUntilMs = 1): Source =>
    fixedRates([{ from: EURC, to: USDC, toUnits: perMille, perFrom: 1000n, validUntilMs }], () => 0)
  const fxOf = (...sources: Source[]) => new Fx(new Map([['polygon', { sources, maxDisagreementBps: 200 }]]))
  const question: QuoteQuestion = { from: EURC, to: USDC, exact: 'out', units: 1_085_000_000n }

  async function unitsIn(fx: Fx): Promise<bigint> {
    const quote = await fx.quote(question)
    assert.ok('source' in quote)
    return quote.unitsIn
  }

  async function refusal(fx: Fx, asked = question): Promise<string> {
    const quote = await fx.quote(asked)
    assert.ok('refusal' in quote)
    return quote.refusal
  }

  it('come from the first that has one', async () => {
    const onChain = await unitsIn(fxOf(uniswap))
    assert.ok(onChain > 1_000_000_000n && onChain < 1_002_000_000n, `${onChain}`)
    assert.equal(await unitsIn(fxOf(uniswap, rate(1085n))), onChain)
    assert.equal(await unitsIn(fxOf(rate(1085n), uniswap)), 1_000_000_000n)
    assert.equal(await unitsIn(fxOf(rate(1085n, 0), uniswap)), onChain, 'a rate that has ended counts for nothing')
  })

  it('are refused where sources disagree beyond the bound, whichever is first', async () => {
    assert.ok(await unitsIn(fxOf(uniswap, rate(1100n))))
    for (const far of [1050n, 1120n]) {
      assert.match(
        await refusal(fxOf(uniswap, rate(far))),
        /sources uniswap-v3 and fixed-rate disagree on EURC for USDC/,
      )
      assert.match(await refusal(fxOf(rate(far), uniswap)), /disagree/)
    }
  })

  it('are refused where nobody has a price', async () => {
    assert.match(await refusal(fxOf()), /nobody here exchanges EURC for USDC on polygon/)
    assert.match(await refusal(new Fx(new Map())), /nobody here exchanges/)
    assert.match(await refusal(fxOf(uniswap), { ...question, units: 10n ** 15n }), /or not that much/)
    const abroad = { ...question, to: { ...USDC, network: 'base' } }
    assert.match(await refusal(fxOf(uniswap), abroad), /no way from polygon to base/)
  })

  it('come from the next while a node is down, and are unknown where there is no next', async () => {
    node.fault = () => ({ status: 500 })
    try {
      assert.equal(await unitsIn(fxOf(uniswap, rate(1085n))), 1_000_000_000n)
      await assert.rejects(fxOf(uniswap).quote(question), ChainUnavailable)
    } finally {
      node.fault = () => undefined
    }
  })

  it('can be had for what can be swapped; a rate alone swaps nothing', () => {
    const fx = fxOf(rate(1085n), uniswap)
    assert.ok(fx.isBridgeable(EURC) && fx.isBridgeable(POL) && fx.connects(EURC, POL) && fx.connects(EURC, USDC))
    assert.ok(!fxOf(rate(1085n)).isBridgeable(EURC) && !fxOf(rate(1085n)).connects(EURC, USDC))
    assert.ok(fxOf().connects(EURC, EURC) && !fx.connects(EURC, { ...EURC, network: 'base' }))
  })
})
