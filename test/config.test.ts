import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  assertServable,
  type Config,
  ConfigError,
  DEMO_SETTINGS,
  readConfig,
  readSetting,
  SETTINGS,
} from '../src/config.ts'

type Given = { flags?: Record<string, unknown>; env?: Record<string, string>; file?: unknown }

/** Reads a config whose file, if any, holds `file`: a text as it stands, anything else as JSON. */
function configOf({ flags = {}, env = {}, file }: Given): Config {
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  const withFile = file === undefined ? flags : { config: 'pay.json', ...flags }
  return readConfig({ flags: withFile, env, readFile: () => text })
}

/** The one line with which a config is refused. */
function refusalOf(given: Given): string {
  try {
    configOf(given)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    assert.doesNotMatch(error.message, /\n/)
    return error.message
  }
  assert.fail(`${JSON.stringify(given)} was accepted`)
}

const networkOf = (file: unknown) => {
  const [network] = configOf({ file: { networks: [file] } }).networks
  assert.ok(network)
  return network
}

const networkRefusalOf = (...networks: unknown[]) => refusalOf({ file: { networks } })

const USDC = { symbol: 'USDC', address: '0xddafbb505ad214d7b80b1f830fccc89b60fb7a83', decimals: 6 }
const GNOSIS = {
  name: 'gnosis',
  chainId: 100,
  nativeCurrency: { symbol: 'xDAI', decimals: 18 },
  confirmations: 'finalized',
  currencies: [USDC],
}

describe('readConfig', () => {
  it('has defaults for all', () => {
    assert.deepEqual(configOf({}), {
      host: '127.0.0.1',
      port: 4040,
      dataDir: './data',
      databaseUrl: null,
      sandbox: false,
      chainPort: 8545,
      chainUrl: null,
      reserveTtlMs: 120_000,
      signingTtlMs: 600_000,
      contextTtlMs: 600_000,
      resolveWaitMs: 30_000,
      swaps: { quoteTtlMs: 120_000, slippageBps: 50, fee: null },
      rateLimits: 'standard',
      webhookAllow: [],
      publicUrl: 'http://127.0.0.1:4040',
      attestation: 'jws',
      logLevel: 'warn',
      metrics: 'loopback',
      trustProxy: 0,
      drainDelayMs: 0,
      relayer: null,
      networks: [],
    })
  })

  it('takes proxies by number too', () => {
    assert.equal(configOf({ flags: { trustProxy: '2' } }).trustProxy, 2)
    assert.equal(configOf({ flags: { trustProxy: 'none' } }).trustProxy, 0)
  })

  it('lets webhooks reach this machine in the sandbox, unless told otherwise', () => {
    const allowed = (flags: Record<string, string>) => configOf({ flags: { sandbox: true, ...flags } }).webhookAllow
    assert.deepEqual(allowed({}), ['localhost', '127.0.0.0/8', '[::1]'])
    assert.deepEqual(allowed({ webhookAllow: 'none' }), [])
  })

  it('takes a relayer for networks with a node, and only with a limit', () => {
    const networks = [{ ...GNOSIS, rpcUrls: ['http://127.0.0.1:8545'] }, { name: 'base' }]
    const withCaps = (relayerDailyCap: string) => ({
      file: { networks },
      flags: { relayerKeyFile: 'key', relayerDailyCap },
    })
    assert.deepEqual(configOf(withCaps('gnosis=1')).relayer?.dailyCaps, [{ network: 'gnosis', wei: 10n ** 18n }])
    assert.match(refusalOf(withCaps('gnosis=1,base=1')), /names base, which is no network with a node here$/)
    assert.match(refusalOf({ flags: { relayerKeyFile: 'key' } }), /say with --relayer-daily-cap what it may cost$/)
    assert.match(refusalOf({ flags: { relayerDailyCap: 'gnosis=1' } }), /name it with --relayer-key-file$/)
  })

  it('takes the flag before the variable before the file', () => {
    const file = { port: 1, chainPort: 1, reserveTtl: '1s' }
    const env = { SIXPENCE_PORT: '2', SIXPENCE_CHAIN_PORT: '2' }
    const config = configOf({ flags: { port: '3' }, env, file })
    assert.deepEqual([config.port, config.chainPort, config.reserveTtlMs], [3, 2, 1000])
  })

  it('finds the file by flag or variable', () => {
    const read: string[] = []
    const readFile = (path: string) => {
      read.push(path)
      return '{"port":5}'
    }
    assert.equal(readConfig({ flags: { config: 'a.json' }, env: {}, readFile }).port, 5)
    assert.equal(readConfig({ flags: {}, env: { SIXPENCE_CONFIG: 'b.json' }, readFile }).port, 5)
    assert.deepEqual(read, ['a.json', 'b.json'])
  })

  it('takes every setting from the environment', () => {
    const env = {
      SIXPENCE_HOST: '::1',
      SIXPENCE_PORT: '0',
      SIXPENCE_DATA: '/var/lib/sixpence',
      SIXPENCE_DATABASE_URL: 'postgres://till:hush@db.example.com/pay',
      SIXPENCE_SANDBOX: 'true',
      SIXPENCE_CHAIN_PORT: '9545',
      SIXPENCE_CHAIN_URL: 'http://10.0.0.7:8545',
      SIXPENCE_RESERVE_TTL: '90s',
      SIXPENCE_SIGNING_TTL: '1.5h',
      SIXPENCE_CONTEXT_TTL: '500ms',
      SIXPENCE_RESOLVE_WAIT: '5s',
      SIXPENCE_QUOTE_TTL: '30s',
      SIXPENCE_FX_SLIPPAGE_BPS: '100',
      SIXPENCE_FX_FEE_BPS: '25',
      SIXPENCE_FX_FEE_ADDRESS: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
      SIXPENCE_RATE_LIMITS: 'documented',
      SIXPENCE_WEBHOOK_ALLOW: 'shop.internal,10.0.0.7:8080,10.1.0.0/16,[::1]:80',
      SIXPENCE_PUBLIC_URL: 'https://pay.example.com/',
      SIXPENCE_ATTESTATION: 'jws',
      SIXPENCE_LOG_LEVEL: 'debug',
      SIXPENCE_METRICS: 'off',
      SIXPENCE_TRUST_PROXY: '127.0.0.1,10.0.0.0/8,fd00::/8',
      SIXPENCE_DRAIN_DELAY: '5s',
      SIXPENCE_RELAYER_KEY_FILE: '/run/secrets/relayer',
      SIXPENCE_RELAYER_DAILY_CAP: 'polygon=2.5',
    }
    assert.deepEqual(configOf({ env }), {
      host: '::1',
      port: 0,
      dataDir: '/var/lib/sixpence',
      databaseUrl: 'postgres://till:hush@db.example.com/pay',
      sandbox: true,
      chainPort: 9545,
      chainUrl: 'http://10.0.0.7:8545',
      reserveTtlMs: 90_000,
      signingTtlMs: 5_400_000,
      contextTtlMs: 500,
      resolveWaitMs: 5_000,
      swaps: {
        quoteTtlMs: 30_000,
        slippageBps: 100,
        fee: { bps: 25, recipient: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' },
      },
      rateLimits: 'documented',
      webhookAllow: ['shop.internal', '10.0.0.7:8080', '10.1.0.0/16', '[::1]:80'],
      publicUrl: 'https://pay.example.com',
      attestation: 'jws',
      logLevel: 'debug',
      metrics: 'off',
      trustProxy: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'],
      drainDelayMs: 5_000,
      relayer: { keyFile: '/run/secrets/relayer', dailyCaps: [{ network: 'polygon', wei: 25n * 10n ** 17n }] },
      networks: [],
    })
  })

  it('cannot be changed afterwards, at any depth', () => {
    const config = configOf({ file: { networks: [GNOSIS] } })
    const [network] = config.networks
    assert.ok(network)
    for (const part of [config, config.networks, network, network.currencies, network.currencies[0], network.rpcUrls]) {
      assert.ok(Object.isFrozen(part))
    }
  })

  it('writes an IPv6 host into the public URL as URLs have it', () => {
    assert.equal(configOf({ flags: { host: '::1', port: '80' } }).publicUrl, 'http://[::1]:80')
  })

  it('ignores variables of others', () => {
    assert.equal(configOf({ env: { PORT: '1', HOME: '/root', MY_SIXPENCE_PORT: '1' } }).port, 4040)
  })

  it('knows the variable of the demo', () => {
    const env = { SIXPENCE_URL: 'http://127.0.0.1:4040' }
    configOf({ env })
    assert.equal(readSetting(DEMO_SETTINGS.url, { flags: {}, env }), 'http://127.0.0.1:4040')
    assert.equal(readSetting(DEMO_SETTINGS.url, { flags: {}, env: {} }), null)
  })
})

describe('the sandbox', () => {
  it('takes devices at their word unless told otherwise', () => {
    assert.equal(configOf({ flags: { sandbox: true } }).attestation, 'off')
    assert.equal(configOf({ flags: { sandbox: true, attestation: 'jws' } }).attestation, 'jws')
  })

  it('may listen everywhere without a public URL', () => {
    const config = configOf({ flags: { sandbox: true, host: '0.0.0.0', port: '80' } })
    assert.equal(config.publicUrl, 'http://localhost:80')
  })

  it('has no room for a chain that may be real', () => {
    const refusal = refusalOf({ flags: { sandbox: true }, file: { networks: [{ name: 'ethereum' }] } })
    assert.match(refusal, /^pay\.json: \/networks\/0\/chainId 1 may be a real chain's/)
    assert.match(refusalOf({ flags: { sandbox: true }, file: { networks: [GNOSIS] } }), /chainId 100 may be a real/)
    const local = { ...GNOSIS, name: 'local', chainId: 1337 }
    assert.equal(configOf({ flags: { sandbox: true }, file: { networks: [local] } }).networks[0]?.chainId, 1337)
  })

  it('keeps its own network to itself', () => {
    const flags = { sandbox: true }
    assert.match(
      refusalOf({ flags, file: { networks: [{ name: 'polygon' }] } }),
      /"polygon" is taken .* sandbox itself/,
    )
    const twin = { ...GNOSIS, chainId: 31337 }
    assert.match(refusalOf({ flags, file: { networks: [twin] } }), /chainId 31337 is taken .* sandbox itself/)
  })
})

describe('outside the sandbox', () => {
  it('attestation cannot be off', () => {
    assert.match(refusalOf({ flags: { fxFeeBps: '25' } }), /^a fee needs an address to go to/)
    assert.match(refusalOf({ flags: { attestation: 'off' } }), /^attestation can be off in the sandbox only/)
    assert.match(refusalOf({ file: { attestation: 'off', sandbox: false } }), /^attestation can be off/)
  })

  it('whoever listens everywhere says how callers come in', () => {
    for (const host of ['0.0.0.0', '::']) assert.match(refusalOf({ flags: { host } }), /say with --public-url/)
    const flags = { host: '0.0.0.0', publicUrl: 'https://pay.example.com' }
    assert.equal(configOf({ flags }).publicUrl, 'https://pay.example.com')
  })

  it('there is nothing to serve without a network', () => {
    assert.throws(() => assertServable(configOf({})), { name: 'ConfigError', message: /^no network is enabled/ })
    assertServable(configOf({ flags: { sandbox: true } }))
    assertServable(configOf({ file: { networks: [{ name: 'base' }] } }))
  })
})

describe('a setting that is wrong is refused by name', () => {
  it('with what was said and what must be', () => {
    assert.equal(refusalOf({ flags: { port: 'http' } }), '--port must be a whole number from 0 to 65535, not "http"')
    assert.equal(
      refusalOf({ env: { SIXPENCE_RATE_LIMITS: 'none' } }),
      'SIXPENCE_RATE_LIMITS must be one of off, standard, documented, not "none"',
    )
    assert.equal(
      refusalOf({ file: { reserveTtl: 90 } }),
      'pay.json: /reserveTtl must be a duration such as 500ms, 90s or 10m, at most 30d, not "90"',
    )
  })

  it('does not repeat a password', () => {
    const refusal = refusalOf({ env: { SIXPENCE_DATABASE_URL: 'mysql://till:hush@db.example.com/pay' } })
    assert.match(refusal, /^SIXPENCE_DATABASE_URL must be a URL such as postgres:/)
    assert.doesNotMatch(refusal, /hush/)
  })

  const wrong: Record<string, string[]> = {
    host: ['', ' ', 'http://localhost', 'a b', 'a/b'],
    port: ['', '-1', '65536', '80.5', '0x50', '8e1', ' 80', '99999999'],
    chainPort: ['0', '65536', 'x'],
    chainUrl: ['', '8545', 'ws://127.0.0.1:8545'],
    data: ['', ' '],
    sandbox: ['', 'yes', 'TRUE', '2'],
    reserveTtl: ['', '0s', '-1s', '10', '10 m', '1y', '31d', '721h', '0.5ms', 'soon', '10m5s', 'Infinity', '1e3s'],
    signingTtl: ['0ms'],
    contextTtl: ['5 parsecs'],
    resolveWait: ['0s', '91s', '2m'],
    quoteTtl: ['0s', '2'],
    fxSlippageBps: ['-1', '0.5', '2001', '1%'],
    fxFeeBps: ['-1', '0.5', '1001', '1%'],
    fxFeeAddress: ['0x12', '0x70997970C51812dC3A010C7d01b50e0d17dc79c8', '0x0000000000000000000000000000000000000000'],
    rateLimits: ['', 'Standard', 'strict'],
    publicUrl: ['', 'pay.example.com', 'ftp://x.org', 'https://x.org/pay', 'https://x.org?a', 'https://u:p@x.org'],
    attestation: ['', 'on'],
    logLevel: ['', 'verbose'],
    metrics: ['', 'true', 'public'],
    trustProxy: [
      '',
      'all',
      'true',
      '0',
      '11',
      'proxy.example.com',
      '10.0.0.0/33',
      '0.0.0.0/0',
      '::1/129',
      '10.0.0.1, ::1',
    ],
    webhookAllow: ['', 'a b', 'https://x.org', '10.0.0.0/33', '0.0.0.0/0', 'x.org:99999', '*', 'a,,b', 'u@x.org'],
    drainDelay: ['', '0', '-1s', '61s', '2m'],
    relayerDailyCap: ['', '5', 'polygon', 'polygon=', 'polygon=0', 'polygon=-1', 'polygon=1=2', 'polygon=1,polygon=2'],
  }
  for (const [name, texts] of Object.entries(wrong)) {
    it(name, () => {
      for (const text of texts) {
        assert.match(
          refusalOf({ flags: { [name]: text } }),
          new RegExp(`^--[a-z-]+ must be .+, not "${escaped(text)}"$`),
        )
      }
    })
  }

  it('an unknown variable, with the one that was probably meant', () => {
    assert.equal(
      refusalOf({ env: { SIXPENCE_RESERV_TTL: '1m' } }),
      'SIXPENCE_RESERV_TTL is not a known variable: did you mean SIXPENCE_RESERVE_TTL?',
    )
    assert.match(refusalOf({ env: { SIXPENCE_LOGLEVEL: 'info' } }), /did you mean SIXPENCE_LOG_LEVEL\?$/)
  })
})

describe('a config file that is wrong is refused', () => {
  it('where it cannot be read', () => {
    const read = () =>
      readConfig({ flags: { config: '/nowhere/pay.json' }, env: {}, readFile: (path) => readFileSync(path, 'utf8') })
    assert.throws(read, {
      name: 'ConfigError',
      message: /^the config file cannot be read: ENOENT.*\/nowhere\/pay\.json/,
    })
  })

  it('where it is no JSON object', () => {
    assert.match(refusalOf({ file: '{\n  "port": 1,\n}' }), /^pay\.json: the file is not JSON: /)
    for (const file of [[], 5, null]) assert.match(refusalOf({ file }), /^pay\.json: the file must be an object/)
  })

  it('with the unknown key and the one that was probably meant', () => {
    assert.equal(refusalOf({ file: { network: [] } }), 'pay.json: /network is not known: did you mean networks?')
    assert.equal(
      networkRefusalOf({ name: 'base', rpcUrl: 'https://x.org' }),
      'pay.json: /networks/0/rpcUrl is not known: did you mean rpcUrls?',
    )
    const misspelt = { ...GNOSIS, currencies: [{ ...USDC, decimal: 6 }] }
    assert.match(
      networkRefusalOf(misspelt),
      /\/networks\/0\/currencies\/0\/decimal is not known: did you mean decimals\?/,
    )
    assert.match(refusalOf({ file: { config: 'other.json' } }), /\/config is not known/)
  })

  it('with the place and what belongs there', () => {
    const cases: [unknown, RegExp][] = [
      [{}, /\/networks\/0 lacks name$/],
      ['base', /\/networks\/0 must be /],
      [{ name: 'Base' }, /\/networks\/0\/name must be a name of small letters/],
      [{ name: 'base', type: 'solana' }, /\/type must be "evm"/],
      [{ name: 'base', chainId: '8453' }, /\/chainId must be a whole number/],
      [
        { name: 'base', confirmations: 0 },
        /\/confirmations must be a count of blocks from 1 to 100000, or "finalized"$/,
      ],
      [{ name: 'base', confirmations: 'safe' }, /\/confirmations must be a count of blocks/],
      [{ name: 'base', rpcUrls: [] }, /\/rpcUrls must be a list of http or https URLs, or left out/],
      [{ name: 'base', rpcUrls: ['https://x.org', 'ws://x.org'] }, /\/rpcUrls\/1 must be an http or https URL$/],
      [{ name: 'base', pollInterval: '0s' }, /\/pollInterval must be a duration/],
      [{ name: 'base', maxHeadAge: 'never' }, /\/maxHeadAge must be a duration/],
      [{ name: 'base', nativeCurrency: { symbol: 'ETH', decimals: 6 } }, /\/nativeCurrency\/decimals must be .*18/],
      [{ name: 'base', currencies: [{ symbol: 'A B', address: USDC.address, decimals: 6 }] }, /\/symbol must be/],
      [{ name: 'base', currencies: [{ ...USDC, decimals: 78 }] }, /\/currencies\/0\/decimals must be/],
      [{ name: 'base', currencies: [{ ...USDC, address: '' }] }, /\/currencies\/0\/address must be the address/],
      [{ name: 'base', currencies: [{ ...USDC, address: `0x${'0'.repeat(40)}` }] }, /\/address must be the address/],
    ]
    for (const [network, expected] of cases) assert.match(networkRefusalOf(network), expected)
    assert.match(refusalOf({ file: { port: [1] } }), /^pay\.json: \/port must be a text/)
  })

  it('without showing the secrets in its URLs', () => {
    assert.doesNotMatch(networkRefusalOf({ name: 'base', rpcUrls: ['wss://x.org/secret'] }), /secret/)
  })
})

describe('a network in the file', () => {
  it('needs only its name where it ships', () => {
    const base = networkOf({ name: 'base' })
    assert.deepEqual([base.chainId, base.type, base.enabled, base.confirmations], [8453, 'evm', true, 30])
    assert.deepEqual(base.rpcUrls, [])
    assert.equal(base.currencies[0]?.symbol, 'ETH')
    assert.ok(base.currencies.some(({ symbol }) => symbol === 'EURC'))
  })

  it('may say otherwise where it ships, but for the chain id', () => {
    const base = networkOf({
      name: 'base',
      chainId: 8453,
      rpcUrls: ['https://node.example.com/key'],
      confirmations: 'finalized',
      pollInterval: '500ms',
      maxHeadAge: 'none',
      currencies: [USDC],
    })
    assert.deepEqual(base.rpcUrls, ['https://node.example.com/key'])
    assert.deepEqual([base.confirmations, base.pollIntervalMs, base.maxHeadAgeMs], ['finalized', 500, null])
    assert.deepEqual(
      base.currencies.map(({ symbol, network, address }) => [symbol, network, address]),
      [
        ['ETH', 'base', ''],
        ['USDC', 'base', '0xDDAfbb505ad214D7b80b1f830fcCc89B60fb7A83'],
      ],
    )
    assert.equal(
      networkRefusalOf({ name: 'base', chainId: 1 }),
      'pay.json: /networks/0/chainId must be 8453, the chain id of base, or be left out',
    )
  })

  it('must state its facts where it does not ship', () => {
    const gnosis = networkOf({ ...GNOSIS, maxHeadAge: '30s' })
    assert.deepEqual([gnosis.chainId, gnosis.nativeCurrency.symbol, gnosis.maxHeadAgeMs], [100, 'xDAI', 30_000])
    assert.equal(gnosis.currencies.length, 2)
    const paces = [1337, 31337, 100].map((chainId) => networkOf({ ...GNOSIS, chainId }).maxHeadAgeMs)
    assert.deepEqual(paces, [null, null, 60_000], 'local chains make no block while nothing is sent')
    for (const fact of ['chainId', 'nativeCurrency', 'confirmations', 'currencies']) {
      const { [fact]: _, ...rest } = { ...GNOSIS } as Record<string, unknown>
      assert.match(
        networkRefusalOf(rest),
        /^pay\.json: \/networks\/0 must state chainId, .* because "gnosis" is none of/,
      )
    }
  })

  it('may be a local chain, outside the sandbox too', () => {
    assert.equal(networkOf({ ...GNOSIS, chainId: 31337 }).chainId, 31337)
  })

  it('comes once, by name and by chain id', () => {
    assert.match(networkRefusalOf({ name: 'base' }, { name: 'base' }), /\/networks\/1\/name "base" is taken/)
    const twin = { ...GNOSIS, chainId: 8453 }
    assert.match(networkRefusalOf({ name: 'base' }, twin), /\/networks\/1\/chainId 8453 is taken/)
  })

  it('lists a token once, in whatever case', () => {
    const again = { ...USDC, symbol: 'USDC.e', address: '0xDDAfbb505ad214D7b80b1f830fcCc89B60fb7A83' }
    const refusal = networkRefusalOf({ ...GNOSIS, currencies: [USDC, again] })
    assert.equal(refusal, 'pay.json: /networks/0/currencies/1/address is listed twice: leave one out')
  })

  it('lists no token with a wrong checksum', () => {
    const mistyped = { ...USDC, address: '0xddAfbb505ad214D7b80b1f830fcCc89B60fb7A83' }
    assert.match(
      networkRefusalOf({ ...GNOSIS, currencies: [mistyped] }),
      /\/currencies\/0\/address must be the address/,
    )
  })
})

describe('the table of settings', () => {
  it('names flag and variable alike, and has defaults that it accepts itself', () => {
    for (const [name, setting] of Object.entries(SETTINGS)) {
      const kebab = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      assert.equal(setting.flag.split(' ')[0], `--${kebab}`)
      assert.equal(setting.env, `SIXPENCE_${kebab.toUpperCase().replaceAll('-', '_')}`)
      if (setting.default !== null) assert.notEqual(setting.parse(setting.default), undefined)
    }
  })
})

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
