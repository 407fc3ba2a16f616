import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parseUnits } from 'viem'
import type { Currency } from '../../src/domain/currency.ts'
import { CURRENCIES } from '../support/exchange.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES

let shop: SwapShop
before(async () => {
  shop = await openSwapShop()
})
after(() => shop.stop())

const unitsOf = (amount: string | undefined, { decimals }: Currency): bigint => parseUnits(amount ?? '', decimals)

describe('a payer pays in another currency, and the payee gets exactly what it asked', () => {
  for (const [supplied, asked, amount] of [
    [USDC, EURC, '100'],
    [EURC, USDC, '0.000001'],
    [POL, EURC, '12.345678'],
    [USDC, POL, '0.000000000000000001'],
    [EURC, POL, '7.5'],
  ] as const) {
    it(`${supplied.symbol} for ${amount} ${asked.symbol}`, async () => {
      const to = shop.newRecipient()
      const voucher = await shop.quoted(await shop.ask(amount, asked, to), supplied)
      const before = await shop.balance(supplied, shop.payer.address)
      const receipts = await shop.sendAll(voucher)
      const { status, body } = await shop.resolve(voucher, receipts)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(body.status, 'RESOLVED')
      assert.equal(await shop.balance(asked, to), unitsOf(amount, asked))
      const paid = before - (await shop.balance(supplied, shop.payer.address))
      if (supplied !== POL) assert.equal(paid, unitsOf(voucher.suppliedPayment?.amount, supplied))
    })
  }
})
