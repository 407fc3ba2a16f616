import { type Currency, detectCurrency } from '../domain/currency.ts'
import type { Hex, SimpleTerms } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import {
  assertNegotiable,
  assertQuotable,
  negotiateVoucher as negotiate,
  type SimpleVoucher,
} from '../domain/voucher.ts'
import type { NegotiateVoucherBody, VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { decideAndCommit, recordStep } from './commit.ts'
import { findVoucherAsPayer } from './find.ts'
import { quoteSwap } from './quote-swap.ts'
import { suppliedAsAsked } from './views.ts'

/**
 * The payer says what it would rather pay with. The answer's `suppliedPayment` is the quote, and its `payments` execute
 * it; another quote replaces the last one, and naming the currency that was asked goes back to paying as asked.
 * @throws Refusal `not_found`, `not_redeemed`, `not_simple`, `different_network`, `validation_failed`, `overloaded`
 */
export async function negotiateVoucher(
  app: App,
  call: Call<User>,
  voucherId: string,
  { suppliedPayment }: NegotiateVoucherBody,
): Promise<VoucherView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const voucher = await findVoucherAsPayer(app, call, voucherId)
    assertNegotiable(voucher)
    const { terms } = voucher.redemption
    const currency = readCurrency(app, terms, suppliedPayment)
    const wallet = readWallet(app, voucher, suppliedPayment.wallet.address)
    const isAsAsked = currency.address === terms.currencyAddress
    const quote = isAsAsked ? null : await findQuote(app, call.nowMs, voucher, currency, wallet)
    const { change, view } = recordStep(negotiate(voucher, quote, call.nowMs), call.nowMs)
    return { change, answer: isAsAsked ? { ...view, suppliedPayment: suppliedAsAsked(terms, wallet) } : view }
  })
}

function findQuote(app: App, nowMs: number, voucher: SimpleVoucher, currency: Currency, wallet: Hex) {
  assertQuotable(voucher)
  const { network, symbol, address, decimals } = currency
  return quoteSwap(app, {
    terms: voucher.redemption.terms,
    supplied: { network, currency: symbol, currencyAddress: address, decimals, wallet },
    nowMs,
    untilMs: voucher.status === 'REDEEMED' ? voucher.expiresAtMs : Number.POSITIVE_INFINITY,
  })
}

function readCurrency(
  app: App,
  terms: SimpleTerms,
  { network = terms.network, currency, currencyAddress }: NegotiateVoucherBody['suppliedPayment'],
): Currency {
  if (network.toLowerCase() !== terms.network.toLowerCase()) {
    throw new Refusal(
      'different_network',
      `The payee asks for a payment on ${terms.network}: it cannot be made from ${network}.`,
    )
  }
  const found = detectCurrency(app.currencies, { network, currency, currencyAddress })
  if ('refusal' in found) throw invalidField('/suppliedPayment/currency', found.refusal)
  return found
}

/** Only the payer's own addresses: the chain counts a swap by who paid for it. */
function readWallet(app: App, { payers }: SimpleVoucher, text: string): Hex {
  const address = app.rules.readAddress(text)
  if (address !== null && payers.includes(address)) return address
  throw invalidField('/suppliedPayment/wallet/address', "must be one of the context's payer addresses")
}
