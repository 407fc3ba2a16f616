import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Chain, checksumAddress } from 'viem'
import * as viemChains from 'viem/chains'
import { detectCurrency, indexCurrencies } from '../src/domain/currency.ts'
import { enableNetwork, loadShippedTokens, SHIPPED_NETWORKS, sandboxNetwork } from '../src/networks.ts'

const everyChainId = new Set(SHIPPED_NETWORKS.map(({ chainId }) => chainId))
const tokensOf = loadShippedTokens(everyChainId)
const enabled = SHIPPED_NETWORKS.map((facts) => enableNetwork(facts, tokensOf.get(facts.chainId) ?? [], []))

describe('the networks that ship', () => {
  it('have the chain ids and native coins that viem knows', () => {
    const known = new Map<number, Chain>(Object.values(viemChains).map((chain) => [chain.id, chain]))
    const viemNames: Record<string, string> = {
      bnb: 'BNB Smart Chain',
      optimism: 'OP Mainnet',
      arbitrum: 'Arbitrum One',
    }
    for (const { name, chainId, nativeCurrency } of SHIPPED_NETWORKS) {
      const chain = known.get(chainId)
      assert.ok(chain, name)
      assert.equal(chain.name.toLowerCase(), (viemNames[name] ?? name).toLowerCase())
      assert.equal(chain.testnet ?? false, false, name)
      assert.deepEqual(nativeCurrency, { symbol: chain.nativeCurrency.symbol, decimals: chain.nativeCurrency.decimals })
    }
  })

  it('have names and chain ids of their own', () => {
    assert.equal(everyChainId.size, SHIPPED_NETWORKS.length)
    assert.equal(new Set(SHIPPED_NETWORKS.map(({ name }) => name)).size, SHIPPED_NETWORKS.length)
  })

  it('have their native coin first and the dollar at its issuer’s address', () => {
    // As Circle publishes them.
    const usdc: Record<string, string> = {
      ethereum: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48',
      polygon: '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359',
      base: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
      arbitrum: '0xaf88d065e77c8cC2239327C5EDb3A432268e5831',
      optimism: '0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85',
      avalanche: '0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E',
    }
    for (const { name, nativeCurrency, currencies } of enabled) {
      assert.equal(currencies[0]?.address, '')
      assert.equal(currencies[0]?.symbol, nativeCurrency.symbol)
      const dollars = currencies.filter(({ symbol }) => symbol === 'USDC')
      assert.equal(dollars.length, 1, name)
      if (usdc[name]) assert.deepEqual([dollars[0]?.address, dollars[0]?.decimals], [usdc[name], 6])
    }
  })

  it('have the exchange that Uniswap publishes for them', () => {
    const first = '0x61fFE014bA17989E743c5F6cB21bF9697530B21e 0xE592427A0AEce92De3Edee1F18E0157C05861564'
    const published: Record<string, string> = {
      ...{ ethereum: first, polygon: first, arbitrum: first, optimism: first },
      base: '0x3d4e44Eb1374240CE5F1B871ab261CD16335B76a 0x2626664c2603336E57B271c5C0b26F421741e481',
      avalanche: '0xbe0F5544EC67e9B3b2D979aaA43f18Fd87E6257F 0xbb00FF08d01D300023C629E8fFfFcb65A5a578cE',
      bnb: '0x78D78E420Da98ad378D7799bE8f4AF69033EB077 0xB971eF87ede563556b2ED4b1C0b0019111Dd85d2',
    }
    for (const { name, fx } of enabled) {
      const { quoter, router } = fx.uniswapV3 ?? {}
      assert.equal(`${quoter} ${router}`, published[name])
      for (const address of [quoter, router]) assert.equal(address, checksumAddress(address ?? '0x'))
    }
  })

  it('list checksummed addresses, each once', () => {
    for (const { name, currencies } of enabled) {
      const addresses = currencies.map(({ address }) => address)
      assert.equal(new Set(addresses).size, addresses.length, name)
      for (const address of addresses) if (address !== '') assert.equal(address, checksumAddress(address))
      assert.ok(currencies.every(({ network, enabled }) => network === name && enabled))
    }
  })

  it('leave out the token that is really Polygon’s coin', () => {
    const polygon = enabled.find(({ name }) => name === 'polygon')
    assert.ok(polygon && !polygon.currencies.some(({ address }) => /^0x0{36}1010$/.test(address)))
  })

  it('keep a symbol that one of them has twice, to be told apart by address', () => {
    const index = indexCurrencies(enabled.flatMap(({ currencies }) => currencies))
    const answer = detectCurrency(index, { network: 'ethereum', currency: 'LIT' })
    assert.ok('refusal' in answer && answer.candidates.length === 2)
    for (const { address } of answer.candidates) {
      const chosen = detectCurrency(index, { currency: 'LIT', currencyAddress: address })
      assert.ok('address' in chosen && chosen.address === address)
    }
  })
})

describe('loadShippedTokens', () => {
  it('gives tokens of the chains that were asked for only', () => {
    const tokens = loadShippedTokens(new Set([8453]))
    assert.deepEqual([...tokens.keys()], [8453])
    assert.ok(tokens.get(8453)?.some(({ symbol }) => symbol === 'EURC'))
  })

  it('gives an empty list for a chain that the list does not have', () => {
    assert.deepEqual(loadShippedTokens(new Set([31337])), new Map([[31337, []]]))
  })
})

describe('the sandbox network', () => {
  const sandbox = sandboxNetwork({ rpcUrl: 'http://127.0.0.1:8545' })

  it('is called polygon and has no real chain’s id', () => {
    assert.equal(sandbox.name, 'polygon')
    assert.equal(sandbox.chainId, 31337)
    assert.equal(sandbox.confirmations, 3)
    assert.deepEqual(sandbox.rpcUrls, ['http://127.0.0.1:8545'])
    assert.equal(sandbox.maxHeadAgeMs, null)
  })

  it('takes POL, EURC and USDC, with checksummed addresses', () => {
    assert.deepEqual(
      sandbox.currencies.map(({ symbol, address, decimals }) => [symbol, address, decimals]),
      [
        ['POL', '', 18],
        ['EURC', '0x73B3dB5a96A4b9d9BcfC22b8f1b3d85a5e5B5e5b', 6],
        ['USDC', '0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174', 6],
      ],
    )
  })

  it('understands EURC’s address as payees write it', () => {
    const question = {
      network: 'polygon',
      currency: 'EURC',
      currencyAddress: '0x73b3db5a96a4b9d9bcfc22b8f1b3d85a5e5b5e5b',
    }
    const currency = detectCurrency(indexCurrencies(sandbox.currencies), question)
    assert.ok('decimals' in currency && currency.decimals === 6)
  })
})
