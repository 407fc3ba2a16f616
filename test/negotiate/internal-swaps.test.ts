import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { encodeFunctionData, erc20Abi, getAddress, parseEther } from 'viem'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherReviewView, VoucherView } from '../../src/protocol/schemas.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { ok } from '../http/problems.ts'
import { walletSignIn } from '../settlement/signing.ts'
import { type Deployed, devAccount } from '../support/anvil.ts'
import { CURRENCIES, tokenOf } from '../support/exchange.ts'
import { openPool } from '../support/pools.ts'
import { asking, newContext, receiptsOf, redeem, type Scene, withToken } from '../support/server.ts'
import { openSwapShop, type SwapShop } from './swap-shop.ts'

const { POL, EURC, USDC } = CURRENCIES
const OWNER = devAccount(3)

let shop: SwapShop
let fee: Currency
let node: FaultyNode
let wallet: Deployed
let scene: Scene

before(async () => {
  shop = await openSwapShop({
    served: async (network, chain) => {
      node = await startFaultyNode(network.rpcUrls[0] ?? '')
      const { address } = await chain.deploy('FeeToken', [10n ** 15n])
      fee = { ...USDC, symbol: 'FEE', address }
      await openPool(chain, 3000, [
        { token: address, units: 10n ** 11n },
        { token: SANDBOX_EXCHANGE.wrappedNative, units: 10n ** 24n },
      ])
      return { ...network, rpcUrls: [node.url], currencies: [...network.currencies, fee] }
    },
  })
  const { chain, server } = shop
  const { address, abi } = await chain.deploy('SignerWallet', [OWNER.address])
  wallet = { address: getAddress(address), abi }
  await chain.client.setBalance({ address, value: parseEther('1000') })
  await chain.grant(tokenOf(USDC), wallet.address, 1_000_000_000n)
  await chain.grant(tokenOf(fee), wallet.address, 1_000_000_000n)
  const signer = { address: wallet.address, signMessage: OWNER.signMessage }
  const { authorization } = ok(await walletSignIn(server, signer, chain.chainId))
  const payer = withToken(server.url, authorization.token)
  scene = await newContext(server.url, payer, { payers: [wallet.address] })
})
after(async () => {
  await shop.stop()
  await node.stop()
})

async function quoted(asked: Currency, supplied: Currency, to = shop.newRecipient()): Promise<VoucherView> {
  const { id } = await redeem(scene, asking('7.5', asked, to))
  const suppliedPayment = {
    ...{ network: supplied.network, currency: supplied.symbol, currencyAddress: supplied.address },
    wallet: { address: wallet.address },
  }
  return ok(await scene.payer.post<VoucherView>(`/vouchers/${id}/negotiate-voucher`, { suppliedPayment }))
}

/** The owner has the wallet make all payments of vouchers, in one transaction. */
async function pay(...vouchers: VoucherView[]): Promise<Hex> {
  const calls = vouchers.flatMap(({ payments = [] }) =>
    payments.map(({ input }) => ({ target: input.to, value: BigInt(input.value), data: input.data, undone: false })),
  )
  const data = encodeFunctionData({ abi: wallet.abi, functionName: 'executeAll', args: [calls] })
  const { client } = shop.chain
  const hash = await client.sendTransaction({ account: OWNER, to: wallet.address, data, gas: 3_000_000n })
  assert.equal((await client.waitForTransactionReceipt({ hash })).status, 'success')
  return hash
}

const resolve = (voucher: VoucherView, transactionHash: Hex) =>
  scene.payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher, { transactionHash }))

describe('a swap that a contract wallet makes by an internal call', () => {
  for (const [name, asked, supplied] of [
    ['takes the native coin', EURC, POL],
    ['gives the native coin', POL, USDC],
  ] as const) {
    it(`counts where it ${name}, once for each call`, async () => {
      const to = shop.newRecipient()
      const [one, other, none] = [
        await quoted(asked, supplied, to),
        await quoted(asked, supplied, to),
        await quoted(asked, supplied, to),
      ]
      const hash = await pay(one, other)
      for (const voucher of [one, other]) {
        const { body } = await resolve(voucher, hash)
        assert.equal(body.status, 'RESOLVED', JSON.stringify(body))
      }
      const { body } = await resolve(none, hash)
      // Its call is another where its deadline is.
      assert.match(body.detail ?? '', /counted for another payment already|made the call in it/)
    })
  }

  for (const supplied of [POL, USDC]) {
    it(`is written down where it takes ${supplied.symbol} and the token keeps a part of what comes out, and is completed`, async () => {
      const to = shop.newRecipient()
      const voucher = await quoted(fee, supplied, to)
      const hash = await pay(voucher)
      const { body } = await resolve(voucher, hash)
      assert.match(body.detail ?? '', /gave 7500000 units, of which 7425000 came to \S+: the token keeps a part/)
      const short = ok(await scene.payer.get<VoucherView>(`/vouchers/${voucher.id}`))
      assert.deepEqual(
        short.observedPayments?.map(({ reason, amount, from }) => [reason, amount, from]),
        [['UNDERPAID', '7.425', wallet.address]],
      )
      assert.match(short.payments?.[0]?.summary ?? '', /^Send 0\.075 FEE/)

      // What is sent loses its hundredth, too; here somebody has the wallet send as much more.
      const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [to, 75_757n] })
      const [remainder] = short.payments ?? []
      assert.ok(remainder)
      const { body: paid } = await resolve(
        short,
        await pay({ ...short, payments: [{ ...remainder, input: { ...remainder.input, data } }] }),
      )
      assert.equal(paid.status, 'RESOLVED', JSON.stringify(paid))
      assert.equal(paid.settlement?.transactions[0]?.transactionHash, hash)
      assert.equal(paid.observedPayments, undefined)
      await shop.chain.client.mine({ blocks: 1 })
      assert.equal(await shop.balance(fee, to), 7_500_000n)
    })
  }

  it('is warned of where no node can trace, and what it paid is written down', async () => {
    node.fault = ({ method }) =>
      method === 'debug_traceTransaction' ? { error: { code: -32_601, message: 'Method not found' } } : undefined
    const voucher = await quoted(EURC, POL)
    const { payments } = ok(await scene.payer.get<VoucherReviewView>(`/vouchers/${voucher.id}/review`))
    const swap = payments.at(-1)
    assert.equal(swap?.review.complete, false)
    assert.equal(swap?.simulation.status, 'UNKNOWN')
    assert.match(swap?.simulation.reason ?? '', /is a contract, and no node of polygon here can show/)
    const { body } = await resolve(voucher, await pay(voucher))
    assert.equal(body.code, 'receipt_rejected')
    const { observedPayments } = ok(await scene.payer.get<VoucherView>(`/vouchers/${voucher.id}`))
    assert.equal(observedPayments?.[0]?.reason, 'UNPROVEN')
  })
})
