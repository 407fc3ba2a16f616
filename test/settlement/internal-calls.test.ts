import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { encodeFunctionData, getAddress, numberToHex, pad, parseEther, parseUnits, toEventSelector } from 'viem'
import { COIN_LOG_ADDRESS } from '../../src/chains/evm/coin-logs.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherReviewView, VoucherView } from '../../src/protocol/schemas.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { ok } from '../http/problems.ts'
import { type Deployed, devAccount } from '../support/anvil.ts'
import {
  asking,
  eventually,
  newContext,
  newParties,
  receiptsOf,
  redeem,
  type Scene,
  token,
  withToken,
} from '../support/server.ts'
import { decimal, mineTransfer, NETWORK, openShop, reorg, type Shop, transferData } from './shop.ts'
import { walletSignIn } from './signing.ts'

const OWNER = devAccount(1)
const POL = token(NETWORK, 'POL', '', 18)
const WEI = parseUnits('0.25', 18)
const NO_TRACE = {
  error: { code: -32_601, message: 'the method debug_traceTransaction does not exist/is not available' },
}
const COUNTED = /counted for another payment already/

let shop: Shop
let node: FaultyNode
/** A contract that does what its owner says, and its payer, who has signed in with it. */
let wallet: Deployed
let scene: Scene

before(async () => {
  shop = await openShop({
    times: { contextTtlMs: 86_400_000 },
    prepare: async (chain) => {
      const { address, abi } = await chain.deploy('SignerWallet', [OWNER.address])
      wallet = { address: getAddress(address), abi }
      await chain.client.setBalance({ address: wallet.address, value: parseEther('100') })
    },
    rpcUrls: async (rpcUrl) => {
      node = await startFaultyNode(rpcUrl)
      return [node.url]
    },
    served: (network) => ({ ...network, currencies: [...network.currencies, POL] }),
  })
  const signer = { address: wallet.address, signMessage: OWNER.signMessage }
  const { authorization } = ok(await walletSignIn(shop.server, signer, shop.chain.chainId))
  const payer = withToken(shop.server.url, authorization.token)
  scene = await newContext(shop.server.url, payer, { payers: [wallet.address] })
})
beforeEach(() => {
  node.fault = () => undefined
})
after(async () => {
  await shop.stop()
  await node.stop()
})

const ask = (to: Hex, amount = '0.25', of = scene) => redeem(of, asking(amount, POL, to))

type Call = { target: Hex; value: bigint; data?: Hex; undone?: boolean }

function executing(calls: Call[]): Hex {
  const args = [calls.map((call) => ({ data: '0x', undone: false, ...call }))]
  return encodeFunctionData({ abi: wallet.abi, functionName: 'executeAll', args })
}

/** The owner has the wallet make calls, in one transaction, which is mined. */
async function act(...calls: Call[]): Promise<Hex> {
  const hash = await shop.contractCall(wallet.address, executing(calls))
  await shop.mine()
  return hash
}

const resolve = ({ payer }: Scene, voucher: VoucherView, transactionHash: Hex) =>
  payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher, { transactionHash }))

const look = ({ payer }: Scene, { id }: VoucherView) => payer.get<VoucherView>(`/vouchers/${id}`)

async function assertPays(voucher: VoucherView, hash: Hex, of = scene): Promise<void> {
  const { status, body } = await resolve(of, voucher, hash)
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal(body.status, 'RESOLVED')
}

async function assertRefused(voucher: VoucherView, hash: Hex, detail: RegExp, of = scene): Promise<VoucherView> {
  const { body } = await resolve(of, voucher, hash)
  assert.equal(body.code, 'receipt_rejected', JSON.stringify(body))
  assert.match(body.detail ?? '', detail)
  return ok(await look(of, voucher))
}

const review = async ({ payer }: Scene, { id }: VoucherView, address: Hex = wallet.address) =>
  ok(await payer.get<VoucherReviewView>(`/vouchers/${id}/review?wallet=${address}`))

const traces = () => node.asked.get('debug_traceTransaction') ?? 0

const observedOf = ({ observedPayments = [] }: VoucherView) =>
  observedPayments.map(({ transactionHash, reason, amount }) => [transactionHash, reason, amount])

const until = (voucher: VoucherView, wanted: (now: VoucherView) => boolean) =>
  eventually(async () => wanted(ok(await look(scene, voucher))))

/** Mines, and waits until the settlement is as deep as required. */
async function confirmed(voucher: VoucherView): Promise<void> {
  await shop.mine(4)
  await until(voucher, ({ settlement }) => settlement?.status === 'CONFIRMED')
}

describe('coins that a contract wallet pays by an internal call', () => {
  it('count, once, and are asked of the node where the transaction itself does not tell', async () => {
    const to = shop.newRecipient()
    const [voucher, other] = [await ask(to), await ask(to)]
    assert.deepEqual((await review(scene, voucher)).payments[0]?.simulation, { status: 'OK' })
    const before = traces()
    const hash = await act({ target: to, value: WEI })
    await assertPays(voucher, hash)
    await confirmed(voucher)
    assert.equal(traces(), before + 1, 'not at each look')
    const { observedPayments } = await assertRefused(other, hash, COUNTED)
    assert.equal(observedPayments, undefined)

    const key = await newParties(shop.server.url, { payers: [OWNER.address] })
    const [plain, astray] = [await ask(to, '0.25', key), await ask(shop.newRecipient(), '0.25', key)]
    const plainHash = await shop.client.sendTransaction({ account: OWNER, to, value: WEI, gas: 30_000n })
    await shop.mine()
    await assertPays(plain, plainHash, key)
    await assertRefused(astray, plainHash, /goes to \S+ instead of/, key)
    assert.equal(traces(), before + 1, 'plain transfers need no trace')
  })

  it('count for as many payments as there are equal ones, also at once', async () => {
    const to = shop.newRecipient()
    const vouchers = [await ask(to), await ask(to), await ask(to)]
    const sent = { target: to, value: WEI }
    const hash = await act(sent, { ...sent, undone: true }, sent)
    const answers = await Promise.all(vouchers.map((voucher) => resolve(scene, voucher, hash)))
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 400])
    assert.match(answers.find(({ status }) => status === 400)?.body.detail ?? '', COUNTED)
  })

  it('do not count where they were taken back, or went to somebody else; what else came is written down', async () => {
    const [to, another] = [shop.newRecipient(), shop.newRecipient()]
    const [first, second, third] = [await ask(to), await ask(to), await ask(to)]
    const undone = await act({ target: to, value: WEI, undone: true })
    await assertRefused(first, undone, /no contract of the payer moved coins/)
    const elsewhere = await act({ target: another, value: WEI })
    await assertRefused(second, elsewhere, /the contract sent to \S+ instead of \S+/)
    const less = await act({ target: to, value: WEI - 1n })
    const { observedPayments } = await assertRefused(third, less, /sent 249999999999999999 wei, asked were/)
    const [{ reason, from, amount } = {}] = observedPayments ?? []
    assert.deepEqual(
      { reason, from, amount },
      { reason: 'UNDERPAID', from: wallet.address, amount: '0.249999999999999999' },
    )
  })

  it('are followed through a reorganisation, also into a block that was known before', async () => {
    const to = shop.newRecipient()
    await shop.mine()
    const [voucher, lost] = [await ask(to), await ask(to)]
    const raw = await OWNER.signTransaction({
      ...{ type: 'legacy', chainId: shop.chain.chainId, gas: 200_000n, gasPrice: 2_000_000_000n },
      ...{ to: wallet.address, data: executing([{ target: to, value: WEI }]) },
      nonce: await shop.client.getTransactionCount({ address: OWNER.address }),
    })
    const hash = await shop.client.sendRawTransaction({ serializedTransaction: raw })
    await shop.mine()
    await assertPays(voucher, hash)
    const { settlement } = ok(await look(scene, voucher))
    await reorg(shop.chain, 2, [[raw, 0]])
    await shop.mine()
    await until(voucher, (now) => {
      const [was, is] = [settlement?.transactions[0], now.settlement?.transactions[0]]
      return is?.blockHash !== null && is?.blockHash !== was?.blockHash
    })
    await confirmed(voucher)
    // Its head may have been that very block, as the server polls.
    await assertRefused(lost, hash, /counted for another payment already|only blocks after/)
  })

  it('and a call of the whole transaction exclude each other', async () => {
    const to = shop.newRecipient()
    const key = await newParties(shop.server.url, { payers: [OWNER.address] })
    const data = executing([{ target: to, value: WEI }])
    const askCall = () => {
      const input = { from: '{payer}', to: wallet.address, value: '0', data }
      const networks = [{ network: NETWORK, type: 'evm', chainId: String(shop.chain.chainId) }]
      return redeem(key, { networks, payments: [{ type: 'send_transaction', input }] })
    }
    const [coins, call] = [await ask(to), await askCall()]
    const hash = await act({ target: to, value: WEI })
    await assertPays(coins, hash)
    await assertRefused(call, hash, COUNTED, key)
    const [otherCoins, otherCall] = [await ask(to), await askCall()]
    const otherHash = await act({ target: to, value: WEI })
    await assertPays(otherCall, otherHash, key)
    await assertRefused(otherCoins, otherHash, COUNTED)
  })

  it('count in part only, also once the other part is reorganised away', async () => {
    const to = shop.newRecipient()
    const voucher = await ask(to)
    const [first, rest] = [parseUnits('0.15', 18), parseUnits('0.1', 18)]
    const part = await act({ target: to, value: first })
    const short = await assertRefused(voucher, part, /sent 150000000000000000 wei/)
    assert.equal(short.payments?.[0]?.input.value, String(rest))
    await assertPays(voucher, await act({ target: to, value: rest }))

    await reorg(shop.chain, 1)
    await eventually(async () => {
      shop.server.clock.advance(60_000)
      await shop.mine()
      return ok(await look(scene, voucher)).settlement?.status === 'FAILED'
    })
    const failed = ok(await look(scene, voucher))
    assert.deepEqual(observedOf(failed), [[part, 'UNDERPAID', '0.15']])
    assert.equal(failed.payments?.[0]?.input.value, String(rest))
    await assertRefused(voucher, part, /sent 150000000000000000 wei/)
    // The nonce is that of the part that was lost, so the server may have found it before it is handed in.
    await resolve(scene, voucher, await act({ target: to, value: rest }))
    await until(voucher, ({ settlement }) => settlement?.status === 'PENDING' || settlement?.status === 'CONFIRMED')
  })

  it('count once each where equal ones stand in for a part that was reorganised away', async () => {
    const to = shop.newRecipient()
    const [voucher, half] = [await ask(to, '0.1'), await ask(to, '0.05')]
    ok(await scene.payee.post(`/vouchers/${half.id}/discard-voucher`))
    const sent = { target: to, value: parseEther('0.05') }
    const both = await act(sent, sent)
    await assertRefused(voucher, await act(sent), /sent 50000000000000000 wei/)
    await assertPays(voucher, both)
    await reorg(shop.chain, 1)
    await eventually(async () => {
      shop.server.clock.advance(60_000)
      await shop.mine()
      return ok(await look(scene, voucher)).settlement?.status === 'FAILED'
    })
    ok(await resolve(scene, voucher, both))
    await assertRefused(half, both, COUNTED)
  })
})

describe('several parts within one transaction', () => {
  before(() => mineTransfer(shop.chain, shop.plain.address, wallet.address, 1_000_000n))

  const tokens = {
    ask: (units: bigint, to: Hex) => redeem(scene, asking(decimal(units), shop.eurc, to)),
    give: (to: Hex, units: bigint): Call => ({ target: shop.plain.address, value: 0n, data: transferData(to, units) }),
    shown: (units: bigint) => `0.0000${units}`,
  }
  const coins = {
    ask: (units: bigint, to: Hex) => ask(to, `0.${units}`),
    give: (to: Hex, units: bigint): Call => ({ target: to, value: parseEther(`0.${units}`) }),
    shown: (units: bigint) => `0.${units}`,
  }

  for (const [name, { ask, give, shown }] of Object.entries({ tokens, coins })) {
    it(`of ${name} are each seen, count together, and for nothing else`, async () => {
      const to = shop.newRecipient()
      const paid = (...parts: bigint[]) => act(...parts.map((units) => give(to, units)))
      const [voucher, other] = [await ask(50n, to), await ask(21n, to)]
      const [late11, late14] = [await ask(11n, to), await ask(14n, to)]
      for (const { id } of [late11, late14]) ok(await scene.payee.post(`/vouchers/${id}/discard-voucher`))
      const hash = await paid(11n, 12n)
      await assertRefused(voucher, hash, /asked were/)
      const short = await assertRefused(voucher, hash, /asked were/)
      assert.deepEqual(observedOf(short), [
        [hash, 'UNDERPAID', shown(11n)],
        [hash, 'UNDERPAID', shown(12n)],
      ])
      assert.equal((await shop.events(voucher.id)).filter((type) => type === 'voucher.payment_observed').length, 1)
      const [remainder] = short.payments ?? []
      assert.deepEqual([remainder?.input.value, remainder?.input.data], [...askedAs(give(to, 27n))])

      // What another voucher asks for is its own; what is not needed is told.
      const rest = await paid(13n, 21n, 14n, 15n)
      await assertPays(voucher, rest)
      const resolved = ok(await look(scene, voucher))
      assert.deepEqual(
        resolved.settlement?.transactions.map(({ transactionHash }) => transactionHash),
        [hash, rest],
      )
      assert.deepEqual(observedOf(resolved), [[rest, 'DUPLICATE', shown(13n)]])
      await assertPays(other, rest)
      for (const [late, by] of [
        [late11, hash],
        [late14, rest],
      ] as const)
        await assertRefused(late, by, COUNTED)
    })
  }

  const askedAs = ({ value, data = '0x' }: Call) => [String(value), data.toLowerCase()]

  it('pay what was asked, by a transaction that waits for its block and is reorganised away', async () => {
    const to = shop.newRecipient()
    const voucher = await tokens.ask(30n, to)
    const raw = await OWNER.signTransaction({
      ...{ type: 'legacy', chainId: shop.chain.chainId, gas: 200_000n, gasPrice: 2_000_000_000n },
      ...{ to: wallet.address, data: executing([tokens.give(to, 10n), tokens.give(to, 10n), tokens.give(to, 10n)]) },
      nonce: await shop.client.getTransactionCount({ address: OWNER.address }),
    })
    const hash = await shop.client.sendRawTransaction({ serializedTransaction: raw })
    await assertRefused(voucher, hash, /not mined yet/)
    await shop.mine()
    const next = (wanted: (now: VoucherView) => boolean) =>
      until(voucher, (now) => {
        shop.server.clock.advance(60_000)
        return wanted(now)
      })
    await next(({ status }) => status === 'RESOLVED')
    await reorg(shop.chain, 1)
    await eventually(async () => {
      shop.server.clock.advance(60_000)
      await shop.mine()
      return ok(await look(scene, voucher)).settlement?.status === 'FAILED'
    })
    assert.deepEqual(observedOf(ok(await look(scene, voucher))), [])
    await shop.client.sendRawTransaction({ serializedTransaction: raw })
    await eventually(async () => {
      shop.server.clock.advance(60_000)
      await shop.mine()
      return ok(await look(scene, voucher)).settlement?.status === 'CONFIRMED'
    })
    assert.deepEqual(observedOf(ok(await look(scene, voucher))), [])
  })
})

describe('where no node can trace', () => {
  const withoutTrace = () => {
    node.fault = ({ method }) => (method === 'debug_traceTransaction' ? NO_TRACE : undefined)
  }

  it('a contract wallet is warned before it signs, what it pays is seen, and counts once a node can show it', async () => {
    withoutTrace()
    const to = shop.newRecipient()
    const voucher = await ask(to)
    const { payments, warnings } = await review(scene, voucher)
    assert.equal(payments[0]?.simulation.status, 'UNKNOWN')
    assert.match(payments[0]?.simulation.reason ?? '', /is a contract, and no node of polygon here can show/)
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['WALLET_UNPROVABLE'],
    )

    await assertRefused(
      await ask(to),
      await act({ target: shop.newRecipient(), value: WEI }),
      /not an address of the payer\.$/,
    )
    const hash = await act({ target: to, value: WEI })
    const { status, observedPayments } = await assertRefused(
      voucher,
      hash,
      /it seems that the contract \S+ paid within it/,
    )
    assert.equal(status, 'REDEEMED')
    const [{ reason, from, amount, transactionHash } = {}] = observedPayments ?? []
    assert.deepEqual([reason, from, amount, transactionHash], ['UNPROVEN', wallet.address, null, hash])
    assert.ok((await shop.events(voucher.id)).includes('voucher.payment_observed'))
    const again = await review(scene, voucher)
    assert.match(again.payments[0]?.simulation.reason ?? '', /may have paid it already/)
    assert.ok(again.warnings.some(({ code }) => code === 'PAYMENT_OBSERVED'))

    node.fault = () => undefined
    shop.server.clock.advance(61_000)
    await assertPays(voucher, hash)
  })

  it('logs of coins that the chain itself writes show as much, under the same claim', async () => {
    const to = shop.newRecipient()
    const [voucher, other] = [await ask(to), await ask(to)]
    const hash = await act({ target: to, value: WEI })
    const log = {
      address: COIN_LOG_ADDRESS,
      topics: [toEventSelector('Transfer(address,address,uint256)'), pad(wallet.address), pad(to)],
      data: numberToHex(WEI, { size: 32 }),
    }
    node.fault = async ({ method, params }, askBehind) => {
      if (method === 'eth_getTransactionReceipt') {
        const receipt = (await askBehind()) as { logs: unknown[] } | null
        return { result: receipt && { ...receipt, logs: [...receipt.logs, log] } }
      }
      const isCodeThere = method === 'eth_getCode' && params?.[0] === COIN_LOG_ADDRESS
      if (isCodeThere && isForgeable) return { result: '0x00' }
      return method === 'debug_traceTransaction' ? NO_TRACE : undefined
    }
    let isForgeable = true
    await assertRefused(voucher, hash, /it seems that the contract/)
    isForgeable = false
    await assertPays(voucher, hash)
    node.fault = () => undefined
    shop.server.clock.advance(61_000)
    await assertRefused(other, hash, COUNTED)
  })

  it('what was shown before goes on counting', async () => {
    const to = shop.newRecipient()
    const voucher = await ask(to)
    await assertPays(voucher, await act({ target: to, value: WEI }))
    withoutTrace()
    await confirmed(voucher)
  })

  it('a node that does not answer proves nothing either way', async () => {
    const to = shop.newRecipient()
    const voucher = await ask(to)
    const hash = await act({ target: to, value: WEI })
    node.fault = ({ method }) => (method === 'debug_traceTransaction' ? { status: 503 } : undefined)
    const { status, body } = await resolve(scene, voucher, hash)
    assert.deepEqual([status, body.code], [503, 'overloaded'])
    assert.equal(ok(await look(scene, voucher)).observedPayments, undefined)
  })

  it('a key whose account runs code is told to send plainly, and a plain key nothing', async () => {
    withoutTrace()
    const [delegated, plain] = [devAccount(3), devAccount(4)]
    const payers = [delegated.address, plain.address]
    const of = await newParties(shop.server.url, { payers })
    assert.ok(delegated.signAuthorization)
    const authorizationList = [
      await delegated.signAuthorization({ address: wallet.address, chainId: shop.chain.chainId, nonce: 0 }),
    ]
    await shop.client.sendTransaction({ account: OWNER, to: delegated.address, authorizationList, gas: 200_000n })
    await shop.mine()
    const voucher = await ask(shop.newRecipient(), '0.25', of)
    const told = await review(of, voucher, delegated.address)
    assert.deepEqual(told.payments[0]?.simulation, { status: 'OK' })
    assert.match(told.warnings[0]?.message ?? '', /as a plain transaction/)
    assert.deepEqual((await review(of, voucher, plain.address)).warnings, [])
  })
})
