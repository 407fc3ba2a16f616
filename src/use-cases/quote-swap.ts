import type { Chain } from '../chains/chain.ts'
import type { Currency } from '../domain/currency.ts'
import type { Hex, Instruction, Payment, SimpleTerms } from '../domain/payment.ts'
import { type OperatorFee, type Quote, type Supplied, shareOf, withSlippage } from '../domain/quote.ts'
import { invalidField } from '../domain/refusal.ts'
import type { Wording } from '../domain/review.ts'
import { type Price, wordApproval, wordSwap } from '../domain/review-swap.ts'
import type { MarketQuote } from '../fx/fx.ts'
import { newId } from '../protocol/ids.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'

const PATH = '/suppliedPayment/currency'

/** What a quote is asked for: the terms, what the payer gives instead, and how long the quote may stand. */
export type QuoteOrder = { terms: SimpleTerms; supplied: Supplied; nowMs: number; untilMs: number }

/**
 * Finds the price of paying `terms` with another currency, and writes the payments that execute it.
 * @throws Refusal `validation_failed` where nobody swaps the one for the other, `overloaded` where the node cannot be asked
 */
export async function quoteSwap(app: App, order: QuoteOrder): Promise<Quote> {
  const chain = app.chains.get(order.terms.network)
  if (chain === undefined) {
    throw invalidField(PATH, `cannot be swapped here: the server has no node for ${order.terms.network}`)
  }
  return askChain(chain, async () => {
    const { price, outputs } = await findPrice(app, order)
    return { ...price, ...(await writePayments(app, chain, order, price, outputs)) }
  })
}

/** What the payee gets and what the operator takes, each for at most so much. */
type Outputs = Parameters<App['rules']['buildSwap']>[0]['outputs']

async function findPrice(app: App, order: QuoteOrder): Promise<{ price: Price; outputs: Outputs }> {
  const { terms, supplied, nowMs, untilMs } = order
  const { slippageBps, quoteTtlMs } = app.swaps
  const fee = operatorFee(app, terms)
  const asked = BigInt(terms.amountUnits)
  const market = await askMarket(app, order, asked + BigInt(fee?.units ?? 0))
  const outputs =
    fee === null
      ? [{ recipient: terms.recipient, units: asked, unitsIn: market.unitsIn }]
      : await priceApart(app, terms, market, fee)
  const bounded = outputs.map((output) => ({ ...output, maxUnitsIn: withSlippage(output.unitsIn, slippageBps) }))
  const price: Price = {
    id: newId('quo', nowMs),
    source: market.source,
    supplied,
    units: sum(bounded.map(({ unitsIn }) => unitsIn)).toString(),
    maxUnits: sum(bounded.map(({ maxUnitsIn }) => maxUnitsIn)).toString(),
    slippageBps,
    fee,
    route: market.route,
    quotedAtMs: nowMs,
    expiresAtMs: Math.min(nowMs + quoteTtlMs, untilMs),
  }
  return { price, outputs: bounded }
}

/** Null where the operator takes nothing, or less than the smallest unit. */
function operatorFee({ swaps }: App, { amountUnits }: SimpleTerms): OperatorFee | null {
  if (swaps.fee === null) return null
  const { bps, recipient } = swaps.fee
  const units = shareOf(BigInt(amountUnits), bps)
  return units === 0n ? null : { bps, units: units.toString(), recipient }
}

type Swappable = MarketQuote & { route: NonNullable<MarketQuote['route']> }

async function askMarket(app: App, { terms, supplied }: QuoteOrder, units: bigint): Promise<Swappable> {
  const [from, to] = [currencyOf(supplied), currencyOf(terms)]
  const market = await app.fx.quote({ from, to, exact: 'out', units })
  if ('refusal' in market) throw invalidField(PATH, `cannot pay this voucher: ${market.refusal}`)
  const { route } = market
  if (route === null) throw invalidField(PATH, `cannot pay this voucher: its price is known here, but nobody swaps it`)
  return { ...market, route }
}

function currencyOf(named: Supplied | SimpleTerms): Currency {
  const { network, currency, currencyAddress, decimals } = named
  return { symbol: currency, network, address: currencyAddress, decimals, enabled: true }
}

/** How often a pool rounds up in a swap: what it takes, and its fee on that. */
const ROUNDINGS = 2n

/**
 * What the payee and the operator get, each swapped for by itself. The operator's swap comes second, at the price that
 * the payee's leaves, and rounds up by itself.
 */
async function priceApart(app: App, terms: SimpleTerms, market: Swappable, fee: OperatorFee) {
  const [asked, feeUnits] = [BigInt(terms.amountUnits), BigInt(fee.units)]
  const costOf = (units: bigint) => app.fx.costAlong(terms.network, market, units)
  const [askedIn, feeIn] = await Promise.all([costOf(asked), costOf(feeUnits)])
  if (askedIn === null || feeIn === null) {
    throw invalidField(PATH, 'cannot pay this voucher: its price is moving; ask again')
  }
  let unitsIn = market.unitsIn - askedIn
  if (unitsIn < feeIn) unitsIn = feeIn
  unitsIn += ROUNDINGS * BigInt(market.route.pools.length)
  return [
    { recipient: terms.recipient, units: asked, unitsIn: askedIn },
    { recipient: fee.recipient, units: feeUnits, unitsIn },
  ]
}

async function writePayments(
  app: App,
  chain: Chain,
  { terms, supplied, nowMs }: QuoteOrder,
  price: Price,
  outputs: Outputs,
): Promise<Pick<Quote, 'approvals' | 'swap'>> {
  const coin = app.networks.get(terms.network)?.nativeCurrency ?? { symbol: '', decimals: 18 }
  const write = (input: Instruction['input'], wording: Wording): Payment => ({
    id: newId('pay', nowMs),
    type: 'send_transaction',
    network: terms.network,
    chainId: chain.chainId,
    input,
    ...wording,
  })
  const swap = app.rules.buildSwap({
    route: price.route,
    paysNative: supplied.currencyAddress === '',
    givesNative: terms.currencyAddress === '',
    outputs,
    deadlineS: Math.ceil(price.expiresAtMs / 1000),
  })
  const token = supplied.currencyAddress
  const allowances = token === '' ? [] : await missingAllowances(app, chain, token, price)
  return {
    approvals: allowances.map(({ input, units }) => write(input, wordApproval(price, units, coin))),
    swap: write(swap, wordSwap(price, terms, coin)),
  }
}

type Approval = { units: bigint; input: Instruction['input'] }

/** What the router must be allowed, one approval after the other: nothing where it may take enough already. */
async function missingAllowances(
  app: App,
  chain: Chain,
  token: Hex,
  { supplied, route, maxUnits }: Price,
): Promise<Approval[]> {
  const needed = BigInt(maxUnits)
  const allowed = await chain.allowance({ token, owner: supplied.wallet, spender: route.router })
  if (allowed === null) throw invalidField(PATH, `cannot be swapped: there is no token at ${token}`)
  if (allowed >= needed) return []
  const approvalOf = (units: bigint) => ({ units, input: app.rules.buildApproval(token, route.router, units) })
  const approval = approvalOf(needed)
  if (allowed === 0n || (await isTaken(chain, supplied.wallet, approval))) return [approval]
  return [approvalOf(0n), approval]
}

/** Some tokens change an allowance only from or to zero. */
async function isTaken(chain: Chain, wallet: Hex, { input: { to, value, data } }: Approval): Promise<boolean> {
  const [outcome] = await chain.simulate(wallet, [{ to, wei: BigInt(value), data }])
  return outcome?.ending !== 'reverts'
}

const sum = (amounts: bigint[]): bigint => amounts.reduce((one, other) => one + other, 0n)
