import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createWalletClient, http, parseEther, publicActions } from 'viem'
import { startAnvil, type TestChain } from '../support/anvil.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const FRIEND = '0x00000000000000000000000000000000000f0f00'

let chain: TestChain
let server: TestServer

before(async () => {
  chain = await startAnvil()
  server = await startTestServer({ sandboxRpcUrl: chain.rpcUrl, publicHosts: ['pay.example'] })
})
after(async () => {
  await server.stop()
  await chain.stop()
})

describe("the sandbox's chain through the server", () => {
  it('is all that a wallet with a key of its own needs', async () => {
    const [account] = chain.accounts
    const wallet = createWalletClient({ account, transport: http(`${server.url}/sandbox/rpc`) }).extend(publicActions)
    assert.ok(account)
    const hash = await wallet.sendTransaction({ account, chain: null, to: FRIEND, value: parseEther('1') })
    const { status } = await wallet.waitForTransactionReceipt({ hash, pollingInterval: 50 })
    assert.equal(status, 'success')
    assert.equal(await wallet.getBalance({ address: FRIEND }), parseEther('1'))
  })

  it('takes nothing that steers the chain, or that its node would sign', async () => {
    for (const method of ['anvil_setBalance', 'evm_mine', 'eth_sendTransaction', 'eth_accounts', 'debug_traceCall']) {
      const { error } = await ask(server, method)
      assert.equal(error?.code, -32_601, method)
    }
  })

  it('is shut to a page of another site that has pointed its own name here', async () => {
    const askAs = async (host: string) => {
      const payload = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] }
      return (await server.http.inject({ method: 'POST', url: '/sandbox/rpc', headers: { host }, payload })).statusCode
    }
    assert.equal(await askAs('evil.example'), 403)
    for (const host of ['localhost:4040', '[::1]:4040', '192.0.2.7:4040', 'pay.example']) {
      assert.equal(await askAs(host), 200, host)
    }
  })

  it('is not there without a sandbox', async () => {
    const other = await startTestServer()
    const { status } = await ask(other, 'eth_chainId')
    await other.stop()
    assert.equal(status, 404)
  })

  it('says so when the chain is away', async () => {
    const other = await startTestServer({ sandboxRpcUrl: 'http://127.0.0.1:1' })
    const { status, code } = await ask(other, 'eth_chainId')
    await other.stop()
    assert.deepEqual([status, code], [503, 'overloaded'])
  })
})

async function ask(
  { url }: TestServer,
  method: string,
): Promise<{ status: number; code?: string; error?: { code: number } }> {
  const response = await fetch(`${url}/sandbox/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [] }),
  })
  const body = (await response.json()) as { code?: string; error?: { code: number } }
  return { ...body, status: response.status }
}
