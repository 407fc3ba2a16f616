import { createPayee, createPayer, signInWithWallet, transactionOf } from '@sixpence/client'
import { connect, createConfig, mock, sendTransaction } from '@wagmi/core'
import { JsonRpcProvider } from 'ethers'
import { createWalletClient, defineChain, http } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { Web3 } from 'web3'

/** Pays with each library what `transactionOf` makes of a payment, as it is. Arguments: url, rpc. */

const [url = '', rpc = ''] = process.argv.slice(2)
const account = mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: 1 })
const { address } = account
const chain = defineChain({
  id: 31337,
  name: 'sandbox',
  nativeCurrency: { name: 'POL', symbol: 'POL', decimals: 18 },
  rpcUrls: { default: { http: [rpc] } },
})
const local = createWalletClient({ account, chain, transport: http(rpc) })
const remote = createWalletClient({ account: address, chain, transport: http(rpc) })
const signer = await new JsonRpcProvider(rpc).getSigner(address)
const web3 = new Web3(rpc)
const config = createConfig({
  chains: [chain],
  connectors: [mock({ accounts: [address] })],
  transports: { 31337: http(rpc) },
})
await connect(config, { connector: config.connectors[0] })

async function ask(method, params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const answer = await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { result, error } = await answer.json()
  if (error) throw new Error(error.message)
  return result
}

const WAYS = {
  'a bare node': (payment) => ask('eth_sendTransaction', [transactionOf(payment, address)]),
  'ethers 6': async (payment) => (await signer.sendTransaction(transactionOf(payment, address))).hash,
  'web3 4': async (payment) => (await web3.eth.sendTransaction(transactionOf(payment, address))).transactionHash,
  'viem, the node signs': (payment) => remote.sendTransaction(transactionOf(payment, address, BigInt)),
  'viem, a local key, hexadecimal': (payment) => local.sendTransaction(transactionOf(payment, address)),
  'viem, a local key': (payment) => local.sendTransaction(transactionOf(payment, address, BigInt)),
  wagmi: (payment) => sendTransaction(config, transactionOf(payment, address, BigInt)),
}

const wallet = { address, signMessage: (message) => account.signMessage({ message }) }
const payer = createPayer({ url, token: await signInWithWallet({ url, wallet, chainId: 31337 }) })
const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address }] })
const payee = createPayee({ url, contextCode: code })
const to = { address: '0x90F79bf6EB2c4f870365E785982E1f101E93b906' }

for (const [way, send] of Object.entries(WAYS)) {
  for (const [currency, amount] of [
    ['EURC', '1'],
    ['POL', '0.25'],
  ]) {
    const { id } = await payee.reserveVoucher()
    await payee.redeemVoucher(id, { expectedPayment: { currency, amount, wallet: to } })
    const [payment] = (await payer.getVoucher(id)).payments
    await payer.resolveVoucher(id, [{ paymentId: payment.id, transactionHash: await send(payment) }])
    await payer.waitForResolved(id, { timeoutMs: 20_000 })
  }
  console.log(`ok ${way}`)
}
process.exit()
