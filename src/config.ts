import { isIP, isIPv6 } from 'node:net'
import * as Address from 'ox/Address'
import { RATE_PRESETS, type RatePreset } from './auth/rate-limits.ts'
import { ConfigError, nearest } from './config-error.ts'
import { type ConfigFile, enableNetworks, parseConfigFile } from './config-file.ts'
import { DURATION_EXPECTED, parseDuration } from './durations.ts'
import { METRICS_AUDIENCES, type MetricsAudience } from './http/metrics-audience.ts'
import type { NetworkConfig } from './networks.ts'
import { parseAmount } from './protocol/amounts.ts'
import { SANDBOX_NETWORK } from './sandbox/facts.ts'
import type { SwapPolicy } from './use-cases/app.ts'

export { ConfigError }

/** Everything that the server can be told, checked and frozen. */
export type Config = Readonly<{
  host: string
  port: number
  /** The directory that holds all that lasts, but for what is in the database. */
  dataDir: string
  /** The PostgreSQL database that nodes share; null: the embedded one in `dataDir`. */
  databaseUrl: string | null
  sandbox: boolean
  chainPort: number
  /** The sandbox chain of another server to use; null: the server runs its own. */
  chainUrl: string | null
  reserveTtlMs: number
  signingTtlMs: number
  contextTtlMs: number
  resolveWaitMs: number
  swaps: Readonly<SwapPolicy>
  rateLimits: RatePreset
  /** Whom webhooks may reach although it is private, and by http. */
  webhookAllow: readonly string[]
  /** Scheme, host and port as callers see them, without a slash at the end. */
  publicUrl: string
  attestation: Attestation
  logLevel: LogLevel
  metrics: MetricsAudience
  /** How many proxies stand before the server (0: none), or which they are. */
  trustProxy: number | readonly string[]
  drainDelayMs: number
  /** The key that carries out signatures, and what it may cost; null: nobody does. */
  relayer: RelayerConfig | null
  /** What the config file enables. The sandbox's own network joins them once its chain runs. */
  networks: readonly NetworkConfig[]
}>

/** What the relayer's key may cost in 24 hours on a network. */
type DailyCap = { network: string; wei: bigint }

export type RelayerConfig = { keyFile: string; dailyCaps: DailyCap[] }

type Attestation = (typeof ATTESTATIONS)[number]
type LogLevel = (typeof LOG_LEVELS)[number]

const ATTESTATIONS = ['jws', 'off'] as const
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** One thing that a flag, an environment variable or the config file can say. Its name in the file is the flag's, in camel case. */
export type Setting<T = unknown> = {
  /** As commander writes flags: the name, and the kind of value unless it is a switch. */
  flag: string
  env: `SIXPENCE_${string}`
  description: string
  /** Used where nothing is said, as it would be written; null where it depends on other settings. */
  default: string | null
  /** What must be written, to go on after "must be". */
  expected: string
  /** Whether the text must not be repeated in messages. */
  secret?: true
  /** @returns undefined where the text is not what is expected */
  parse: (text: string) => T | undefined
}

const duration = { expected: DURATION_EXPECTED, parse: parseDuration }

/** What shops that are being built next to a sandbox listen on. */
const LOOPBACK = ['localhost', '127.0.0.0/8', '[::1]']

/** A longer call would outlive the connections that carry it. */
const LONGEST_RESOLVE_WAIT_MS = 90_000

/** A server that is told to stop should be gone before whoever told it loses patience. */
const LONGEST_DRAIN_DELAY_MS = 60_000

const MOST_PROXIES = 10

/** Beyond these, somebody mistook basis points for something else. */
const MOST_SLIPPAGE_BPS = 2_000
const MOST_FEE_BPS = 1_000

/** Of every native coin of a chain with an EVM. */
const COIN_DECIMALS = 18

/** What the server can be told: the one source of flags, variables, config keys and help. */
export const SETTINGS = {
  host: {
    flag: '--host <host>',
    env: 'SIXPENCE_HOST',
    description: 'address or name to listen on',
    default: '127.0.0.1',
    expected: 'an IP address or a host name',
    parse: (text) => (/^[a-z0-9:]([a-z0-9.:-]*[a-z0-9:])?$/i.test(text) ? text : undefined),
  },
  port: {
    flag: '--port <number>',
    env: 'SIXPENCE_PORT',
    description: 'port to listen on; 0 takes a free one',
    default: '4040',
    expected: 'a whole number from 0 to 65535',
    parse: (text) => parsePort(text, 0),
  },
  data: {
    flag: '--data <directory>',
    env: 'SIXPENCE_DATA',
    description: 'directory for all that lasts: database, secrets, the sandbox chain',
    default: './data',
    expected: 'a directory',
    parse: (text) => (text.trim() === '' || text.includes('\0') ? undefined : text),
  },
  databaseUrl: {
    flag: '--database-url <url>',
    env: 'SIXPENCE_DATABASE_URL',
    description: 'PostgreSQL database, which any number of servers may share (default: the embedded one)',
    default: null,
    secret: true,
    expected: 'a URL such as postgres://user:password@host:5432/database',
    parse: parseDatabaseUrl,
  },
  sandbox: {
    flag: '--sandbox',
    env: 'SIXPENCE_SANDBOX',
    description: 'run a local chain with play money',
    default: 'false',
    expected: 'true or false',
    parse: parseSwitch,
  },
  chainPort: {
    flag: '--chain-port <number>',
    env: 'SIXPENCE_CHAIN_PORT',
    description: "port of the sandbox's chain",
    default: '8545',
    expected: 'a whole number from 1 to 65535',
    parse: (text) => parsePort(text, 1),
  },
  chainUrl: {
    flag: '--chain-url <url>',
    env: 'SIXPENCE_CHAIN_URL',
    description: "another server's sandbox chain to use (default: runs its own)",
    default: null,
    expected: 'an http or https URL without a path, such as http://127.0.0.1:8545',
    parse: parseOrigin,
  },
  config: {
    flag: '--config <file>',
    env: 'SIXPENCE_CONFIG',
    description: 'JSON file with networks and any of these settings',
    default: null,
    expected: 'a file',
    parse: (text) => (text === '' ? undefined : text),
  },
  reserveTtl: {
    flag: '--reserve-ttl <duration>',
    env: 'SIXPENCE_RESERVE_TTL',
    description: 'how long a reserved voucher waits to be redeemed',
    default: '2m',
    ...duration,
  },
  signingTtl: {
    flag: '--signing-ttl <duration>',
    env: 'SIXPENCE_SIGNING_TTL',
    description: 'how long the payer has to sign after redemption',
    default: '10m',
    ...duration,
  },
  contextTtl: {
    flag: '--context-ttl <duration>',
    env: 'SIXPENCE_CONTEXT_TTL',
    description: 'how long a context can be found by its code',
    default: '10m',
    ...duration,
  },
  resolveWait: {
    flag: '--resolve-wait <duration>',
    env: 'SIXPENCE_RESOLVE_WAIT',
    description: 'how long resolve-voucher waits for the block',
    default: '30s',
    expected: 'a duration such as 500ms or 30s, at most 90s',
    parse: (text) => {
      const waitMs = parseDuration(text)
      return waitMs !== undefined && waitMs <= LONGEST_RESOLVE_WAIT_MS ? waitMs : undefined
    },
  },
  quoteTtl: {
    flag: '--quote-ttl <duration>',
    env: 'SIXPENCE_QUOTE_TTL',
    description: 'how long the price stands at which a payer pays in another currency',
    default: '2m',
    ...duration,
  },
  fxSlippageBps: {
    flag: '--fx-slippage-bps <number>',
    env: 'SIXPENCE_FX_SLIPPAGE_BPS',
    description: 'how much worse that price may get until the swap is mined, in basis points',
    default: '50',
    ...basisPoints(MOST_SLIPPAGE_BPS),
  },
  fxFeeBps: {
    flag: '--fx-fee-bps <number>',
    env: 'SIXPENCE_FX_FEE_BPS',
    description: 'what you take of such payments on top, in basis points of what the payee gets',
    default: '0',
    ...basisPoints(MOST_FEE_BPS),
  },
  fxFeeAddress: {
    flag: '--fx-fee-address <address>',
    env: 'SIXPENCE_FX_FEE_ADDRESS',
    description: 'where that fee is paid',
    default: null,
    expected: 'the address of a wallet, in lower case or checksummed',
    parse: (text) => (Address.validate(text) && !/^0x0{40}$/.test(text) ? Address.checksum(text) : undefined),
  },
  rateLimits: {
    flag: '--rate-limits <preset>',
    env: 'SIXPENCE_RATE_LIMITS',
    description: `how many calls a caller has: ${RATE_PRESETS.join(', ')}`,
    default: 'standard',
    ...oneOf(RATE_PRESETS),
  },
  webhookAllow: {
    flag: '--webhook-allow <hosts>',
    env: 'SIXPENCE_WEBHOOK_ALLOW',
    description:
      'private hosts and networks that webhooks may reach, also by http (default: none; loopback in the sandbox)',
    default: null,
    expected: 'hosts, hosts with ports and networks such as shop.internal,10.0.0.7:8080,10.1.0.0/16, or none',
    parse: parseHosts,
  },
  publicUrl: {
    flag: '--public-url <url>',
    env: 'SIXPENCE_PUBLIC_URL',
    description: 'how callers reach the server, named when wallets sign in (default: http://host:port)',
    default: null,
    expected: 'an http or https URL without a path, such as https://pay.example.com',
    parse: parseOrigin,
  },
  attestation: {
    flag: '--attestation <kind>',
    env: 'SIXPENCE_ATTESTATION',
    description: 'how devices prove what they are: jws, or off in the sandbox (default: jws; off in the sandbox)',
    default: null,
    ...oneOf(ATTESTATIONS),
  },
  logLevel: {
    flag: '--log-level <level>',
    env: 'SIXPENCE_LOG_LEVEL',
    description: `least severe lines to log: ${LOG_LEVELS.join(', ')}`,
    default: 'warn',
    ...oneOf(LOG_LEVELS),
  },
  metrics: {
    flag: '--metrics <audience>',
    env: 'SIXPENCE_METRICS',
    description: 'who may read /metrics: off (nobody), loopback (this machine), on (everybody)',
    default: 'loopback',
    ...oneOf(METRICS_AUDIENCES),
  },
  trustProxy: {
    flag: '--trust-proxy <proxies>',
    env: 'SIXPENCE_TRUST_PROXY',
    description: "proxies whose X-Forwarded-For counts as the caller's address: none, their addresses, or how many",
    default: 'none',
    expected: `none, addresses and networks such as 127.0.0.1,10.0.0.0/8, or how many proxies (1 to ${MOST_PROXIES})`,
    parse: parseProxies,
  },
  drainDelay: {
    flag: '--drain-delay <duration>',
    env: 'SIXPENCE_DRAIN_DELAY',
    description: 'how long a stopping server says that it is not ready before it takes no more calls',
    default: '0s',
    expected: 'a duration such as 5s, at most 60s, or 0s',
    parse: (text) => {
      const delayMs = text === '0s' ? 0 : parseDuration(text)
      return delayMs !== undefined && delayMs <= LONGEST_DRAIN_DELAY_MS ? delayMs : undefined
    },
  },
  relayerKeyFile: {
    flag: '--relayer-key-file <file>',
    env: 'SIXPENCE_RELAYER_KEY_FILE',
    description: "file with the private key that carries out payers' signatures (default: nobody does)",
    default: null,
    expected: 'a file',
    parse: (text) => (text === '' ? undefined : text),
  },
  relayerDailyCap: {
    flag: '--relayer-daily-cap <caps>',
    env: 'SIXPENCE_RELAYER_DAILY_CAP',
    description: 'networks that the key works on, and the coins that it may spend on each in 24 hours',
    default: null,
    expected: 'networks and amounts of their native coins, such as polygon=5 or polygon=5,base=0.002',
    parse: parseDailyCaps,
  },
} satisfies Record<string, Setting>

/** What `demo` can be told. */
export const DEMO_SETTINGS = {
  url: {
    flag: '--url <url>',
    env: 'SIXPENCE_URL',
    description: `server to play against (default: the one on ${SETTINGS.data.default}, or at port ${SETTINGS.port.default}, or a new one)`,
    default: null,
    expected: 'an http or https URL without a path, such as http://127.0.0.1:4040',
    parse: parseOrigin,
  },
  rpc: {
    flag: '--rpc <url>',
    env: 'SIXPENCE_RPC',
    description: "node of the server's sandbox chain (default: the server passes on what is asked)",
    default: null,
    expected: 'an http or https URL without a path, such as http://127.0.0.1:8545',
    parse: parseOrigin,
  },
  fx: {
    flag: '--fx',
    env: 'SIXPENCE_DEMO_FX',
    description: 'pay in other currencies than the payee asks for',
    default: 'false',
    expected: 'true or false',
    parse: parseSwitch,
  },
  oneSignature: {
    flag: '--one-signature',
    env: 'SIXPENCE_ONE_SIGNATURE',
    description: 'pay the whole session with one signature',
    default: 'false',
    expected: 'true or false',
    parse: parseSwitch,
  },
} satisfies Record<string, Setting>

/** What `move` can be told. */
export const MOVE_SETTINGS = {
  from: { ...SETTINGS.data, flag: '--from <directory>', description: 'data directory to move; it is left as it is' },
  to: { ...SETTINGS.databaseUrl, flag: '--to <url>', description: 'empty PostgreSQL database to move it to' },
} satisfies Record<string, Setting>

/** Where settings come from: the first that says something wins. */
export type Sources = {
  /** As commander parsed them, by camel-case name, without defaults. */
  flags: Readonly<Record<string, unknown>>
  env: Readonly<Record<string, string | undefined>>
  file?: ConfigFile | null
}

/**
 * Reads flags, environment and config file into one checked whole.
 * @param input.readFile reads the config file
 * @throws ConfigError for the first thing that is wrong
 */
export function readConfig(input: {
  flags: Sources['flags']
  env: Sources['env']
  readFile: (path: string) => string
}): Config {
  const { flags, env } = input
  assertKnownVariables(env)
  const path = readSetting(SETTINGS.config, { flags, env })
  const file = path === null ? null : readConfigFile(path, input.readFile)
  const sources: Sources = { flags, env, file }
  const address = {
    host: readSetting(SETTINGS.host, sources),
    port: readSetting(SETTINGS.port, sources),
    sandbox: readSetting(SETTINGS.sandbox, sources),
  }
  const networks = file ? enableNetworks(file, address.sandbox) : []
  return deepFreeze({
    ...address,
    dataDir: readSetting(SETTINGS.data, sources),
    databaseUrl: readSetting(SETTINGS.databaseUrl, sources),
    chainPort: readSetting(SETTINGS.chainPort, sources),
    chainUrl: readSetting(SETTINGS.chainUrl, sources),
    reserveTtlMs: readSetting(SETTINGS.reserveTtl, sources),
    signingTtlMs: readSetting(SETTINGS.signingTtl, sources),
    contextTtlMs: readSetting(SETTINGS.contextTtl, sources),
    resolveWaitMs: readSetting(SETTINGS.resolveWait, sources),
    swaps: readSwaps(sources),
    rateLimits: readSetting(SETTINGS.rateLimits, sources),
    webhookAllow: readSetting(SETTINGS.webhookAllow, sources) ?? (address.sandbox ? LOOPBACK : []),
    publicUrl: readSetting(SETTINGS.publicUrl, sources) ?? defaultPublicUrl(address),
    attestation: readAttestation(sources, address.sandbox),
    logLevel: readSetting(SETTINGS.logLevel, sources),
    metrics: readSetting(SETTINGS.metrics, sources),
    trustProxy: readSetting(SETTINGS.trustProxy, sources),
    drainDelayMs: readSetting(SETTINGS.drainDelay, sources),
    relayer: readRelayer(sources, networks, address.sandbox),
    networks,
  })
}

/**
 * Checks that there is something to serve. Commands that only open the data directory need no network.
 * @throws ConfigError
 */
export function assertServable({ sandbox, networks }: Config): void {
  if (sandbox || networks.length > 0) return
  throw new ConfigError(
    'no network is enabled: start with --sandbox, or name one in a file for --config, such as {"networks":[{"name":"polygon","rpcUrls":["https://…"]}]}',
  )
}

/**
 * Reads one setting.
 * @returns its default where nothing is said, null where it has none
 * @throws ConfigError
 */
export function readSetting<T>(setting: Setting<T> & { default: string }, sources: Sources): T
export function readSetting<T>(setting: Setting<T>, sources: Sources): T | null
export function readSetting<T>(setting: Setting<T>, sources: Sources): T | null {
  const said = whatIsSaid(setting, sources)
  if (said === null) return null
  const value = setting.parse(said.text)
  if (value === undefined) {
    const instead = setting.secret ? '' : `, not "${said.text}"`
    throw new ConfigError(`${said.where} must be ${setting.expected}${instead}`)
  }
  return value
}

function whatIsSaid(setting: Setting, { flags, env, file }: Sources): { text: string; where: string } | null {
  const [longFlag = ''] = setting.flag.split(' ')
  const name = longFlag.slice('--'.length).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const flag = flags[name]
  if (flag !== undefined) return { text: String(flag), where: longFlag }
  const variable = env[setting.env]
  if (variable !== undefined) return { text: variable, where: setting.env }
  const entry = file?.settings.get(name)
  if (entry !== undefined) return { text: entry, where: `${file?.file}: /${name}` }
  return setting.default === null ? null : { text: setting.default, where: longFlag }
}

function assertKnownVariables(env: Sources['env']): void {
  const known: string[] = [...Object.values(SETTINGS), ...Object.values(DEMO_SETTINGS)].map((setting) => setting.env)
  for (const name of Object.keys(env)) {
    if (name.startsWith('SIXPENCE_') && !known.includes(name)) {
      throw new ConfigError(`${name} is not a known variable: did you mean ${nearest(name, known)}?`)
    }
  }
}

function readConfigFile(path: string, readFile: (path: string) => string): ConfigFile {
  const names = Object.keys(SETTINGS).filter((name) => name !== 'config')
  let text: string
  try {
    text = readFile(path)
  } catch (error) {
    throw new ConfigError(`the config file cannot be read: ${error instanceof Error ? error.message : error}`)
  }
  return parseConfigFile(path, text, names)
}

function readSwaps(sources: Sources): SwapPolicy {
  const bps = readSetting(SETTINGS.fxFeeBps, sources)
  const recipient = readSetting(SETTINGS.fxFeeAddress, sources)
  if (bps > 0 && recipient === null) {
    throw new ConfigError('a fee needs an address to go to: say which with --fx-fee-address')
  }
  return {
    quoteTtlMs: readSetting(SETTINGS.quoteTtl, sources),
    slippageBps: readSetting(SETTINGS.fxSlippageBps, sources),
    fee: bps === 0 || recipient === null ? null : { bps, recipient },
  }
}

function readAttestation(sources: Sources, sandbox: boolean): Attestation {
  const attestation = readSetting(SETTINGS.attestation, sources)
  if (attestation === 'off' && !sandbox) {
    throw new ConfigError('attestation can be off in the sandbox only: leave it at jws, or start with --sandbox')
  }
  return attestation ?? (sandbox ? 'off' : 'jws')
}

function readRelayer(sources: Sources, networks: readonly NetworkConfig[], sandbox: boolean): RelayerConfig | null {
  const keyFile = readSetting(SETTINGS.relayerKeyFile, sources)
  const dailyCaps = readSetting(SETTINGS.relayerDailyCap, sources)
  if (keyFile === null && dailyCaps === null) return null
  if (keyFile === null) throw new ConfigError('--relayer-daily-cap is for a key: name it with --relayer-key-file')
  if (dailyCaps === null)
    throw new ConfigError('a relayer key needs a limit: say with --relayer-daily-cap what it may cost')
  const withNode = networks.filter(({ rpcUrls }) => rpcUrls.length > 0).map(({ name }) => name)
  const known = sandbox ? [SANDBOX_NETWORK, ...withNode] : withNode
  for (const { network } of dailyCaps) {
    if (!known.includes(network)) {
      throw new ConfigError(`--relayer-daily-cap names ${network}, which is no network with a node here`)
    }
  }
  return { keyFile, dailyCaps }
}

function defaultPublicUrl({ host, port, sandbox }: { host: string; port: number; sandbox: boolean }): string {
  const isEverywhere = host === '0.0.0.0' || host === '::'
  if (isEverywhere && !sandbox) {
    throw new ConfigError(`--host ${host} listens everywhere: say with --public-url how callers reach the server`)
  }
  const name = isEverywhere ? 'localhost' : host
  return `http://${isIPv6(name) ? `[${name}]` : name}:${port}`
}

function oneOf<W extends string>(words: readonly W[]): Pick<Setting<W>, 'expected' | 'parse'> {
  return { expected: `one of ${words.join(', ')}`, parse: (text) => words.find((word) => word === text) }
}

function basisPoints(most: number): Pick<Setting<number>, 'expected' | 'parse'> {
  const parse = (text: string) => (/^[0-9]{1,5}$/.test(text) && Number(text) <= most ? Number(text) : undefined)
  return { expected: `a whole number from 0 to ${most}`, parse }
}

function parsePort(text: string, least: number): number | undefined {
  const port = Number(text)
  return /^[0-9]{1,5}$/.test(text) && port >= least && port <= 65_535 ? port : undefined
}

function parseProxies(text: string): number | readonly string[] | undefined {
  if (text === 'none') return 0
  if (/^[0-9]+$/.test(text)) {
    const count = Number(text)
    return count >= 1 && count <= MOST_PROXIES ? count : undefined
  }
  const networks = text.split(',')
  return networks.every(isNetwork) ? networks : undefined
}

/** An address, or a network as an address and the length of its prefix. A network of everybody is nobody to trust. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  if (bits === 0 || rest.length > 0 || address.includes('%')) return false
  return prefix === undefined || (/^[1-9][0-9]{0,2}$/.test(prefix) && Number(prefix) <= bits)
}

function parseDailyCaps(text: string): DailyCap[] | undefined {
  const caps = text.split(',').map((part) => {
    const [network = '', amount = '', ...rest] = part.split('=')
    const wei = parseAmount(amount, COIN_DECIMALS)
    return network === '' || rest.length > 0 || typeof wei !== 'bigint' ? null : { network, wei }
  })
  const isEachOnce = new Set(caps.map((cap) => cap?.network)).size === caps.length
  const known = caps.filter((cap) => cap !== null)
  return isEachOnce && known.length === caps.length ? known : undefined
}

function parseHosts(text: string): readonly string[] | undefined {
  if (text === 'none') return []
  const hosts = text.split(',')
  return hosts.every((host) => isNetwork(host) || isHostAndPort(host)) ? hosts : undefined
}

/** What a URL says between its scheme and its path, such as `shop.internal:8080` or `[::1]`. */
function isHostAndPort(text: string): boolean {
  return /^[a-z0-9.:[\]-]+$/i.test(text) && URL.canParse(`http://${text}/`)
}

function parseSwitch(text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : undefined
}

function parseOrigin(text: string): string | undefined {
  const url = URL.parse(text)
  const isBare = url && url.href === `${url.origin}/` && ['http:', 'https:'].includes(url.protocol)
  return isBare ? url.origin : undefined
}

function parseDatabaseUrl(text: string): string | undefined {
  const url = URL.parse(text)
  return url !== null && ['postgres:', 'postgresql:'].includes(url.protocol) ? text : undefined
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
