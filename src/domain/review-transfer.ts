import type { Network } from './currency.ts'
import type { SimpleTerms } from './payment.ts'
import type { Wording } from './review.ts'

/** A plain transfer: what leaves the wallet arrives in full. */
export function wordTransfer(terms: SimpleTerms, { symbol }: Network['nativeCurrency']): Wording {
  const { network, currency, currencyAddress, amount, recipient } = terms
  const money = { currency, currencyAddress, amount }
  return {
    summary: `Send ${amount} ${currency} to ${recipient} on ${network}.`,
    review: {
      leaves: [money],
      arrives: [{ ...money, wallet: { address: recipient } }],
      allows: [],
      fees: [],
      gas: { currency: symbol, amount: null },
      complete: true,
      worstCase: `${amount} ${currency} leaves this wallet, and the network's gas; nothing else can be taken.`,
    },
  }
}
