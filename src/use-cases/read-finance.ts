import type { Currency, Network } from '../domain/currency.ts'
import type { CurrencyQuery, CurrencyView, NetworkQuery, NetworkView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { pageOf } from './page.ts'

/** A page of a list, and what of the query differs for the next one; null where there is none. */
type Sliced<View> = { views: View[]; next: { offset: number } | null }

/**
 * The networks that vouchers can be paid on. Nothing is exchanged between networks, so a `srcNetwork` reaches
 * itself alone and a `dstNetwork` is reached from itself alone.
 */
export function listNetworks(app: App, query: NetworkQuery): Sliced<NetworkView> {
  const wanted = [query.network, query.srcNetwork, query.dstNetwork].filter((name) => name !== undefined)
  const networks = [...app.networks.values()].filter(({ name }) => wanted.every((want) => want === name))
  return slice(networks, query, networkView)
}

/**
 * The currencies that vouchers can ask for. `src…` keeps those that a payer who holds such a currency can pay in, and
 * `dst…` those that can be paid for such a currency. A currency reaches itself, and others where they are exchanged.
 */
export function listCurrencies(app: App, query: CurrencyQuery): Sliced<CurrencyView> {
  const { network, symbol, address } = query
  const sources = endsOf(app, { network: query.srcNetwork, symbol: query.srcSymbol, address: query.srcAddress })
  const targets = endsOf(app, { network: query.dstNetwork, symbol: query.dstSymbol, address: query.dstAddress })
  const currencies = app.currencies.all.filter(
    (currency) =>
      matches(currency, { network, symbol, address }) &&
      (sources === null || sources.some((source) => app.fx.connects(source, currency))) &&
      (targets === null || targets.some((target) => app.fx.connects(currency, target))),
  )
  return slice(currencies, query, (currency) => currencyView(app, currency))
}

type Description = { network: string | undefined; symbol: string | undefined; address: string | undefined }

/** The currencies at one end of a way; null where nothing is said of that end. */
function endsOf(app: App, described: Description): Currency[] | null {
  if (Object.values(described).every((value) => value === undefined)) return null
  return app.currencies.all.filter((currency) => matches(currency, described))
}

function matches(currency: Currency, { network, symbol, address }: Description): boolean {
  return (
    (network === undefined || network === currency.network) &&
    (symbol === undefined || symbol.toLowerCase() === currency.symbol.toLowerCase()) &&
    (address === undefined || address.toLowerCase() === currency.address.toLowerCase())
  )
}

function slice<T, View>(rows: T[], query: { limit?: number; offset?: number }, view: (row: T) => View): Sliced<View> {
  const { limit, offset } = pageOf(query)
  const end = offset + limit
  return { views: rows.slice(offset, end).map(view), next: end < rows.length ? { offset: end } : null }
}

function networkView(network: Network): NetworkView {
  const { symbol, decimals } = network.nativeCurrency
  return {
    network: network.name,
    type: network.type,
    chainId: network.chainId,
    nativeCurrency: { symbol, decimals },
    enabled: network.enabled,
  }
}

function currencyView(app: App, currency: Currency): CurrencyView {
  const { symbol, network, address, decimals, enabled } = currency
  return { symbol, network, address, decimals, bridgeable: app.fx.isBridgeable(currency), enabled }
}
