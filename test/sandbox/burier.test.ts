import assert from 'node:assert/strict'
import { afterEach, beforeEach, it } from 'node:test'
import { startBurier } from '../../src/sandbox/burier.ts'
import { sandboxClient } from '../../src/sandbox/sandbox-client.ts'
import { eventually } from '../chains/eventually.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { devAccount, startAnvil, type TestChain } from '../support/anvil.ts'

let anvil: TestChain
let node: FaultyNode
let failures: unknown[]
let stopBurier: () => Promise<void>

beforeEach(async () => {
  anvil = await startAnvil()
  node = await startFaultyNode(anvil.rpcUrl)
  failures = []
  stopBurier = startBurier(sandboxClient(node.url), {
    onFailure: (error) => failures.push(error),
    blockIntervalMs: 10,
  })
})
afterEach(async () => {
  await stopBurier()
  await node.stop()
  await anvil.stop()
})

async function pay(): Promise<bigint> {
  const account = devAccount(0)
  const hash = await anvil.client.sendTransaction({ account, to: account.address, value: 1n })
  return (await anvil.client.waitForTransactionReceipt({ hash })).blockNumber
}

/** The burier has looked that many times more. */
async function looks(count: number): Promise<void> {
  const looked = () => node.asked.get('eth_getBlockByNumber') ?? 0
  const goal = looked() + count
  await eventually(`${count} looks`, async () => looked() >= goal)
}

it('mines nothing where nothing was paid', async () => {
  await looks(20)
  assert.equal(await anvil.client.getBlockNumber(), 0n)
})

it('puts three blocks on top of each payment, and rests', async () => {
  for (let payments = 1; payments <= 2; payments++) {
    const paidIn = await pay()
    await eventually('three blocks on top', async () => (await anvil.client.getBlockNumber()) >= paidIn + 3n)
    await looks(20)
    assert.equal(await anvil.client.getBlockNumber(), paidIn + 3n)
  }
})

it('goes on after the chain did not answer', async () => {
  node.fault = () => ({ error: { code: -32000, message: 'not now' } })
  await eventually('a failure', async () => failures.length > 0)
  node.fault = () => undefined
  const paidIn = await pay()
  await eventually('three blocks on top', async () => (await anvil.client.getBlockNumber()) === paidIn + 3n)
})
