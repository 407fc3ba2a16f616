import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { concat, encodeFunctionData, erc20Abi, getAbiItem, type Hex, numberToHex, parseAbi, parseUnits } from 'viem'
import { SANDBOX_EXCHANGE, SANDBOX_TOKENS } from '../../src/sandbox/facts.ts'
import { type SandboxChain, startSandboxChain } from '../../src/sandbox/sandbox-chain.ts'
import { type SandboxClient, sandboxClient } from '../../src/sandbox/sandbox-client.ts'
import { placeExchange } from '../../src/sandbox/sandbox-exchange.ts'
import { placeTokens } from '../../src/sandbox/sandbox-tokens.ts'
import { devAccount, startAnvil } from '../support/anvil.ts'
import { freePort } from '../support/free-port.ts'

const ABI = parseAbi([
  'function quoteExactOutput(bytes path, uint256 amountOut) returns (uint256 amountIn, uint160[], uint32[], uint256)',
  'struct ExactOutput { bytes path; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; }',
  'function exactOutput(ExactOutput) payable returns (uint256 amountIn)',
])

const [EURC, USDC] = SANDBOX_TOKENS
const { wrappedNative, quoter, router } = SANDBOX_EXCHANGE
const SHOP: Hex = '0x00000000000000000000000000000000005409e5'

/** Paths of exact outputs run backwards. */
const path = (out: Hex, ...hops: [fee: number, token: Hex][]) =>
  concat([out, ...hops.flatMap(([fee, token]) => [numberToHex(fee, { size: 3 }), token])])

async function quote(client: SandboxClient, route: Hex, amountOut: bigint): Promise<bigint> {
  const args = [route, amountOut] as const
  const { result } = await client.simulateContract({
    abi: [getAbiItem({ abi: ABI, name: 'quoteExactOutput' })],
    address: quoter,
    functionName: 'quoteExactOutput',
    args,
  })
  return result[0]
}

describe('the exchange of the sandbox', () => {
  let dataDir: string
  let port: number
  let chain: SandboxChain
  let client: SandboxClient
  const payer = devAccount(3)

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'sixpence-exchange-'))
    port = await freePort()
    await start()
  })
  after(async () => {
    await chain.stop()
    await rm(dataDir, { recursive: true })
  })

  async function start(): Promise<void> {
    chain = await startSandboxChain({ dataDir, port, log: (line) => assert.fail(line) })
    client = sandboxClient(chain.rpcUrl)
  }

  const balance = (token: Hex, holder: Hex) =>
    client.readContract({ abi: erc20Abi, address: token, functionName: 'balanceOf', args: [holder] })

  async function swap(route: Hex, amountOut: bigint, amountInMaximum: bigint, value = 0n): Promise<void> {
    const params = { path: route, recipient: SHOP, deadline: 2n ** 64n, amountOut, amountInMaximum }
    const data = encodeFunctionData({ abi: ABI, functionName: 'exactOutput', args: [params] })
    // An estimate may be too little: pools write more when a new second has begun.
    const hash = await client.sendTransaction({ account: payer, to: router, data, value, gas: 1_000_000n })
    assert.equal((await client.waitForTransactionReceipt({ hash })).status, 'success')
  }

  const CLOSE: [string, Hex, bigint, bigint][] = [
    ['EURC for USDC', path(EURC.address, [500, USDC.address]), parseUnits('100', 6), parseUnits('108.5', 6)],
    ['USDC for EURC', path(USDC.address, [500, EURC.address]), parseUnits('108.5', 6), parseUnits('100', 6)],
    ['EURC for POL', path(EURC.address, [3000, wrappedNative]), parseUnits('100', 6), parseUnits('217', 18)],
    ['POL for USDC', path(wrappedNative, [3000, USDC.address]), parseUnits('200', 18), parseUnits('100', 6)],
  ]
  for (const [name, route, amountOut, fair] of CLOSE) {
    it(`sells ${name} within half a percent of a fair price, and never below it`, async () => {
      const amountIn = await quote(client, route, amountOut)
      assert.ok(amountIn > fair && amountIn < (fair * 1005n) / 1000n, `${amountIn} for ${fair}`)
    })
  }

  it('pays out exactly what was asked, for exactly what was quoted', async () => {
    const route = path(EURC.address, [500, USDC.address])
    const amountIn = await quote(client, route, 123_456_789n)
    const approve = { abi: erc20Abi, address: USDC.address, functionName: 'approve', args: [router, amountIn] } as const
    await client.waitForTransactionReceipt({ hash: await client.writeContract({ ...approve, account: payer }) })
    const before = await balance(USDC.address, payer.address)
    await swap(route, 123_456_789n, amountIn)
    assert.equal(await balance(EURC.address, SHOP), 123_456_789n)
    assert.equal(before - (await balance(USDC.address, payer.address)), amountIn)
  })

  it('goes through the wrapped native coin, and takes the coin itself', async () => {
    const route = path(USDC.address, [3000, wrappedNative])
    const amountIn = await quote(client, route, 1_000_000n)
    await swap(route, 1_000_000n, amountIn, amountIn)
    assert.equal(await balance(USDC.address, SHOP), 1_000_000n)
  })

  it('is there again after a restart, as it was left', async () => {
    const route = path(EURC.address, [500, USDC.address])
    const before = await quote(client, route, 1_000_000n)
    const height = await client.getBlockNumber()
    await chain.stop()
    await start()
    assert.equal(await quote(client, route, 1_000_000n), before)
    assert.ok((await client.getBlockNumber()) <= height + 3n, 'nothing was deployed or filled again')
  })
})

describe('an exchange that was half made', () => {
  it('is finished by the next start', async () => {
    const anvil = await startAnvil()
    try {
      await placeTokens(anvil.client)
      for (const transactions of [2, 7, 9]) await failAfter(anvil.client, transactions)
      await placeExchange(anvil.client)
      for (const route of [path(EURC.address, [500, USDC.address]), path(EURC.address, [3000, wrappedNative])]) {
        assert.ok((await quote(anvil.client, route, 1_000_000n)) > 0n)
      }
    } finally {
      await anvil.stop()
    }
  })

  /** Ends the making of the exchange after some transactions. */
  async function failAfter(client: SandboxClient, transactions: number): Promise<void> {
    let left = transactions
    const broken: SandboxClient = {
      ...client,
      sendTransaction: (transaction) => {
        if (left-- === 0) throw new Error('the power is cut')
        return client.sendTransaction(transaction)
      },
    }
    await assert.rejects(placeExchange(broken), /the power is cut/)
  }
})
