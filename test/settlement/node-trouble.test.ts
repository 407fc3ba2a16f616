import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { getAddress, keccak256, numberToHex, pad, parseTransaction } from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import { walletsAt } from '../../src/domain/wallet.ts'
import type { SessionResolvedView, VoucherView } from '../../src/protocol/schemas.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import {
  type Answer,
  asking,
  eventually,
  openSession,
  receiptsOf,
  redeemInSession,
  reserve,
  startTestServer,
  token,
} from '../support/server.ts'
import { openShop, type Shop, transferData } from './shop.ts'

const UNITS = 1_000n
const MAX_HEAD_AGE_MS = 3_600_000

/** Longer than any test advances the clock. */
const A_DAY_MS = 86_400_000

/** A second network on the same chain, whose node has no troubles. */
const SOUND_NETWORK = 'sound'

let shop: Shop
let node: FaultyNode

before(async () => {
  shop = await openShop({
    times: {
      resolveWaitMs: 600,
      unknownGraceMs: 20_000,
      dropGraceMs: A_DAY_MS,
      contextTtlMs: A_DAY_MS,
      reserveTtlMs: A_DAY_MS,
      signingTtlMs: A_DAY_MS,
    },
    rpcUrls: async (rpcUrl) => {
      node = await startFaultyNode(rpcUrl)
      return [node.url]
    },
    served: (network, chain) => [
      { ...network, maxHeadAgeMs: MAX_HEAD_AGE_MS },
      {
        ...network,
        network: { ...network.network, name: SOUND_NETWORK },
        currencies: network.currencies.map((currency) => ({ ...currency, network: SOUND_NETWORK })),
        rpcUrls: [chain.rpcUrl],
      },
    ],
  })
})
afterEach(() => {
  node.fault = () => undefined
})
after(async () => {
  await shop.stop()
  await node.stop()
})

function assertOverloaded({ status, body, headers }: Answer): void {
  assert.deepEqual([status, body.code], [503, 'overloaded'], JSON.stringify(body))
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/)
}

/** How many questions the node was asked so far. */
function questions(): number {
  return [...node.asked.values()].reduce((sum, count) => sum + count, 0)
}

const soundEurc = () => token(SOUND_NETWORK, 'EURC', shop.eurc.address, 6)

describe('a receipt of as many logs as a transaction can have', () => {
  const LOGS = 39_000
  const HOLDERS = 500

  it('is proven, though each of hundreds of holders gave in it; others are answered meanwhile', async () => {
    const { store } = shop.server.app
    const holders = Array.from({ length: HOLDERS }, (_, index) => getAddress(numberToHex(index + 1, { size: 20 })))
    const credentials = holders.map((address, index) => ({
      ...{
        kind: 'wallet' as const,
        identifier: walletsAt(shop.chain.chainId, address)[0] ?? '',
        accountId: `usr_${index}`,
      },
      ...{ passwordHash: null, createdAtMs: shop.server.clock.now() },
    }))
    await store.commit({ credentials })
    const to = shop.newRecipient()
    const data = transferData(to, UNITS)
    const input = { from: '{payer}', to: shop.plain.address, value: '0', data }
    const networks = [{ network: shop.eurc.network, type: 'evm', chainId: String(shop.chain.chainId) }]
    const voucher = await shop.askFor({ networks, payments: [{ type: 'send_transaction', input }] })
    const transactionHash = await shop.send({ units: UNITS, to })
    await shop.mine()
    const [transfer] = (await shop.client.getTransactionReceipt({ hash: transactionHash })).logs
    assert.ok(transfer)
    const logs = Array.from({ length: LOGS }, (_, index) => {
      const [selector] = transfer.topics
      const topics = [selector, pad(holders[index % HOLDERS] ?? to), pad(to)]
      return {
        ...{ address: shop.plain.address, topics, data: numberToHex(index, { size: 32 }), removed: false },
        ...{ blockHash: transfer.blockHash, blockNumber: '0x1', transactionHash, transactionIndex: '0x0' },
        logIndex: numberToHex(index),
      }
    })
    node.fault = async ({ method, params }, askBehind) => {
      if (method !== 'eth_getTransactionReceipt' || params?.[0] !== transactionHash) return undefined
      return { result: { ...Object(await askBehind()), logs } }
    }
    let isOver = false
    const answering = (async () => {
      for (let answered = 0; ; answered++) {
        if (isOver) return answered
        assert.equal((await fetch(new URL('/healthz', shop.server.url))).status, 200)
      }
    })()
    const { body } = await shop.resolve(voucher, { transactionHash })
    isOver = true
    const answered = await answering
    assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
    assert.ok(answered >= HOLDERS / 2, `${answered} callers were answered while it was proven`)
  })
})

describe('a node that', () => {
  const mended = () => {
    node.fault = () => undefined
  }
  const broken = (fault: FaultyNode['fault']) => () => {
    node.fault = fault
  }
  const lagMs = 2 * MAX_HEAD_AGE_MS
  const troubles: [string, () => void, () => unknown][] = [
    ['is down', broken(() => ({ status: 503 })), mended],
    ['never answers', broken(() => 'silence'), mended],
    [
      'serves another chain by now',
      broken(({ method }) => (method === 'eth_chainId' ? { result: '0x1' } : { status: 502 })),
      mended,
    ],
    [
      'lags behind',
      () => shop.server.clock.advance(lagMs),
      () => shop.client.increaseTime({ seconds: lagMs / 1000 }).then(() => shop.mine()),
    ],
  ]
  for (const [name, breakIt, mend] of troubles) {
    it(`${name} has callers come back, and changes nothing`, async () => {
      const to = shop.newRecipient()
      const [voucher, reserved] = [await shop.ask(UNITS, to), await reserve(shop.parties)]
      const before = [await shop.look(voucher.id), await shop.look(reserved.id)]
      const transactionHash = await shop.send({ units: UNITS, to })
      await shop.mine()
      const askedBefore = questions()
      breakIt()
      shop.server.clock.advance(1_000)
      await eventually(async () => questions() > askedBefore)
      const redeem = () =>
        shop.parties.payee.post(`/vouchers/${reserved.id}/redeem-voucher`, asking('1', shop.eurc, to))

      const answers = await Promise.all([
        redeem(),
        shop.resolve(voucher, { transactionHash }),
        shop.resolve(voucher, { transactionHash: `0x${'ef'.repeat(32)}` }),
      ])
      for (const answer of answers) assertOverloaded(answer)
      assert.deepEqual([await shop.look(voucher.id), await shop.look(reserved.id)], before)

      await mend()
      const { body } = await shop.resolve(voucher, { transactionHash })
      assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
      assert.equal((await redeem()).status, 200)
      await shop.confirm(voucher.id)
    })
  }

  it('is down keeps back no voucher of the session that another node proves, and the same call goes on later', async () => {
    const to = shop.newRecipient()
    const { id } = await openSession(shop.parties)
    const waiting = await redeemInSession(shop.parties, id, asking('0.001', shop.eurc, to))
    const other = await redeemInSession(shop.parties, id, asking('0.002', soundEurc(), to))
    const hashes = [await shop.send({ units: UNITS, to }), await shop.send({ units: 2n * UNITS, to })]
    await shop.mine()
    const receipts = [waiting, other].flatMap(
      (voucher, index) => receiptsOf(voucher, { transactionHash: hashes[index] ?? '' }).receipts,
    )
    const handIn = async () => {
      const headers = { 'idempotency-key': id }
      const path = `/vouchers/sessions/${id}/session-resolve`
      const answer = await shop.parties.payer.post<SessionResolvedView>(path, { receipts }, headers)
      return answer.body.results.map(({ voucher, problem }) => voucher?.status ?? problem?.code)
    }
    broken(() => ({ status: 503 }))()
    assert.deepEqual(await handIn(), ['overloaded', 'RESOLVED'])
    mended()
    assert.deepEqual(await handIn(), ['RESOLVED', 'RESOLVED'])
  })

  it('goes away while a payment waits for its block finds it waiting when it comes back', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const transactionHash = await shop.send({ units: UNITS, to })
    const answer = shop.resolve(voucher, { transactionHash })
    await shop.until(voucher.id, ({ settlement }) => settlement?.status === 'PENDING')
    node.fault = () => ({ status: 503 })
    await shop.mine()
    const { status, body } = await answer
    assert.deepEqual([status, body.status, body.settlement?.status], [200, 'REDEEMED', 'PENDING'])

    node.fault = () => undefined
    await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
    await shop.confirm(voucher.id)
  })

  it('hears of a transaction a little later than the server is given some time', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const raw = await shop.sign({ units: UNITS, to })
    const hash = keccak256(raw)
    const asked = new Promise<void>((reached) => {
      node.fault = ({ params }) => {
        if (params?.[0] === hash) reached()
        return undefined
      }
    })
    const answer = shop.resolve(voucher, { transactionHash: hash })
    await asked
    await shop.client.sendRawTransaction({ serializedTransaction: raw })
    await shop.mine()
    const { status, body } = await answer
    assert.deepEqual([status, body.status], [200, 'RESOLVED'], JSON.stringify(body))
  })

  it('swallows a transaction gets it again', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const signedTransaction = await shop.sign({ units: UNITS, to })
    let swallowed = false
    node.fault = ({ method }) => {
      if (method !== 'eth_sendRawTransaction' || swallowed) return undefined
      swallowed = true
      return { result: keccak256(signedTransaction) }
    }
    const { body } = await shop.resolve(voucher, { signedTransaction })
    assert.deepEqual([swallowed, body.settlement?.status], [true, 'PENDING'])
    await eventually(async () => {
      await shop.mine()
      return (await shop.look(voucher.id)).status === 'RESOLVED'
    })
    assert.equal(await shop.balance(to), UNITS)
  })

  it('has a transaction already, but does not find it, has not refused it', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const signedTransaction = await shop.sign({ units: UNITS, to })
    const hash = keccak256(signedTransaction)
    await shop.client.sendRawTransaction({ serializedTransaction: signedTransaction })
    node.fault = ({ method, params }) => {
      if (method === 'eth_sendRawTransaction') return { error: { code: -32_000, message: 'already known' } }
      return params?.[0] === hash ? { result: null } : undefined
    }
    const { status, body } = await shop.resolve(voucher, { signedTransaction })
    assert.deepEqual([status, body.settlement?.status], [200, 'PENDING'], JSON.stringify(body))
    node.fault = () => undefined
    await shop.mine()
    await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
  })

  it('refuses a transaction because its replacement was quicker resolves by the replacement', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const signedTransaction = await shop.sign({ units: UNITS, to })
    const { nonce } = parseTransaction(signedTransaction)
    let replacement: Hex | undefined
    node.fault = async ({ method }) => {
      if (method !== 'eth_sendRawTransaction' || replacement !== undefined) return undefined
      replacement = await shop.send({ units: UNITS, to, nonce, gasPrice: 20_000_000_000n })
      await shop.mine()
      return undefined
    }
    const { status, body } = await shop.resolve(voucher, { signedTransaction })
    assert.deepEqual([status, body.status], [200, 'RESOLVED'], JSON.stringify(body))
    assert.equal(body.settlement?.transactions[0]?.transactionHash, replacement)
    assert.equal(await shop.balance(to), UNITS)
  })

  it('contradicts itself from one look to the next does not resolve a voucher before it is sure', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const transactionHash = await shop.send({ units: UNITS, to })
    await shop.mine()
    let looks = 0
    node.fault = ({ method, params }) => {
      if (params?.[0] !== transactionHash) return undefined
      if (method === 'eth_getTransactionByHash') looks += 1
      return looks > 1 ? { result: null } : undefined
    }
    const { status, body } = await shop.resolve(voucher, { transactionHash })
    assert.deepEqual([status, body.status, body.settlement?.status], [200, 'REDEEMED', 'PENDING'])
    node.fault = () => undefined
    await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
  })

  it('names a block that is not on the chain does not resolve a voucher', async () => {
    const to = shop.newRecipient()
    const voucher = await shop.ask(UNITS, to)
    const transactionHash = await shop.send({ units: UNITS, to })
    await shop.mine()
    node.fault = async ({ method, params }, askBehind) => {
      if (params?.[0] !== transactionHash) return undefined
      if (method !== 'eth_getTransactionByHash' && method !== 'eth_getTransactionReceipt') return undefined
      return { result: { ...Object(await askBehind()), blockHash: `0x${'00'.repeat(32)}` } }
    }
    const { body } = await shop.resolve(voucher, { transactionHash })
    assert.deepEqual([body.status, body.settlement?.status], ['REDEEMED', 'PENDING'])
    node.fault = () => undefined
    await shop.until(voucher.id, ({ status }) => status === 'RESOLVED')
  })
})

describe('trouble with one payment', () => {
  it('is not the trouble of others on its network', async () => {
    const stuck = await pending(shop.eurc)
    const sound = await pending(shop.eurc)
    node.fault = ({ params }) => (params?.[0] === stuck.transactionHash ? { status: 500 } : undefined)
    await shop.mine()
    await shop.until(sound.voucher.id, ({ status }) => status === 'RESOLVED')
    assert.equal((await shop.look(stuck.voucher.id)).status, 'REDEEMED')
    node.fault = () => undefined
    await shop.until(stuck.voucher.id, ({ status }) => status === 'RESOLVED')
  })

  it('is not the trouble of other networks, even where a node keeps everybody waiting', async () => {
    const stuck = await pending(shop.eurc)
    const sound = await pending(soundEurc())
    node.fault = () => 'silence'
    await shop.mine()
    await shop.until(sound.voucher.id, ({ status }) => status === 'RESOLVED', 4_000)
    assert.equal((await shop.look(stuck.voucher.id)).status, 'REDEEMED')
  })
})

/** A payment in the pool whose receipt was handed in. */
async function pending(
  currency: ReturnType<typeof soundEurc>,
): Promise<{ voucher: VoucherView; transactionHash: string }> {
  const to = shop.newRecipient()
  const voucher = await shop.askFor(asking('0.001', currency, to))
  const transactionHash = await shop.send({ units: UNITS, to })
  const { body } = await shop.resolve(voucher, { transactionHash })
  assert.equal(body.settlement?.status, 'PENDING', JSON.stringify(body))
  return { voucher, transactionHash }
}

it('a chain that is reset behind the server is not taken for the old one, also after a restart', async () => {
  const own = await openShop({ times: { resolveWaitMs: 600 } })
  try {
    const to = own.newRecipient()
    const voucher = await own.ask(UNITS, to)
    const transactionHash = await own.send({ units: UNITS, to })
    await own.client.request({ method: 'anvil_reset', params: [] } as never)
    const refused = await own.resolve(voucher, { transactionHash })
    assertOverloaded(refused)
    assert.match(
      String(refused.body.detail),
      /The polygon node cannot be asked right now \(the chain was reset behind the server/,
    )
    await eventually(async () => {
      const { networks } = (await (await fetch(`${own.server.url}/readyz`)).json()) as { networks: { why?: string }[] }
      return networks[0]?.why?.includes('was reset')
    })
    await own.restart()
    assertOverloaded(await own.resolve(voucher, { transactionHash }))
  } finally {
    await own.stop()
  }
})

it('a server whose node serves another chain refuses to start', async () => {
  const network = { name: 'elsewhere', type: 'evm', chainId: 1, enabled: true } as const
  const served = {
    network: { ...network, nativeCurrency: { symbol: 'COIN', decimals: 18 } },
    currencies: [],
    rpcUrls: [shop.chain.rpcUrl],
    confirmations: 1,
    pollIntervalMs: 100,
    maxHeadAgeMs: null,
  }
  await assert.rejects(startTestServer({ networks: [served] }), {
    name: 'WrongChainId',
    message: /elsewhere should have chain id 1, but the node at http:\/\/127.0.0.1:\d+ serves chain id 31337/,
  })
})
