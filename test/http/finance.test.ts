import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { CurrencyView, NetworkView } from '../../src/protocol/schemas.ts'
import { callerOf, startTestServer, type TestServer, token, unverifiedNetwork } from '../support/server.ts'
import { ok } from './problems.ts'

const A = '0x00000000000000000000000000000000000A0000'

describe('finance, without a token', () => {
  let server: TestServer
  before(async () => {
    const networks = ['left', 'right'].map((name, index) => {
      const served = unverifiedNetwork()
      const currencies = [token(name, 'EURC', A, 6), token(name, 'COIN', '', 18)]
      return { ...served, network: { ...served.network, name, chainId: 100 + index }, currencies }
    })
    server = await startTestServer({ networks })
  })
  after(() => server.stop())

  const networks = async (query = '') =>
    ok(await callerOf(server.url).get<NetworkView[]>(`/finance/networks${query}`), query)
  const currencies = async (query = '') =>
    ok(await callerOf(server.url).get<CurrencyView[]>(`/finance/currencies${query}`), query)

  it('lists networks', async () => {
    const nativeCurrency = { symbol: 'COIN', decimals: 18 }
    const [left, right] = [
      { network: 'left', type: 'evm', chainId: 100, nativeCurrency, enabled: true },
      { network: 'right', type: 'evm', chainId: 101, nativeCurrency, enabled: true },
    ]
    assert.deepEqual(await networks(), [left, right])
    assert.deepEqual(await networks('?network=right'), [right])
    assert.deepEqual(await networks('?srcNetwork=left&dstNetwork=left'), [left])
    assert.deepEqual(await networks('?srcNetwork=left&dstNetwork=right'), [], 'there is no way from one to the other')
    assert.deepEqual(await networks('?limit=1&offset=1'), [right])
    assert.deepEqual(await networks('?network=mars'), [])
  })

  it('lists currencies', async () => {
    const listed = (network: string, symbol: string) => ({
      ...{ symbol, network, address: symbol === 'COIN' ? '' : A, decimals: symbol === 'COIN' ? 18 : 6 },
      ...{ bridgeable: false, enabled: true },
    })
    assert.equal((await currencies()).length, 4)
    assert.deepEqual(await currencies('?network=left'), [listed('left', 'EURC'), listed('left', 'COIN')])
    assert.deepEqual(await currencies('?symbol=eurc&network=right'), [listed('right', 'EURC')])
    assert.deepEqual(await currencies(`?address=${A.toLowerCase()}`), [listed('left', 'EURC'), listed('right', 'EURC')])
    assert.deepEqual(await currencies('?address='), [listed('left', 'COIN'), listed('right', 'COIN')], 'native coins')
    assert.deepEqual(await currencies('?srcSymbol=EURC&dstSymbol=COIN'), [])
    assert.deepEqual(await currencies(`?srcNetwork=left&srcAddress=${A}`), [listed('left', 'EURC')])
    assert.deepEqual(await currencies('?dstNetwork=right&limit=1'), [listed('right', 'EURC')])
  })
})
