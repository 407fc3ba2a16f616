import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CURRENCIES } from '../support/exchange.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { EURC, USDC } = CURRENCIES

/** The sandbox's own price is 1.085. */
const rate = (toUnits: bigint) => ({
  from: USDC,
  to: EURC,
  toUnits,
  perFrom: 1_085n,
  validUntilMs: Date.now() + 3_600_000,
})

for (const [name, isTraded, toUnits, detail] of [
  ['names a price at which nobody swaps', false, 1_000n, /its price is known here, but nobody swaps it/],
  ['contradicts the exchange', true, 1_100n, /the sources uniswap-v3 and fixed-rate disagree on USDC for EURC/],
] as const) {
  describe(`a rate of the operator that ${name}`, () => {
    let shop: SwapShop
    before(async () => {
      shop = await openSwapShop({
        served: ({ fx, ...network }) => {
          assert.ok(fx)
          const uniswapV3 = isTraded ? fx.uniswapV3 : null
          return { ...network, fx: { ...fx, uniswapV3, rates: [rate(toUnits)] } }
        },
      })
    })
    after(() => shop.stop())

    it('gives no quote, in plain words', async () => {
      const voucher = await shop.ask('10', EURC)
      const { status, body } = await shop.negotiate(voucher.id, USDC)
      assert.deepEqual([status, body.code], [400, 'validation_failed'])
      assert.match(body.detail ?? '', detail)
      assert.deepEqual(await shop.look(voucher), voucher)
    })
  })
}
