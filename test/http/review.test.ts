import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { encodeErrorResult, encodeFunctionData, erc20Abi, getAddress, maxUint256, parseAbi, parseEther } from 'viem'
import type { EvmChain } from '../../src/chains/evm/evm-chain.ts'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import { hasTerms } from '../../src/domain/voucher.ts'
import type { VoucherReviewView, VoucherView } from '../../src/protocol/schemas.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { devAccount } from '../support/anvil.ts'
import { CURRENCIES, type ExchangeChain, openChain, startExchange } from '../support/exchange.ts'
import {
  asking,
  chainNetwork,
  newParties,
  PAYEE_ADDRESS,
  PAYER_ADDRESS,
  type Parties,
  redeem,
  reserve,
  startTestServer,
  type TestServer,
} from '../support/server.ts'
import { assertInvalidFields, assertProblem, ok } from './problems.ts'

/** Nobody's, and without a coin. */
const POOR = getAddress('0x00000000000000000000000000000000000f00f1')
const { EURC, USDC } = CURRENCIES
const NETWORK = USDC.network

let anvil: ExchangeChain
let node: FaultyNode
let chain: EvmChain
let server: TestServer
let parties: Parties
/** Keeps one percent of each transfer. */
let fee: Currency

before(async () => {
  anvil = await startExchange()
  node = await startFaultyNode(anvil.rpcUrl)
  chain = openChain(node.url)
  const { address } = await anvil.deploy('FeeToken', [10n ** 24n])
  fee = { ...USDC, symbol: 'FEE', decimals: 18, address }
  await anvil.grant(address, PAYER_ADDRESS, 10n ** 21n)
  const served = { name: NETWORK, chainId: anvil.chainId, rpcUrls: [node.url], currencies: [EURC, USDC, fee] }
  const { quoter, router } = SANDBOX_EXCHANGE
  const fx = { uniswapV3: { quoter, router }, rates: [], maxDisagreementBps: 200 }
  server = await startTestServer({ networks: [{ ...chainNetwork(served), fx }] })
  parties = await newParties(server.url, { payers: [PAYER_ADDRESS, POOR] })
})
after(async () => {
  await server.stop()
  chain.stop()
  await node.stop()
  await anvil.stop()
})
afterEach(() => {
  node.fault = () => undefined
})

const review = (id: string, query = '') => parties.payer.get<VoucherReviewView>(`/vouchers/${id}/review${query}`)

const lacking =
  (missing: string): FaultyNode['fault'] =>
  ({ method }) =>
    method === missing ? { error: { code: -32601, message: `the method ${missing} does not exist` } } : undefined

/** How the one payment of a voucher would end. */
async function simulationOf(terms: unknown, wallet: Hex = PAYER_ADDRESS) {
  const { id } = await redeem(parties, terms)
  const { payments } = ok(await review(id, `?wallet=${wallet}`))
  assert.equal(payments.length, 1)
  return payments[0]?.simulation
}

function calling(to: string, data: Hex, value = '0') {
  const networks = [{ network: NETWORK, type: 'evm', chainId: String(anvil.chainId) }]
  return { networks, payments: [{ type: 'send_transaction', input: { from: '{payer}', to, value, data } }] }
}

const encode = (functionName: 'approve' | 'transfer', to: Hex, units: bigint) =>
  encodeFunctionData({ abi: erc20Abi, functionName, args: [to, units] })

const ROUTER_ABI = parseAbi([
  'struct Swap { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; uint160 sqrtPriceLimitX96; }',
  'function exactOutputSingle(Swap) payable',
])

function swap(maxUnits: bigint): Hex {
  const tokens = { tokenIn: USDC.address as Hex, tokenOut: EURC.address as Hex, fee: 500, recipient: PAYEE_ADDRESS }
  const limits = { deadline: maxUint256, amountOut: 1_000_000n, amountInMaximum: maxUnits, sqrtPriceLimitX96: 0n }
  return encodeFunctionData({ abi: ROUTER_ABI, functionName: 'exactOutputSingle', args: [{ ...tokens, ...limits }] })
}

const NOT_TAKEN = 'the token cannot be taken: the wallet has too little of it, or has not approved enough'

describe('what the payer reads', () => {
  it('is each payment with what it does and how it would end', async () => {
    const voucher = await redeem(parties, asking('100', USDC))
    const [payment] = voucher.payments ?? []
    assert.deepEqual(ok(await review(voucher.id)), {
      ...{ id: voucher.id, code: voucher.code, status: 'REDEEMED', warnings: [] },
      payments: [
        {
          ...{ paymentId: payment?.id, summary: payment?.summary, review: payment?.review },
          simulation: { status: 'OK' },
        },
      ],
    })
  })

  it('is there for vouchers that were redeemed before there were reviews', async () => {
    const { id, payments } = await redeem(parties, asking('100', USDC))
    const voucher = await server.app.store.voucher(id)
    assert.ok(voucher && hasTerms(voucher))
    const { redemption, version } = voucher
    const older = redemption.payments.map(({ review: _, ...payment }) => payment)
    const row = { ...voucher, version: version + 1, redemption: { ...redemption, payments: older } }
    await server.app.store.commit({ vouchers: [row] })
    assert.deepEqual(ok(await review(id)).payments[0]?.review, payments?.[0]?.review)
    const view = ok(await parties.payer.get<VoucherView>(`/vouchers/${id}`))
    assert.equal(view.payments?.[0]?.review, undefined)
  })

  it('is not there before there are terms, nor for a stranger’s wallet', async () => {
    const { id } = await reserve(parties)
    assertProblem(await review(id), 'not_redeemed')
    const voucher = await redeem(parties, asking('100', USDC))
    for (const wallet of [PAYEE_ADDRESS, 'x', '']) {
      assertInvalidFields(await review(voucher.id, `?wallet=${wallet}`), ['/wallet'], wallet)
    }
    ok(await review(voucher.id, `?wallet=${PAYER_ADDRESS.toLowerCase()}`))
    const stranger = await newParties(server.url)
    assertProblem(await stranger.payer.get(`/vouchers/${voucher.id}/review`), 'not_found')
  })

  it('is the approval and the swap where the payer pays with another currency', async () => {
    const { id } = await redeem(parties, asking('10', EURC))
    const wallet = { address: PAYER_ADDRESS }
    const suppliedPayment = { network: NETWORK, currency: 'USDC', currencyAddress: USDC.address, amount: '1', wallet }
    ok(await parties.payer.post(`/vouchers/${id}/negotiate-voucher`, { suppliedPayment }))
    const statuses = async () => ok(await review(id)).payments.map(({ simulation }) => simulation.status)
    const { payments } = ok(await review(id))
    assert.deepEqual(
      payments.map(({ review: { allows, leaves } }) => [allows.length, leaves.length]),
      [
        [1, 0],
        [0, 1],
      ],
    )
    assert.deepEqual(await statuses(), ['OK', 'OK'])
    node.fault = lacking('eth_simulateV1')
    assert.deepEqual(await statuses(), ['OK', 'UNKNOWN'])
  })

  it('simulates nothing that is over', async () => {
    const { id } = await redeem(parties, asking('100', USDC))
    ok(await parties.payer.post(`/vouchers/${id}/discard-voucher`))
    const [payment] = ok(await review(id)).payments
    assert.deepEqual(payment?.simulation, { status: 'UNKNOWN', reason: 'the voucher is DISCARDED' })
  })
})

/** As nodes and development chains answer a call that reverts with "TF"; the last two give no data at all. */
const TF = encodeErrorResult({ abi: parseAbi(['error Error(string)']), args: ['TF'] })
const HARDHAT = "VM Exception while processing transaction: reverted with reason string 'TF'"
const WORDINGS: Record<string, { code: number; message: string; data?: unknown }> = {
  geth: { code: 3, message: 'execution reverted: TF', data: TF },
  'geth of old': { code: -32000, message: 'execution reverted', data: TF },
  hardhat: { code: -32603, message: `Error: ${HARDHAT}`, data: { message: HARDHAT, data: TF } },
  nethermind: { code: -32015, message: 'VM execution error.', data: `Reverted ${TF}` },
  ganache: { code: -32000, message: 'VM Exception while processing transaction: revert TF', data: { result: TF } },
  'ganache of old': {
    ...{ code: -32000, message: 'VM Exception while processing transaction: revert TF' },
    data: { [`0x${'ab'.repeat(32)}`]: { error: 'revert', return: TF, reason: 'TF' }, stack: 'x', name: 'RuntimeError' },
  },
  'another language': { code: -32000, message: 'die Ausführung ist gescheitert', data: TF },
  'words alone': { code: -32000, message: 'execution reverted: TF' },
  'words of hardhat alone': { code: -32603, message: `Error: ${HARDHAT}` },
}

describe('why a call reverts', () => {
  for (const [name, error] of Object.entries(WORDINGS)) {
    it(`is read from what ${name} answers, before the payment and after it`, async () => {
      const data = encode('transfer', PAYEE_ADDRESS, maxUint256)
      const reverting = { account: devAccount(3), to: USDC.address as Hex, data, gas: 100_000n } as const
      const hash = await anvil.client.sendTransaction(reverting)
      await anvil.client.waitForTransactionReceipt({ hash })
      node.fault = ({ method }) => {
        if (method === 'eth_simulateV1') return { error: { code: -32601, message: 'no such method' } }
        return method === 'eth_call' ? { error } : undefined
      }
      const refused = /the token cannot be paid out: it refuses the transfer from the exchange/
      const simulated = await simulationOf(asking('1', USDC))
      assert.equal(simulated?.status, 'REVERTS')
      assert.match(simulated.reason ?? '', refused)
      const sighting = await chain.sight(hash)
      assert.ok(sighting.state === 'mined' && !sighting.succeeded)
      assert.match((await chain.whyReverted(sighting, { tokenAt: () => undefined })) ?? '', refused)
    })
  }

  it('is told of a token’s own error, with its amounts, once it is mined', async () => {
    const data = encode('transfer', PAYEE_ADDRESS, 10n ** 30n)
    const reverting = { account: devAccount(2), to: USDC.address as Hex, data, gas: 100_000n } as const
    const transactionHash = await anvil.client.sendTransaction(reverting)
    const voucher = await redeem(parties, asking('1000000000000000000000000', USDC))
    assert.ok(voucher.payments?.[0])
    const receipts = [{ paymentId: voucher.payments[0].id, transactionHash }]
    const { body } = await parties.payer.post<{ detail: string }>(`/vouchers/${voucher.id}/resolve-voucher`, {
      receipts,
    })
    assert.match(
      body.detail,
      /the transaction reverted: 0x\w{40} has [\d.]+ USDC, and 1000000000000000000000000 USDC is needed/,
    )
  })
})

/** Nodes differ in what they can do; what the payer reads does not. */
for (const served of ['eth_simulateV1', 'eth_call alone']) {
  describe(`the simulation of one payment on a node with ${served}`, () => {
    const simulate: typeof simulationOf = (...asked) => {
      if (served === 'eth_call alone') node.fault = lacking('eth_simulateV1')
      return simulationOf(...asked)
    }

    it('sees that a wallet has too little', async () => {
      const reason = `${POOR} has 0 USDC, and 100 USDC is needed`
      assert.deepEqual(await simulate(asking('100', USDC), POOR), { status: 'REVERTS', reason })
      const coins = { symbol: 'COIN', network: NETWORK, address: '' } as const
      const wallet = 'the wallet has 0 COIN, and 0.5 is needed, gas aside'
      assert.deepEqual(await simulate(asking('0.5', coins), POOR), { status: 'REVERTS', reason: wallet })
      assert.deepEqual(await simulate(asking('0.5', coins)), { status: 'OK' })
    })

    it('measures what would arrive, and says where that is less than was asked', async () => {
      if (served === 'eth_call alone') node.fault = lacking('eth_simulateV1')
      const voucher = await redeem(parties, asking('12', fee))
      const [payment] = ok(await review(voucher.id)).payments
      const reason =
        'only 11.88 FEE of 12 FEE would arrive: the token keeps a part of what is transferred, or counts in another way'
      assert.deepEqual(payment?.simulation, { status: 'NO_EFFECT', reason, arrives: '11.88' })
      assert.deepEqual([payment?.review.arrives[0]?.amount, payment?.review.complete], ['11.88', false])
      assert.match(payment?.review.worstCase ?? '', /12 FEE leaves this wallet.* only 11.88 FEE of 12 FEE would arrive/)
      assert.deepEqual(await simulate(asking('12', USDC)), { status: 'OK' })
      assert.deepEqual(await simulate(asking('1', USDC, PAYER_ADDRESS)), { status: 'OK' }, 'from itself to itself')
      const called = await simulate(calling(fee.address, encode('transfer', PAYEE_ADDRESS, 10n ** 18n)))
      assert.equal(called?.arrives, '0.99')
    })

    it('sees what a contract refuses', async () => {
      const unapproved = await simulate(calling(SANDBOX_EXCHANGE.router, swap(2_000_000n)))
      assert.deepEqual(unapproved, { status: 'REVERTS', reason: NOT_TAKEN })
      const unknown = await simulate(calling(SANDBOX_EXCHANGE.router, '0x12345678'))
      assert.deepEqual(unknown, { status: 'REVERTS', reason: 'it would fail, and the contract gives no reason' })
    })

    it('sees what would succeed and do nothing', async () => {
      const falseToken = await anvil.deploy('FalseToken')
      const refused = await simulate(calling(falseToken.address, encode('transfer', PAYEE_ADDRESS, 1n)))
      assert.equal(refused?.status, 'NO_EFFECT')
      assert.match(refused?.reason ?? '', /says no/)
      const nowhere = await simulate(calling(PAYEE_ADDRESS, encode('transfer', PAYEE_ADDRESS, 1n)))
      assert.equal(nowhere?.status, 'NO_EFFECT')
      assert.match(nowhere?.reason ?? '', /there is no contract at 0x\w+: the call would succeed and do nothing$/)
      const coinsThere = await simulate(calling(PAYEE_ADDRESS, '0x12345678', '1'))
      assert.match(coinsThere?.reason ?? '', /do nothing but leave there what it sends$/)
      const approval = calling(USDC.address, encode('approve', SANDBOX_EXCHANGE.router, 1n))
      assert.deepEqual(await simulate(approval), { status: 'OK' })
    })
  })
}

describe('the simulation of payments that build on each other', () => {
  const approval = { to: USDC.address as Hex, wei: 0n, data: encode('approve', SANDBOX_EXCHANGE.router, 2_000_000n) }
  const router: Hex = SANDBOX_EXCHANGE.router

  it('lets an approval count for the swap that follows, and finds a price beyond its bound', async () => {
    const swaps = [swap(2_000_000n), swap(2n)].map((data) => ({ to: router, wei: 0n, data }))
    const [approved, swapped, tooDear] = await chain.simulate(PAYER_ADDRESS, [approval, ...swaps])
    assert.deepEqual([approved?.ending, swapped?.ending, tooDear?.ending], ['succeeds', 'succeeds', 'reverts'])
  })

  it('is not known where the node cannot play them together', async () => {
    node.fault = lacking('eth_simulateV1')
    const later = { to: router, wei: 0n, data: swap(2_000_000n) }
    const endings = (await chain.simulate(PAYER_ADDRESS, [approval, later, approval])).map(({ ending }) => ending)
    assert.deepEqual(endings, ['succeeds', 'unknown', 'succeeds'])
  })

  it('adds up what is sent', async () => {
    const wei = parseEther('6000')
    const send = { to: PAYEE_ADDRESS, wei, data: '0x' as const }
    const [first, second] = await chain.simulate(PAYER_ADDRESS, [send, send])
    assert.equal(first?.ending, 'succeeds')
    assert.deepEqual(second, { ending: 'unaffordable', balanceWei: parseEther('10000'), neededWei: 2n * wei })
  })
})

describe('a node that can measure nothing', () => {
  for (const [name, fault] of [
    [
      'takes no code in place of an account',
      { error: { code: -32602, message: 'too many arguments, want at most 2' } },
    ],
    ['leaves such code out', { result: '0x' }],
  ] as const) {
    it(`says what it can where it ${name}`, async () => {
      node.fault = ({ method, params }) => {
        if (method === 'eth_simulateV1') return { error: { code: -32601, message: 'no such method' } }
        return method === 'eth_call' && params?.length === 3 ? fault : undefined
      }
      assert.deepEqual(await simulationOf(asking('12', fee)), { status: 'OK' })
    })
  }
})

describe('a node in trouble', () => {
  it('is no word on the payment', async () => {
    const { id } = await redeem(parties, asking('100', USDC))
    for (const fault of [{ status: 500 }, 'garbage', { error: { code: -32603, message: 'internal error' } }] as const) {
      node.fault = ({ method }) => (method === 'eth_simulateV1' ? fault : undefined)
      assertProblem(await review(id), 'overloaded')
    }
    const limited = { error: { code: -32005, message: 'limit exceeded; transaction reverted to the queue' } }
    node.fault = ({ method }) => (method === 'eth_simulateV1' || method === 'eth_call' ? limited : undefined)
    assertProblem(await review(id), 'overloaded')
    const missingState = { error: { code: -32000, message: 'missing trie node' } }
    node.fault = ({ method }) => (method === 'eth_simulateV1' || method === 'eth_call' ? missingState : undefined)
    assertProblem(await review(id), 'overloaded')
  })
})
