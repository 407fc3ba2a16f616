import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError } from '../src/config-error.ts'
import { enableNetworks, parseConfigFile } from '../src/config-file.ts'

const QUOTER = '0x61fFE014bA17989E743c5F6cB21bF9697530B21e'
const ROUTER = '0xE592427A0AEce92De3Edee1F18E0157C05861564'
const CURRENCIES = [
  { symbol: 'USDC', address: '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913', decimals: 6 },
  { symbol: 'EURC', address: '0x60a3e35cc302bfa44cb288bc5a4f316fdb1adb42', decimals: 6 },
  { symbol: 'EURC', address: '0x00000000000000000000000000000000000e0000', decimals: 18 },
]
const RATE = { from: 'usdc', to: CURRENCIES[1]?.address, rate: '0.9210', validUntil: '2027-01-01T00:00:00Z' }

function fxOf(fx: unknown, name = 'base') {
  const text = JSON.stringify({ networks: [{ name, currencies: CURRENCIES, ...(fx !== undefined && { fx }) }] })
  const [network] = enableNetworks(parseConfigFile('fx.json', text, []), false)
  assert.ok(network)
  return network.fx
}

function refusalOf(fx: unknown): string {
  try {
    fxOf(fx)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  throw new Error('it was taken')
}

describe('what the config file says of exchanges', () => {
  it('may be nothing: the networks that ship have theirs, and sources may lie 2 % apart', () => {
    const uniswapV3 = {
      quoter: '0x3d4e44Eb1374240CE5F1B871ab261CD16335B76a',
      router: '0x2626664c2603336E57B271c5C0b26F421741e481',
    }
    assert.deepEqual(fxOf(undefined), { uniswapV3, rates: [], maxDisagreementBps: 200 })
    for (const name of ['ethereum', 'polygon', 'arbitrum', 'optimism']) {
      assert.deepEqual(fxOf(undefined, name).uniswapV3, { quoter: QUOTER, router: ROUTER })
    }
    assert.equal(fxOf({ uniswapV3: 'off' }, 'polygon').uniswapV3, null)
  })

  it('names contracts, rates and how far apart they may lie', () => {
    const uniswapV3 = { quoter: QUOTER.toLowerCase(), router: ROUTER }
    const fx = fxOf({ uniswapV3, rates: [RATE], maxDisagreement: '0.75%' })
    assert.deepEqual(fx.uniswapV3, { quoter: QUOTER, router: ROUTER })
    assert.equal(fx.maxDisagreementBps, 75)
    const [rate] = fx.rates
    assert.ok(rate)
    assert.deepEqual([rate.from.symbol, rate.to.symbol, rate.to.decimals], ['USDC', 'EURC', 6])
    assert.deepEqual([rate.toUnits, rate.perFrom, rate.validUntilMs], [9210n, 10_000n, Date.UTC(2027, 0, 1)])
    const coin = fxOf({ rates: [{ ...RATE, from: 'ETH' }] }).rates[0]?.from
    assert.equal(coin?.address, '')
  })

  it('is refused, by its place, where it is wrong', () => {
    const cases: [unknown, RegExp][] = [
      ['on', /\/networks\/0\/fx must be an object/],
      [{ uniswapV3: 'on' }, /\/fx\/uniswapV3 must be the addresses of a QuoterV2/],
      [{ uniswapV3: { quoter: QUOTER, router: '0x1' } }, /\/fx\/uniswapV3\/router must be the address of a contract/],
      [{ uniswap: 'off' }, /\/fx\/uniswap is not known: did you mean uniswapV3\?/],
      [{ rates: [{ ...RATE, rate: '1e3' }] }, /\/rates\/0\/rate must be a decimal/],
      [{ rates: [{ ...RATE, rate: '0.0' }] }, /\/rates\/0\/rate must be above zero/],
      [{ rates: [{ ...RATE, from: 'MARS' }] }, /\/rates\/0\/from "MARS" is none of the currencies/],
      [{ rates: [{ ...RATE, to: 'EURC' }] }, /\/rates\/0\/to "EURC" is the symbol of several/],
      [{ rates: [{ ...RATE, validUntil: 'tomorrow' }] }, /\/rates\/0\/validUntil must be a time in UTC/],
      [{ rates: [{ ...RATE, validUntil: '2027-13-01T00:00:00Z' }] }, /\/validUntil is no time of the calendar/],
      [{ maxDisagreement: '2' }, /\/fx\/maxDisagreement must be a percentage/],
      [{ maxDisagreement: '0%' }, /\/fx\/maxDisagreement must be above zero/],
    ]
    for (const [fx, expected] of cases) assert.match(refusalOf(fx), expected)
  })
})
