import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { createWalletClient, http, publicActions } from 'viem'
import { createPayee, createPayer, type Payer, type PayerWallet, viemWallet } from '../../src/client/index.ts'
import { relayerOn } from '../settlement/signing.ts'
import { type Deployed, devAccount, startAnvil, type TestChain } from '../support/anvil.ts'
import {
  asking,
  chainNetwork,
  newPayer,
  PAYEE_ADDRESS,
  startTestServer,
  type TestServer,
  token,
} from '../support/server.ts'

const NETWORK = 'polygon'

let chain: TestChain
let server: TestServer
let coin: Deployed
let payer: Payer
let wallet: PayerWallet
before(async () => {
  chain = await startAnvil()
  const account = devAccount(1)
  coin = await chain.deploy('AuthorizedToken', [account.address, 1_000_000_000n])
  const currencies = [token(NETWORK, 'EURC', coin.address, 6)]
  const network = chainNetwork({ name: NETWORK, chainId: chain.chainId, rpcUrls: [chain.rpcUrl], currencies })
  server = await startTestServer({ networks: [network], relayer: relayerOn(NETWORK) })
  wallet = viemWallet(createWalletClient({ account, transport: http(chain.rpcUrl) }).extend(publicActions))
  payer = createPayer({ url: server.url, token: (await newPayer(server.url)).token })
})
after(async () => {
  await server.stop()
  await chain.stop()
})

it('pays by a signature, without a transaction of the payer', async () => {
  const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address: wallet.address }] })
  const payee = createPayee({ url: server.url, contextCode: code })
  const { id } = await payee.reserveVoucher()
  await payee.redeemVoucher(id, asking('25', token(NETWORK, 'EURC', coin.address, 6)))
  const sent = await chain.client.getTransactionCount({ address: devAccount(1).address })

  const stranger = { ...wallet, address: PAYEE_ADDRESS }
  await assert.rejects(payer.payGasless(id, stranger), { code: 'not_payable' })
  assert.equal((await payer.payGasless(id, wallet)).status, 'RESOLVED')
  assert.equal(await chain.tokenBalance(coin.address, PAYEE_ADDRESS), 25_000_000n)
  assert.equal(await chain.client.getTransactionCount({ address: devAccount(1).address }), sent)
})
