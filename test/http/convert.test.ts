import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parseUnits } from 'viem'
import type { CurrencyView } from '../../src/protocol/schemas.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { eventually } from '../chains/eventually.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { CURRENCIES, type ExchangeChain, startExchange } from '../support/exchange.ts'
import { callerOf, chainNetwork, startTestServer, type TestServer, unverifiedNetwork } from '../support/server.ts'
import { assertInvalidFields, assertProblem, ok } from './problems.ts'

const { POL, EURC, USDC } = CURRENCIES

describe('currencies on an exchange', () => {
  let chain: ExchangeChain
  let node: FaultyNode
  let server: TestServer

  before(async () => {
    chain = await startExchange()
    node = await startFaultyNode(chain.rpcUrl)
    const rpcUrls = [node.url]
    const served = chainNetwork({ name: 'polygon', chainId: 31337, rpcUrls, currencies: [EURC, USDC] })
    const rates = [{ from: EURC, to: USDC, toUnits: 1085n, perFrom: 1000n, validUntilMs: Number.POSITIVE_INFINITY }]
    const fx = { uniswapV3: SANDBOX_EXCHANGE, rates, maxDisagreementBps: 100 }
    server = await startTestServer({ networks: [{ ...served, fx }, unverifiedNetwork()] })
    await eventually('pools', async () => (await listed('?network=polygon')).every(({ bridgeable }) => bridgeable))
  })
  after(async () => {
    await server.stop()
    await node.stop()
    await chain.stop()
  })

  const convert = (sourceCurrency: string, targetCurrency: string, amount: string, more: object = {}) =>
    callerOf(server.url).post('/finance/currencies/convert', {
      ...{ sourceNetwork: 'polygon', targetNetwork: 'polygon', sourceCurrency, targetCurrency, amount, ...more },
    })
  const listed = async (query: string) =>
    ok(await callerOf(server.url).get<CurrencyView[]>(`/finance/currencies${query}`), query)
  const symbols = async (query: string) => (await listed(query)).map(({ symbol, network }) => `${symbol} ${network}`)

  it('are converted at what a swap would give, as a JSON string', async () => {
    const answer = await convert('USDC', 'EURC', '100')
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal(typeof ok(answer), 'string')
    // 1 EURC is 1.085 USDC, and the pool keeps 0.05 %.
    assert.match(String(ok(answer)), /^92\.1[0-9]{1,5}$/)
    assert.match(String(ok(await convert('COIN', 'USDC', '2.17'))), /^1\.08[0-9]{1,4}$/)
    assert.equal(String(ok(await convert('USDC', 'USDC', '100.50'))), '100.5')
  })

  it('are refused where there is no way, in words', async () => {
    const refused = async (...asked: Parameters<typeof convert>) => {
      const answer = await convert(...asked)
      assertInvalidFields(answer, ['/targetCurrency'])
      return answer.body.detail ?? ''
    }
    assert.match(await refused('USDC', 'EURC', '1', { targetNetwork: 'testnet' }), /no way from polygon to testnet/)
    const elsewhere = { sourceNetwork: 'testnet', targetNetwork: 'testnet' }
    assert.match(await refused('EURC', 'COIN', '1', elsewhere), /nobody here exchanges EURC for COIN on testnet/)
    assert.match(await refused('USDC', 'EURC', '0.000001'), /or not that much/)
  })

  it('are refused where a field is wrong', async () => {
    assertInvalidFields(await convert('MARS', 'EURC', '1'), ['/sourceCurrency'])
    assertInvalidFields(await convert('EURC', 'MARS', '1'), ['/targetCurrency'])
    assertInvalidFields(await convert('EURC', 'USDC', '1', { targetCurrencyAddress: EURC.address }), [
      '/targetCurrency',
    ])
    for (const amount of ['0', '-1', '1e3', '0.0000001']) {
      assertInvalidFields(await convert('EURC', 'USDC', amount), ['/amount'])
    }
  })

  it('are refused while the sources disagree', async () => {
    assert.ok(EURC.address !== '' && USDC.address !== '')
    ok(await convert('EURC', 'USDC', '1'))
    for (const fee of [500, 3000]) {
      const pay = { pay: EURC.address, fee }
      if (fee === 500) await chain.buy({ ...pay, get: USDC.address, units: parseUnits('900000', 6) })
      else await chain.buy({ ...pay, get: SANDBOX_EXCHANGE.wrappedNative, units: parseUnits('100000', 18) })
    }
    const answer = await convert('EURC', 'USDC', '1')
    assertInvalidFields(answer, ['/targetCurrency'])
    assert.match(answer.body.detail ?? '', /uniswap-v3 and fixed-rate disagree/)
    ok(await convert('USDC', 'EURC', '1'))
  })

  it('are 503 while the node is down', async () => {
    node.fault = () => ({ status: 500 })
    try {
      assertProblem(await convert('USDC', 'EURC', '1'), 'overloaded')
    } finally {
      node.fault = () => undefined
    }
  })

  it('are listed as what they reach and are reached from', async () => {
    const all = ['EURC polygon', 'USDC polygon', 'COIN polygon']
    assert.deepEqual(await symbols('?network=polygon'), all)
    assert.deepEqual(await symbols('?srcNetwork=polygon&srcSymbol=EURC'), all)
    assert.deepEqual(await symbols('?dstNetwork=polygon&dstSymbol=COIN'), all)
    assert.deepEqual(await symbols('?srcSymbol=USDC&dstSymbol=EURC&symbol=COIN'), ['COIN polygon'])
    assert.deepEqual(await symbols('?srcNetwork=testnet&srcSymbol=EURC'), ['EURC testnet'])
    assert.deepEqual(await symbols('?srcNetwork=testnet&dstNetwork=polygon'), [])
    assert.ok(
      (await listed('?network=testnet')).every(({ bridgeable }) => !bridgeable),
      POL.symbol,
    )
  })
})
