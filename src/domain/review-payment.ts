import type { Network } from './currency.ts'
import type { SimpleTerms } from './payment.ts'
import type { Review } from './review.ts'

/** What goes out in full and arrives in full, as with a plain transfer. */
export function reviewTransfer(terms: SimpleTerms, { symbol }: Network['nativeCurrency']): Review {
  const { currency, currencyAddress, recipient } = terms
  const money = { currency, currencyAddress, amount: terms.amount }
  return {
    leaves: [money],
    arrives: [{ ...money, wallet: { address: recipient } }],
    allows: [],
    fees: [],
    gas: { currency: symbol, amount: null },
    complete: true,
    worstCase: `${money.amount} ${currency} leaves this wallet, and the network's gas; nothing else can be taken.`,
  }
}
