import { formatAmount } from '../protocol/amounts.ts'
import type { Network } from './currency.ts'
import type { SimpleTerms } from './payment.ts'
import { keptByPools, type Quote } from './quote.ts'
import type { Fee, Wording } from './review.ts'

/** A quote whose payments are not written yet. */
export type Price = Omit<Quote, 'approvals' | 'swap'>

type Coin = Network['nativeCurrency']

/** The approval that a swap needs first. @param units smallest units that the router may take; 0 takes the permission back */
export function wordApproval({ supplied, route }: Price, units: bigint, { symbol }: Coin): Wording {
  const { network, currency, currencyAddress, decimals } = supplied
  const amount = formatAmount(units, decimals)
  const allows = [{ currency, currencyAddress, amount, spender: route.router }]
  const gas = { currency: symbol, amount: null }
  const review = { leaves: [], arrives: [], allows, fees: [], gas, complete: true }
  if (units === 0n) {
    return {
      summary: `Let the exchange ${route.router} take no more ${currency} on ${network}, so that it can be allowed anew.`,
      review: { ...review, worstCase: "Nothing but the network's gas leaves this wallet." },
    }
  }
  return {
    summary: `Let the exchange ${route.router} take up to ${amount} ${currency} on ${network}.`,
    review: {
      ...review,
      worstCase: `Nothing but the network's gas leaves this wallet yet; the exchange may take up to ${amount} ${currency} until the approval is used or taken back.`,
    },
  }
}

/** The swap itself. */
export function wordSwap(price: Price, terms: SimpleTerms, { symbol }: Coin): Wording {
  const { currency, currencyAddress, decimals, network } = price.supplied
  const [amount, maxAmount] = [price.units, price.maxUnits].map((units) => formatAmount(BigInt(units), decimals))
  const got = { currency: terms.currency, currencyAddress: terms.currencyAddress, amount: terms.amount }
  return {
    summary: `Swap about ${amount} ${currency}, at most ${maxAmount}, for ${terms.amount} ${terms.currency} to ${terms.recipient} on ${network}.`,
    review: {
      leaves: [{ currency, currencyAddress, amount: amount ?? '', maxAmount: maxAmount ?? '' }],
      arrives: [{ ...got, wallet: { address: terms.recipient } }],
      allows: [],
      fees: feesOf(price, terms),
      gas: { currency: symbol, amount: null },
      complete: true,
      worstCase: `${maxAmount} ${currency} leaves this wallet, and the network's gas; should the swap cost more, or come too late, nothing moves and only the gas is lost.`,
    },
  }
}

/** What the operator takes, and what the pools keep; both are part of what leaves the wallet. */
export function feesOf({ supplied, units, fee, route }: Price, terms: SimpleTerms): Fee[] {
  const { currency, currencyAddress, decimals } = supplied
  const kept = formatAmount(keptByPools(BigInt(units), route), decimals)
  const exchange: Fee = { to: 'exchange', currency, currencyAddress, amount: kept }
  if (fee === null) return [exchange]
  const { currency: asked, currencyAddress: askedAddress } = terms
  const taken = formatAmount(BigInt(fee.units), terms.decimals)
  return [{ to: 'operator', currency: asked, currencyAddress: askedAddress, amount: taken }, exchange]
}
