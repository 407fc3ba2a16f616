import * as Address from 'ox/Address'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type ConfigError, fault, inside, nearest, type Place } from './config-error.ts'
import { FxEntry, readFx } from './config-fx.ts'
import { DURATION_EXPECTED, parseDuration } from './durations.ts'
import {
  enableNetwork,
  loadShippedTokens,
  type NetworkConfig,
  type NetworkFacts,
  SHIPPED_NETWORKS,
  type Token,
} from './networks.ts'
import { SANDBOX_CHAIN_ID, SANDBOX_NETWORK } from './sandbox/facts.ts'

/** What a setting may be written as; its own parser decides. */
const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

const TokenSymbol = Type.String({ pattern: '^[!-~]{1,32}$' })
const Decimals = Type.Integer({ minimum: 0, maximum: 77 })

const TokenEntry = Type.Object(
  { symbol: TokenSymbol, address: Type.String(), decimals: Decimals },
  { additionalProperties: false },
)
const NetworkEntry = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' }),
    type: Type.Optional(Type.Literal('evm')),
    chainId: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    nativeCurrency: Type.Optional(
      Type.Object({ symbol: TokenSymbol, decimals: Type.Literal(18) }, { additionalProperties: false }),
    ),
    rpcUrls: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    confirmations: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1, maximum: 100_000 }), Type.Literal('finalized')]),
    ),
    currencies: Type.Optional(Type.Array(TokenEntry)),
    fx: Type.Optional(FxEntry),
    pollInterval: Type.Optional(Type.String()),
    maxHeadAge: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)
type NetworkEntry = Static<typeof NetworkEntry>

const FileSchema = Type.Object({ networks: Type.Optional(Type.Array(NetworkEntry)) })

/** What each place in the file must hold, by the last name of its path: the schema's own words are for programs. */
const EXPECTED: Record<string, string> = {
  networks: 'a list of networks such as [{"name":"polygon","rpcUrls":["https://…"]}]',
  name: 'a name of small letters, digits and dashes',
  type: '"evm", the only kind of network so far',
  chainId: 'a whole number above zero',
  nativeCurrency: 'a symbol and its 18 decimals, such as {"symbol":"ETH","decimals":18}',
  rpcUrls: 'a list of http or https URLs, or left out where there is no node',
  confirmations: 'a count of blocks from 1 to 100000, or "finalized"',
  currencies: 'a list of tokens such as {"symbol":"USDC","address":"0x…","decimals":6}',
  symbol: '1 to 32 characters without spaces',
  address: 'the address of a token contract, all in lower case or checksummed',
  decimals: 'a whole number from 0 to 77, and 18 for a native coin',
  fx: 'an object such as {"uniswapV3":{"quoter":"0x…","router":"0x…"}}',
  uniswapV3: 'the addresses of a QuoterV2 and a SwapRouter (or SwapRouter02) that belong together, or "off"',
  quoter: 'the address of a contract',
  router: 'the address of a contract',
  rates: 'a list of rates such as [{"from":"USDC","to":"EURC","rate":"0.92","validUntil":"2027-01-01T00:00:00Z"}]',
  from: 'the symbol or the address of one of the currencies of the network',
  to: 'the symbol or the address of one of the currencies of the network',
  rate: 'a decimal above zero such as "0.92"',
  validUntil: 'a time in UTC such as "2027-01-01T00:00:00Z"',
  maxDisagreement: 'a percentage above zero with at most two decimals, such as "2%"',
  pollInterval: DURATION_EXPECTED,
  maxHeadAge: `${DURATION_EXPECTED}; or "none" for a chain whose blocks come at no fixed pace`,
}

/** Blocks of an unknown network are polled for at this pace, and its node may lag this far. */
const DEFAULT_PACE = { pollIntervalMs: 2_000, maxHeadAgeMs: 60_000 }

const ZERO_ADDRESS = /^0x0{40}$/

/** Chain ids that no real chain has; local chains (Hardhat, anvil, Ganache) start with them. */
const LOCAL_CHAIN_IDS: readonly number[] = [1337, SANDBOX_CHAIN_ID]

/** Local chains make a block when something is sent, and none while nothing is. */
const LOCAL_PACE = { ...DEFAULT_PACE, maxHeadAgeMs: null }

/** What a config file says: settings as texts, by name, and the networks to enable. */
export type ConfigFile = { file: string; settings: ReadonlyMap<string, string>; networks: NetworkEntry[] }

/**
 * Reads the text of a config file.
 * @param file its path, for messages
 * @param settingNames what it may hold beside `networks`
 * @throws ConfigError that names the place in the file
 */
export function parseConfigFile(file: string, text: string, settingNames: readonly string[]): ConfigFile {
  const root: Place = { file, pointer: '' }
  const content = parseJson(root, text)
  if (!Value.Check(FileSchema, content)) throw firstFault(root, content)
  const { networks = [], ...rest } = content
  const settings = new Map<string, string>()
  for (const [name, value] of Object.entries(rest)) {
    const place = inside(root, name)
    if (!settingNames.includes(name)) throw unknownKey(place, name, ['networks', ...settingNames])
    if (!Value.Check(Scalar, value)) throw fault(place, 'must be a text, a number, true or false')
    settings.set(name, String(value))
  }
  return { file, settings, networks }
}

function parseJson(root: Place, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw fault(root, `is not JSON: ${error instanceof Error ? error.message : error}`)
  }
}

function firstFault(root: Place, content: unknown): ConfigError {
  const error = Value.Errors(FileSchema, content)[0]
  if (error === undefined) return fault(root, 'is not as it should be')
  const place: Place = { ...root, pointer: error.instancePath }
  const names = error.instancePath.split('/').filter((name) => !/^[0-9]*$/.test(name))
  const name = names.at(-1)
  if (error.keyword === 'required') return fault(place, `lacks ${error.params.requiredProperties.join(', ')}`)
  if (error.keyword === 'boolean' && name !== undefined) return unknownKey(place, name, Object.keys(EXPECTED))
  return fault(place, `must be ${(name && EXPECTED[name]) ?? 'an object such as {"networks":[{"name":"polygon"}]}'}`)
}

function unknownKey(place: Place, name: string, known: string[]): ConfigError {
  return fault(place, `is not known: did you mean ${nearest(name, known)}?`)
}

/**
 * Puts together the networks that the file names. A shipped name needs nothing more; any other must state its facts.
 * @param sandbox whether the sandbox's own network runs beside them
 * @throws ConfigError
 */
export function enableNetworks({ file, networks }: ConfigFile, sandbox: boolean): NetworkConfig[] {
  const place: Place = { file, pointer: '/networks' }
  const entries = networks.map((entry, index) => readEntry(entry, inside(place, index)))
  assertDistinct(entries, sandbox)
  if (sandbox) assertLocal(entries)
  const unlisted = entries.filter(({ tokens }) => tokens === null).map(({ facts }) => facts.chainId)
  const shipped = unlisted.length === 0 ? new Map<number, Token[]>() : loadShippedTokens(new Set(unlisted))
  return entries.map(({ place, facts, tokens, rpcUrls, fx }) => {
    const network = enableNetwork(facts, tokens ?? shipped.get(facts.chainId) ?? [], rpcUrls)
    return fx === undefined ? network : { ...network, fx: readFx(fx, network, inside(place, 'fx')) }
  })
}

/** `tokens` null: those that ship for the chain. */
type ReadEntry = {
  place: Place
  facts: NetworkFacts
  tokens: Token[] | null
  rpcUrls: string[]
  fx: NetworkEntry['fx']
}

function readEntry(entry: NetworkEntry, place: Place): ReadEntry {
  const { rpcUrls = [], currencies, fx } = entry
  for (const [index, url] of rpcUrls.entries()) {
    if (!isHttpUrl(url)) throw fault(inside(inside(place, 'rpcUrls'), index), 'must be an http or https URL')
  }
  const facts = { ...statedFacts(entry, place), ...statedPace(entry, place) }
  return { place, facts, rpcUrls, fx, tokens: currencies ? readTokens(currencies, inside(place, 'currencies')) : null }
}

function statedFacts(entry: NetworkEntry, place: Place): NetworkFacts {
  const { name, chainId, nativeCurrency, confirmations, currencies } = entry
  const shipped = SHIPPED_NETWORKS.find((network) => network.name === name)
  if (shipped) {
    if (chainId !== undefined && chainId !== shipped.chainId) {
      throw fault(inside(place, 'chainId'), `must be ${shipped.chainId}, the chain id of ${name}, or be left out`)
    }
    return {
      ...shipped,
      nativeCurrency: nativeCurrency ?? shipped.nativeCurrency,
      confirmations: confirmations ?? shipped.confirmations,
    }
  }
  if (chainId === undefined || nativeCurrency === undefined || confirmations === undefined || !currencies) {
    const names = SHIPPED_NETWORKS.map((network) => network.name).join(', ')
    throw fault(
      place,
      `must state chainId, nativeCurrency, confirmations and currencies, because "${name}" is none of ${names}`,
    )
  }
  const pace = LOCAL_CHAIN_IDS.includes(chainId) ? LOCAL_PACE : DEFAULT_PACE
  return { name, chainId, nativeCurrency, confirmations, ...pace }
}

function statedPace(entry: NetworkEntry, place: Place): Partial<Pick<NetworkFacts, 'pollIntervalMs' | 'maxHeadAgeMs'>> {
  const { pollInterval, maxHeadAge } = entry
  return {
    ...(pollInterval !== undefined && { pollIntervalMs: readDuration(pollInterval, inside(place, 'pollInterval')) }),
    ...(maxHeadAge !== undefined && {
      maxHeadAgeMs: maxHeadAge === 'none' ? null : readDuration(maxHeadAge, inside(place, 'maxHeadAge')),
    }),
  }
}

function readDuration(text: string, place: Place): number {
  const durationMs = parseDuration(text)
  if (durationMs === undefined) throw fault(place, `must be ${DURATION_EXPECTED}`)
  return durationMs
}

function readTokens(entries: Static<typeof TokenEntry>[], place: Place): Token[] {
  const tokens = new Map<string, Token>()
  for (const [index, { symbol, address, decimals }] of entries.entries()) {
    const addressPlace = inside(inside(place, index), 'address')
    if (!Address.validate(address) || ZERO_ADDRESS.test(address)) {
      throw fault(addressPlace, `must be ${EXPECTED.address}`)
    }
    const checksummed = Address.checksum(address)
    if (tokens.has(checksummed)) throw fault(addressPlace, 'is listed twice: leave one out')
    tokens.set(checksummed, { symbol, address: checksummed, decimals })
  }
  return [...tokens.values()]
}

function assertDistinct(entries: ReadEntry[], sandbox: boolean): void {
  const names = new Set<string>(sandbox ? [SANDBOX_NETWORK] : [])
  const chainIds = new Set<number>(sandbox ? [SANDBOX_CHAIN_ID] : [])
  for (const { place, facts } of entries) {
    const whose = sandbox ? 'by another network or by the sandbox itself' : 'by another network'
    if (names.has(facts.name)) throw fault(inside(place, 'name'), `"${facts.name}" is taken ${whose}: leave one out`)
    if (chainIds.has(facts.chainId)) throw fault(inside(place, 'chainId'), `${facts.chainId} is taken ${whose}`)
    names.add(facts.name)
    chainIds.add(facts.chainId)
  }
}

/** What is signed in play must not be valid where money is real. */
function assertLocal(entries: ReadEntry[]): void {
  for (const { place, facts } of entries) {
    if (!LOCAL_CHAIN_IDS.includes(facts.chainId)) {
      throw fault(
        inside(place, 'chainId'),
        `${facts.chainId} may be a real chain's, which has no place in the sandbox: leave out the network or --sandbox`,
      )
    }
  }
}

function isHttpUrl(text: string): boolean {
  return ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? '')
}
