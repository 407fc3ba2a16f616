import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concat, numberToHex, pad, toEventSelector } from 'viem'
import type { CoinTransfer, Log, MinedSighting } from '../../src/chains/chain.ts'
import { COIN_LOG_ADDRESS, coinsByLogs, coinsByPolygonLogs } from '../../src/chains/evm/coin-logs.ts'
import type { Hex } from '../../src/domain/payment.ts'

const [OWNER, WALLET, SHOP, OTHER] = ['a1', 'a2', 'a3', 'a4'].map((end) => pad(`0x${end}`, { size: 20 })) as [
  Hex,
  Hex,
  Hex,
  Hex,
]
const POLYGON_COIN = '0x0000000000000000000000000000000000001010'
const LOG_TRANSFER = toEventSelector('LogTransfer(address,address,address,uint256,uint256,uint256,uint256,uint256)')
const TRANSFER = toEventSelector('Transfer(address,address,uint256)')

type Kind = (from: Hex, to: Hex, wei: bigint, address?: Hex) => Log

const word = (value: bigint) => numberToHex(value, { size: 32 })

/** As Polygon writes it: with what both held before and after. */
const polygonLog: Kind = (from, to, wei, address = POLYGON_COIN) => ({
  address,
  topics: [LOG_TRANSFER, pad(POLYGON_COIN), pad(from), pad(to)],
  data: concat([word(wei), word(100n), word(0n), word(100n - wei), word(wei)]),
})

const coinLog: Kind = (from, to, wei, address = COIN_LOG_ADDRESS) => ({
  address,
  topics: [TRANSFER, pad(from), pad(to)],
  data: word(wei),
})

function mined(logs: Log[], wei = 0n): MinedSighting {
  return {
    state: 'mined',
    transaction: { hash: '0x01', from: OWNER, to: WALLET, wei, data: '0x1234', nonce: 0 },
    block: { number: 11, hash: '0x02' },
    succeeded: true,
    logs,
  }
}

function lower(coins: CoinTransfer[] | null) {
  return coins?.map(({ from, to, wei }) => [from.toLowerCase(), to.toLowerCase(), wei])
}

for (const [name, log, read] of [
  ['Polygon', polygonLog, coinsByPolygonLogs],
  ['EIP-7708', coinLog, coinsByLogs],
] as const) {
  describe(`logs of coins by ${name}`, () => {
    it('tell what contracts moved, apart from what the transaction itself carries', () => {
      const logs = [log(OWNER, WALLET, 7n), log(WALLET, SHOP, 7n), log(OWNER, WALLET, 7n)]
      assert.deepEqual(lower(read(mined(logs, 7n))), [
        [WALLET, SHOP, 7n],
        [OWNER, WALLET, 7n],
      ])
      assert.deepEqual(lower(read(mined(logs.slice(1)))), [
        [WALLET, SHOP, 7n],
        [OWNER, WALLET, 7n],
      ])
    })

    it('tell nothing where there are none, or where what the transaction carries is missing among them', () => {
      assert.equal(read(mined([])), null)
      assert.equal(read(mined([log(WALLET, SHOP, 7n)], 5n)), null)
    })

    it('are of the address and the form that only the chain itself writes', () => {
      const { address, topics, data } = log(WALLET, SHOP, 7n)
      const forged = [
        log(WALLET, SHOP, 7n, OTHER),
        { address, topics: topics.slice(1), data },
        { address, topics, data: concat([data, '0x00']) },
        { address, topics: [pad('0x01'), ...topics.slice(1)], data },
      ]
      assert.equal(read(mined(forged)), null)
    })
  })
}

describe('logs of coins by Polygon', () => {
  it("tell nothing where the coin's own contract takes part, which writes such logs as well", () => {
    const byContract = [
      polygonLog(WALLET, POLYGON_COIN, 7n),
      polygonLog(POLYGON_COIN, SHOP, 7n),
      polygonLog(WALLET, SHOP, 7n),
    ]
    assert.equal(coinsByPolygonLogs(mined(byContract)), null)
  })

  it('are of the coin, and of more than nothing', () => {
    const { address, topics, data } = polygonLog(WALLET, SHOP, 7n)
    const otherToken = { address, topics: topics.toSpliced(1, 1, pad(OTHER)), data }
    assert.equal(coinsByPolygonLogs(mined([otherToken, polygonLog(WALLET, SHOP, 0n)])), null)
  })
})
