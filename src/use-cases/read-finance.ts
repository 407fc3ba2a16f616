import type { Currency, Network } from '../domain/currency.ts'
import type { CurrencyQuery, CurrencyView, NetworkQuery, NetworkView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { pageOf } from './page.ts'

/**
 * The networks that vouchers can be paid on. Routes between networks do not exist here, so a `srcNetwork` reaches
 * itself alone and a `dstNetwork` is reached from itself alone.
 */
export function listNetworks(app: App, query: NetworkQuery): NetworkView[] {
  const wanted = [query.network, query.srcNetwork, query.dstNetwork].filter((name) => name !== undefined)
  const networks = [...app.networks.values()].filter(({ name }) => wanted.every((want) => want === name))
  return slice(networks, query).map(networkView)
}

/** The currencies that vouchers can ask for; the `src…` and `dst…` filters follow the rule of `listNetworks`. */
export function listCurrencies(app: App, query: CurrencyQuery): CurrencyView[] {
  const networks = [query.network, query.srcNetwork, query.dstNetwork].filter((value) => value !== undefined)
  const symbols = [query.symbol, query.srcSymbol, query.dstSymbol].filter((value) => value !== undefined)
  const addresses = [query.address, query.srcAddress, query.dstAddress].filter((value) => value !== undefined)
  const currencies = app.currencies.all.filter(
    (currency) =>
      networks.every((name) => name === currency.network) &&
      symbols.every((symbol) => symbol.toLowerCase() === currency.symbol.toLowerCase()) &&
      addresses.every((address) => address.toLowerCase() === currency.address.toLowerCase()),
  )
  return slice(currencies, query).map(currencyView)
}

function slice<T>(rows: T[], query: { limit?: number; offset?: number }): T[] {
  const { limit, offset } = pageOf(query)
  return rows.slice(offset, offset + limit)
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

function currencyView({ symbol, network, address, decimals, bridgeable, enabled }: Currency): CurrencyView {
  return { symbol, network, address, decimals, bridgeable, enabled }
}
