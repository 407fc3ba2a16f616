import type { Hex } from './payment.ts'

/** A chain that payments can be asked on. */
export type Network = {
  /** As it stands on the wire, such as "polygon". */
  name: string
  type: 'evm' | 'solana'
  /** Null where the type has none. */
  chainId: number | null
  nativeCurrency: { symbol: string; decimals: number }
  enabled: boolean
}

/** A token or native coin that payments can be asked in. */
export type Currency = {
  symbol: string
  /** The name of its network. */
  network: string
  /** The token contract, checksummed; "" for the native coin. */
  address: Hex | ''
  decimals: number
  enabled: boolean
}

/** Currencies, ready to be found. The keys are in lower case and lead to enabled ones only. */
export type CurrencyIndex = {
  /** Every listed currency, in the order of the list. */
  all: readonly Currency[]
  /** Names of the networks that have an enabled currency. */
  networks: ReadonlySet<string>
  bySymbol: ReadonlyMap<string, readonly Currency[]>
  byAddress: ReadonlyMap<string, readonly Currency[]>
}

/** How a payee names a currency: the symbol always, the rest where it wants to or must. */
export type CurrencyQuestion = {
  network?: string | undefined
  currency: string
  /** "" asks for the native coin. */
  currencyAddress?: string | undefined
}

/** Why no currency was chosen, in words for the caller, and which ones it may have meant. */
export type CurrencyRefusal = { refusal: string; candidates: Currency[] }

/** Sorts currencies by what callers know of them. Done once, since every redemption looks one up. */
export function indexCurrencies(currencies: Iterable<Currency>): CurrencyIndex {
  const all = [...currencies]
  const enabled = all.filter((currency) => currency.enabled)
  return {
    all,
    networks: new Set(enabled.map(({ network }) => network.toLowerCase())),
    bySymbol: Map.groupBy(enabled, ({ symbol }) => symbol.toLowerCase()),
    byAddress: Map.groupBy(enabled, ({ address }) => address.toLowerCase()),
  }
}

/**
 * Finds the one currency that a payee means. Any case will do for names and symbols, and for addresses that are all in
 * one case; the answer is as the server lists it.
 * @returns the currency, or why there is none or more than one
 */
export function detectCurrency(index: CurrencyIndex, question: CurrencyQuestion): Currency | CurrencyRefusal {
  const { network, currency, currencyAddress } = question
  const namesakes = index.bySymbol.get(currency.toLowerCase()) ?? []
  const matches = namesakes.filter(
    (namesake) => isSame(namesake.network, network) && isSame(namesake.address, currencyAddress),
  )
  const [match] = matches
  if (match === undefined) return explainNone(index, question, namesakes)
  if (matches.length > 1) return { refusal: `${whereabouts(matches)}: ${whatToSay(matches)}`, candidates: matches }
  if (isMistyped(currencyAddress, match.address)) {
    return { refusal: `${currencyAddress} has a wrong checksum: ${whereabouts(matches)}`, candidates: matches }
  }
  return match
}

const isSame = (listed: string, asked: string | undefined): boolean =>
  asked === undefined || listed.toLowerCase() === asked.toLowerCase()

/** Mixed case is a checksum (ERC-55): one that does not hold means a slip somewhere in the address. */
function isMistyped(typed: string | undefined, checksummed: string): boolean {
  if (typed === undefined || typed === checksummed) return false
  const digits = typed.slice('0x'.length)
  return digits !== digits.toLowerCase() && digits !== digits.toUpperCase()
}

function explainNone(
  index: CurrencyIndex,
  { network, currency, currencyAddress }: CurrencyQuestion,
  namesakes: readonly Currency[],
): CurrencyRefusal {
  const atAddress = currencyAddress ? (index.byAddress.get(currencyAddress.toLowerCase()) ?? []) : []
  const candidates = [...new Set([...namesakes, ...atAddress])]
  if (network !== undefined && !index.networks.has(network.toLowerCase())) {
    return { refusal: `network ${network} is not enabled here; enabled: ${[...index.networks].join(', ')}`, candidates }
  }
  const asked = [
    currencyAddress === '' && 'as a native coin',
    currencyAddress && `at ${currencyAddress}`,
    network && `on ${network}`,
  ]
  const refusal = [currency, ...asked, 'is not enabled here'].filter(Boolean).join(' ')
  return { refusal: candidates.length > 0 ? `${refusal}; ${whereabouts(candidates)}` : refusal, candidates }
}

/** Such as "EURC is on ethereum (0x…), polygon (0x…)", for each symbol. */
function whereabouts(currencies: readonly Currency[]): string {
  const sentences = [...Map.groupBy(currencies, ({ symbol }) => symbol)].map(
    ([symbol, namesakes]) => `${symbol} is on ${namesakes.map(place).join(', ')}`,
  )
  return sentences.join('; ')
}

const place = ({ network, address }: Currency): string => `${network} (${address || 'native coin'})`

function whatToSay(currencies: readonly Currency[]): string {
  const isOneNetwork = new Set(currencies.map(({ network }) => network)).size === 1
  return isOneNetwork ? 'say which currencyAddress' : 'say which network'
}
