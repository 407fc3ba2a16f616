import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Currency, type CurrencyRefusal, detectCurrency, indexCurrencies } from '../../src/domain/currency.ts'

const EURC_ETHEREUM = '0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c'
const EURC_POLYGON = '0x73B3dB5a96A4b9d9BcfC22b8f1b3d85a5e5B5e5b'
const USDC_POLYGON = '0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174'
const LIT_OLD = '0xb59490aB09A0f526Cc7305822aC65f2Ab12f9723'
const LIT_NEW = '0x232CE3bd40fCd6f80f3d55A522d03f25Df784Ee2'
const EVERYWHERE = '0x4200000000000000000000000000000000000006'

const listed = (network: string, symbol: string, address: Currency['address'], enabled = true): Currency => ({
  symbol,
  network,
  address,
  decimals: address === '' ? 18 : 6,
  enabled,
})

const index = indexCurrencies([
  listed('ethereum', 'ETH', ''),
  listed('ethereum', 'EURC', EURC_ETHEREUM),
  listed('ethereum', 'LIT', LIT_OLD),
  listed('ethereum', 'LIT', LIT_NEW),
  listed('polygon', 'POL', ''),
  listed('polygon', 'EURC', EURC_POLYGON),
  listed('polygon', 'USDC', USDC_POLYGON),
  listed('polygon', 'WETH', EVERYWHERE),
  listed('base', 'ETH', ''),
  listed('base', 'WETH', EVERYWHERE),
  listed('gnosis', 'USDC', '0xDDAfbb505ad214D7b80b1f830fcCc89B60fb7A83', false),
])

type Question = Parameters<typeof detectCurrency>[1]

function chosen(question: Question): string {
  const currency = detectCurrency(index, question)
  assert.ok(!('refusal' in currency), 'refusal' in currency ? currency.refusal : '')
  return `${currency.symbol} ${currency.network} ${currency.address}`
}

function refused(question: Question): CurrencyRefusal {
  const answer = detectCurrency(index, question)
  assert.ok('refusal' in answer, `${JSON.stringify(question)} was accepted`)
  return answer
}

describe('detectCurrency finds the one currency', () => {
  it('that is fully named', () => {
    const question = { network: 'polygon', currency: 'EURC', currencyAddress: EURC_POLYGON }
    assert.equal(chosen(question), `EURC polygon ${EURC_POLYGON}`)
  })

  it('by its symbol alone where that is on one network, enabled networks only', () => {
    assert.equal(chosen({ currency: 'USDC' }), `USDC polygon ${USDC_POLYGON}`)
    assert.equal(chosen({ currency: 'POL' }), 'POL polygon ')
  })

  it('by symbol and network', () => {
    assert.equal(chosen({ currency: 'EURC', network: 'ethereum' }), `EURC ethereum ${EURC_ETHEREUM}`)
    assert.equal(chosen({ currency: 'ETH', network: 'base' }), 'ETH base ')
  })

  it('by symbol and address', () => {
    assert.equal(chosen({ currency: 'EURC', currencyAddress: EURC_POLYGON }), `EURC polygon ${EURC_POLYGON}`)
    assert.equal(chosen({ currency: 'LIT', currencyAddress: LIT_NEW }), `LIT ethereum ${LIT_NEW}`)
  })

  it('as the native coin where the address is empty', () => {
    assert.equal(chosen({ currency: 'POL', currencyAddress: '' }), 'POL polygon ')
    assert.equal(chosen({ currency: 'ETH', currencyAddress: '', network: 'ethereum' }), 'ETH ethereum ')
  })

  it('in any case, and answers as it is listed', () => {
    for (const currencyAddress of [EURC_POLYGON.toLowerCase(), `0x${EURC_POLYGON.slice(2).toUpperCase()}`]) {
      const question = { network: 'Polygon', currency: 'eurc', currencyAddress }
      assert.equal(chosen(question), `EURC polygon ${EURC_POLYGON}`)
    }
  })
})

describe('detectCurrency refuses', () => {
  it('a symbol of several networks, and lists them', () => {
    const { refusal, candidates } = refused({ currency: 'EURC' })
    assert.equal(refusal, `EURC is on ethereum (${EURC_ETHEREUM}), polygon (${EURC_POLYGON}): say which network`)
    assert.deepEqual(
      candidates.map(({ network }) => network),
      ['ethereum', 'polygon'],
    )
    const native = refused({ currency: 'ETH', currencyAddress: '' })
    assert.equal(native.refusal, 'ETH is on ethereum (native coin), base (native coin): say which network')
  })

  it('a token at the same address on several networks', () => {
    const { refusal } = refused({ currency: 'WETH', currencyAddress: EVERYWHERE })
    assert.equal(refusal, `WETH is on polygon (${EVERYWHERE}), base (${EVERYWHERE}): say which network`)
  })

  it('a symbol that one network has twice, and asks for the address', () => {
    const { refusal } = refused({ currency: 'LIT' })
    assert.equal(refusal, `LIT is on ethereum (${LIT_OLD}), ethereum (${LIT_NEW}): say which currencyAddress`)
  })

  it('a symbol with the address of another, and names both', () => {
    const { refusal, candidates } = refused({ network: 'polygon', currency: 'EURC', currencyAddress: USDC_POLYGON })
    assert.match(refusal, new RegExp(`^EURC at ${USDC_POLYGON} on polygon is not enabled here; EURC is on .*polygon`))
    assert.match(refusal, new RegExp(`USDC is on polygon \\(${USDC_POLYGON}\\)$`))
    assert.deepEqual(
      candidates.map(({ symbol }) => symbol),
      ['EURC', 'EURC', 'USDC'],
    )
  })

  it('the right address on the wrong network, and names the right one once', () => {
    const { refusal } = refused({ network: 'base', currency: 'USDC', currencyAddress: USDC_POLYGON })
    assert.equal(refusal, `USDC at ${USDC_POLYGON} on base is not enabled here; USDC is on polygon (${USDC_POLYGON})`)
  })

  it('a token as a native coin and a native coin at an address', () => {
    const asCoin = refused({ currency: 'USDC', currencyAddress: '' })
    assert.equal(asCoin.refusal, `USDC as a native coin is not enabled here; USDC is on polygon (${USDC_POLYGON})`)
    const asToken = refused({ currency: 'POL', currencyAddress: `0x${'0'.repeat(40)}` })
    assert.match(asToken.refusal, /; POL is on polygon \(native coin\)$/)
  })

  it('a network that is not enabled, and lists those that are', () => {
    const { refusal } = refused({ network: 'gnosis', currency: 'USDC' })
    assert.equal(refusal, 'network gnosis is not enabled here; enabled: ethereum, polygon, base')
  })

  it('an unknown symbol, and names what stands at its address', () => {
    assert.deepEqual(refused({ currency: 'XYZ' }), { refusal: 'XYZ is not enabled here', candidates: [] })
    const { refusal } = refused({ currency: 'XYZ', currencyAddress: USDC_POLYGON.toLowerCase() })
    assert.match(refusal, /^XYZ at 0x2791\S+ is not enabled here; USDC is on polygon/)
  })

  it('names that every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString']) refused({ currency: name, network: 'polygon' })
  })

  it('what is nearly an address', () => {
    for (const currencyAddress of ['0x', ' ', USDC_POLYGON.slice(2), `${USDC_POLYGON}0`, `${USDC_POLYGON} `]) {
      refused({ network: 'polygon', currency: 'USDC', currencyAddress })
    }
  })

  it('a checksum that does not hold', () => {
    const currencyAddress = USDC_POLYGON.replace('Bca1', 'bca1')
    const { refusal } = refused({ network: 'polygon', currency: 'USDC', currencyAddress })
    assert.equal(refusal, `${currencyAddress} has a wrong checksum: USDC is on polygon (${USDC_POLYGON})`)
  })
})

it('an empty list finds nothing', () => {
  assert.deepEqual(detectCurrency(indexCurrencies([]), { currency: 'USDC' }), {
    refusal: 'USDC is not enabled here',
    candidates: [],
  })
})
