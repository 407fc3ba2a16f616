import { type Currency, detectCurrency } from '../domain/currency.ts'
import { invalidField } from '../domain/refusal.ts'
import type { MarketQuote, QuoteQuestion, QuoteRefusal } from '../fx/fx.ts'
import { formatAmount, parseAmount } from '../protocol/amounts.ts'
import type { ConvertCurrencyBody } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import type { Call } from './call.ts'
import { keepAnswer } from './commit.ts'

/**
 * What an amount of one currency is worth in another right now, in whole units, rounded down. Nothing is promised.
 * @throws Refusal `validation_failed`, also where nobody has a price; `overloaded` where the node cannot be asked
 */
export async function convertCurrency(app: App, call: Call, body: ConvertCurrencyBody): Promise<string> {
  return keepAnswer(app, call.idempotency, await convert(app, body))
}

async function convert(app: App, body: ConvertCurrencyBody): Promise<string> {
  const from = readCurrency(app, '/sourceCurrency', {
    network: body.sourceNetwork,
    currency: body.sourceCurrency,
    currencyAddress: body.sourceCurrencyAddress,
  })
  const to = readCurrency(app, '/targetCurrency', {
    network: body.targetNetwork,
    currency: body.targetCurrency,
    currencyAddress: body.targetCurrencyAddress,
  })
  const units = parseAmount(body.amount, from.decimals)
  if (typeof units !== 'bigint') throw invalidField('/amount', units.refusal)
  if (from === to) return formatAmount(units, from.decimals)
  const quote = await askForQuote(app, { from, to, exact: 'in', units })
  if ('refusal' in quote) throw invalidField('/targetCurrency', `cannot be had: ${quote.refusal}`)
  return formatAmount(quote.unitsOut, to.decimals)
}

function readCurrency(app: App, path: string, question: Parameters<typeof detectCurrency>[1]): Currency {
  const currency = detectCurrency(app.currencies, question)
  if ('refusal' in currency) throw invalidField(path, currency.refusal)
  return currency
}

async function askForQuote(app: App, question: QuoteQuestion): Promise<MarketQuote | QuoteRefusal> {
  const chain = app.chains.get(question.from.network)
  const ask = () => app.fx.quote(question)
  return chain === undefined ? ask() : askChain(chain, ask)
}
