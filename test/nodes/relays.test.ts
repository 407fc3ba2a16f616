import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { RELAYER_ACCOUNT, relayerOn, signAlternative } from '../settlement/signing.ts'
import { devAccount, startAnvil, type TestChain } from '../support/anvil.ts'
import type { Nodes } from '../support/nodes.ts'
import { twoNodesOnPostgres } from '../support/postgres-nodes.ts'
import { asking, chainNetwork, eventually, newParties, receiptsOf, redeem, token } from '../support/server.ts'

const NETWORK = 'polygon'
const COUNT = 8

let chain: TestChain
let nodes: Nodes
let address: Hex

before(async () => {
  chain = await startAnvil()
  address = (await chain.deploy('AuthorizedToken', [devAccount(1).address, 10n ** 9n])).address
  const network = chainNetwork({
    ...{ name: NETWORK, chainId: chain.chainId, rpcUrls: [chain.rpcUrl], confirmations: 1 },
    currencies: [token(NETWORK, 'AUT', address, 6)],
  })
  nodes = await twoNodesOnPostgres({ networks: [network], relayer: relayerOn(NETWORK) })
})
after(async () => {
  await nodes.stop()
  await chain.stop()
})

it('two nodes carry out signatures with one key at once, each nonce once', async () => {
  const urls = nodes.servers.map(({ url }) => url)
  const parties = await newParties(urls, { payers: [devAccount(1).address] })
  const to: Hex = '0x00000000000000000000000000000000000c4a53'
  const terms = asking('1', token(NETWORK, 'AUT', address, 6), to)
  const ids = await Promise.all(Array.from({ length: COUNT }, async () => (await redeem(parties, terms)).id))
  const answers = await Promise.all(
    ids.map(async (id) => {
      const voucher = await eventually(async () => {
        const { body } = await parties.payer.get<VoucherView>(`/vouchers/${id}`)
        // A node that is slow to say what a token can makes a voucher read without alternatives.
        return body.payments?.[0]?.alternatives !== undefined && body
      })
      const signature = await signAlternative(voucher, devAccount(1))
      return parties.payer.post<VoucherView>(`/vouchers/${id}/resolve-voucher`, receiptsOf(voucher, { signature }))
    }),
  )
  for (const { status, body } of answers) assert.equal(status, 200, JSON.stringify(body))
  for (const id of ids) {
    await eventually(async () => (await parties.payer.get<VoucherView>(`/vouchers/${id}`)).body.status === 'RESOLVED')
  }
  assert.equal(await chain.tokenBalance(address, to), BigInt(COUNT) * 10n ** 6n)
  assert.equal(await chain.client.getTransactionCount({ address: RELAYER_ACCOUNT.address }), COUNT)
})
