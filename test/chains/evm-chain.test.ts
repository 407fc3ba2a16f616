import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { encodeFunctionData, erc20Abi, keccak256, parseEther } from 'viem'
import { BroadcastRefused, type MinedSighting } from '../../src/chains/chain.ts'
import { type EvmChain, openEvmChain } from '../../src/chains/evm/evm-chain.ts'
import { evmRules } from '../../src/chains/evm/rules.ts'
import type { AskedExpectation, Expectation, Hex } from '../../src/domain/payment.ts'
import type { BlockRef, RequiredDepth } from '../../src/domain/settlement.ts'
import { startAnvil, type TestChain } from '../support/anvil.ts'
import { eventually } from './eventually.ts'

const SHOP: Hex = '0x00000000000000000000000000000000005409e5'

let anvil: TestChain
let chain: EvmChain

function open(required: RequiredDepth = 3): EvmChain {
  return openEvmChain({
    network: 'testnet',
    chainId: anvil.chainId,
    rpcUrls: [anvil.rpcUrl],
    required,
    pollIntervalMs: 20,
    maxHeadAgeMs: null,
    clock: Date.now,
  })
}

function payer(index = 1) {
  const account = anvil.accounts[index]
  assert.ok(account)
  return account
}

function pay(wei: bigint, nonce?: number, gasPriceWei?: bigint): Promise<Hex> {
  return anvil.client.sendTransaction({ account: payer(), to: SHOP, value: wei, nonce, gasPrice: gasPriceWei })
}

/** Anvil answers a little before its block is there. */
function mined(hash: Hex): Promise<MinedSighting> {
  return eventually(`${hash} is mined`, async () => {
    const sighting = await chain.sight(hash)
    return sighting.state === 'mined' && sighting
  })
}

describe('a chain whose blocks come by hand', () => {
  beforeEach(async () => {
    anvil = await startAnvil({ automine: false })
    chain = open()
    await chain.start()
  })
  afterEach(async () => {
    chain.stop()
    await anvil.stop()
  })

  const mine = (blocks = 1) => anvil.client.mine({ blocks })

  it('sees a transaction unknown, pooled and mined', async () => {
    const raw = await payer().signTransaction({
      ...{ type: 'eip1559', chainId: anvil.chainId, nonce: 0, gas: 21_000n, to: SHOP, value: 9n },
      ...{ maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n },
    })
    const hash = keccak256(raw)
    assert.deepEqual(await chain.sight(hash), { state: 'unknown' })

    await chain.broadcast(raw)
    const transaction = { hash, from: payer().address.toLowerCase(), to: SHOP, wei: 9n, data: '0x', nonce: 0 }
    assert.deepEqual(await chain.sight(hash), { state: 'pooled', transaction })

    await mine()
    const block = await anvil.client.getBlock()
    const mined = { state: 'mined', transaction, succeeded: true, logs: [] }
    assert.deepEqual(await chain.sight(hash), { ...mined, block: { number: 1, hash: block.hash } })
  })

  it('counts how deep a block lies, itself included, until it is deep enough', async () => {
    const hash = await pay(1n)
    await mine()
    const { block } = await mined(hash)
    assert.deepEqual(await chain.depthOf(block), { depth: 1, settled: false })
    await mine()
    assert.deepEqual(await chain.depthOf(block), { depth: 2, settled: false })
    await mine()
    assert.deepEqual(await chain.depthOf(block), { depth: 3, settled: true })
  })

  it('waits for finality where that is asked', async () => {
    const finalizing = open('finalized')
    const hash = await pay(1n)
    await mine()
    const { block } = await mined(hash)
    await mine(10)
    assert.deepEqual(await finalizing.depthOf(block), { depth: 11, settled: false })
    await mine(200)
    assert.deepEqual(await finalizing.depthOf(block), { depth: 211, settled: true })
    finalizing.stop()
  })

  it('takes a payment back that a reorg took back', async () => {
    const hash = await pay(1n)
    await mine(4)
    const { block } = await mined(hash)
    assert.equal((await chain.depthOf(block)).settled, true)

    await anvil.reorg(4)
    assert.deepEqual(await chain.sight(hash), { state: 'unknown' })
    assert.deepEqual(await chain.depthOf(block), { depth: 0, settled: false })
  })

  it('says depth 0 of a block beyond the head', async () => {
    const hash = await pay(1n)
    await mine()
    const { block } = await mined(hash)
    assert.deepEqual(await chain.depthOf({ ...block, number: 40 }), { depth: 0, settled: false })
  })

  it('forgets a transaction that the pool dropped', async () => {
    const hash = await pay(1n)
    assert.equal((await chain.sight(hash)).state, 'pooled')
    await anvil.client.dropTransaction({ hash })
    assert.deepEqual(await chain.sight(hash), { state: 'unknown' })
    assert.equal(await chain.minedByNonce(payer().address, 0), null)
  })

  it('finds the replacement of a transaction by its nonce', async () => {
    const replaced = await pay(1n, 0, 10n ** 10n)
    const replacement = await pay(2n, 0, 10n ** 11n)
    assert.equal(await chain.minedByNonce(payer().address, 0), null)
    await mine()
    assert.deepEqual(await chain.sight(replaced), { state: 'unknown' })
    assert.deepEqual(await chain.minedByNonce(payer().address, 0), await mined(replacement))
  })

  for (const blocksOnTop of [0, 1, 2, 3, 7, 37]) {
    it(`finds by its nonce what lies under ${blocksOnTop} blocks, and no neighbour`, async () => {
      await pay(1n, 0)
      await mine(3)
      const sought = await pay(2n, 1)
      await pay(3n, 2)
      await mine()
      await pay(4n, 3)
      await mine(blocksOnTop)
      assert.equal((await chain.minedByNonce(payer().address, 1))?.transaction.hash, sought)
    })
  }

  it('finds by its nonce what stands in the first block', async () => {
    const first = await pay(1n, 0)
    await mine(5)
    assert.equal((await chain.minedByNonce(payer().address, 0))?.transaction.hash, first)
  })

  it('tells of each new head once, until it is told to stop', async () => {
    const heard: BlockRef[] = []
    const unlisten = chain.onHead((head) => heard.push(head))
    const heads: BlockRef[] = []
    for (let number = 1; number <= 3; number++) {
      await mine()
      const { hash } = await anvil.client.getBlock()
      heads.push({ number, hash })
      await eventually(`block ${number} is told`, async () => heard.some((head) => head.hash === hash))
    }
    assert.deepEqual(heard.slice(-3), heads)
    unlisten()
    await mine()
    const other = new Promise((resolve) => chain.onHead(resolve))
    await other
    assert.deepEqual(heard.slice(-3), heads)
  })

  it('tells the other listeners when one of them fails', async () => {
    chain.onHead(() => {
      throw new Error('a broken listener')
    })
    const heard = new Promise<BlockRef>((resolve) => chain.onHead(resolve))
    await mine()
    assert.ok((await heard).number >= 0)
    await mine()
    await eventually('the head moves on', async () => (await chain.head()).number === 2)
  })
})

describe('a chain with a block for each transaction', () => {
  before(async () => {
    anvil = await startAnvil()
    chain = open()
    await chain.start()
  })
  after(async () => {
    chain.stop()
    await anvil.stop()
  })

  const tokenPayment = (token: Hex, units: bigint): AskedExpectation => ({
    kind: 'token',
    token,
    recipient: SHOP,
    units,
  })

  const prove = (expectation: Expectation, sighting: MinedSighting, taken?: Set<string>) =>
    evmRules.prove({ expectation, sighting, payers: [payer(0).address], afterBlockNumber: 0, taken })

  const transfer = (units: bigint) =>
    encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [SHOP, units] })

  async function send(to: Hex, data: Hex, gas?: bigint): Promise<MinedSighting> {
    return mined(await anvil.client.sendTransaction({ account: payer(0), to, data, gas }))
  }

  it('proves a transfer of an honest token', async () => {
    const { address } = await anvil.deploy('PlainToken', [1_000n])
    const input = evmRules.buildInput(tokenPayment(address, 100n))
    const sighting = await send(input.to, input.data)
    assert.deepEqual(prove(tokenPayment(address, 100n), sighting), {
      proven: true,
      parts: ['log:0'],
      payer: payer(0).address,
    })
    assert.equal(await anvil.tokenBalance(address, SHOP), 100n)
  })

  it('sees that a transaction reverted', async () => {
    const { address } = await anvil.deploy('PlainToken', [1_000n])
    const sighting = await send(address, transfer(1_001n), 100_000n)
    assert.equal(sighting.succeeded, false)
    assert.deepEqual(prove(tokenPayment(address, 1_001n), sighting), {
      proven: false,
      reason: 'the transaction reverted',
    })
  })

  it('is not fooled by a token that keeps a fee', async () => {
    const { address } = await anvil.deploy('FeeToken', [100_000n])
    const proof = prove(tokenPayment(address, 1_000n), await send(address, transfer(1_000n)))
    assert.match(proof.proven ? '' : proof.reason, /is of 990 units, asked were 1000/)
  })

  it('is not fooled by a token that only returns false', async () => {
    const { address } = await anvil.deploy('FalseToken')
    const sighting = await send(address, transfer(100n))
    assert.equal(sighting.succeeded, true)
    const proof = prove(tokenPayment(address, 100n), sighting)
    assert.match(proof.proven ? '' : proof.reason, /has no Transfer of the token/)
  })

  it('is not fooled by a forged log', async () => {
    const token = await anvil.deploy('PlainToken', [1_000n])
    const forger = await anvil.deploy('Forger')
    const args = [payer(0).address, SHOP, 100n]
    const sighting = await send(forger.address, encodeFunctionData({ abi: forger.abi, functionName: 'forge', args }))
    const proof = prove(tokenPayment(token.address, 100n), sighting)
    assert.match(proof.proven ? '' : proof.reason, /has no Transfer of the token .*, but one of/)
  })

  it('tells two equal transfers of one transaction apart', async () => {
    const token = await anvil.deploy('PlainToken', [1_000n])
    const batcher = await anvil.deploy('Batcher')
    const approve = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [batcher.address, 200n] })
    await send(token.address, approve)
    const pull = encodeFunctionData({
      abi: erc20Abi,
      functionName: 'transferFrom',
      args: [payer(0).address, SHOP, 100n],
    })
    const calls = [pull, pull].map((data) => ({ target: token.address, data }))
    const sighting = await send(
      batcher.address,
      encodeFunctionData({ abi: batcher.abi, functionName: 'run', args: [calls] }),
    )
    const expectation = tokenPayment(token.address, 100n)
    assert.deepEqual(prove(expectation, sighting), { proven: true, parts: ['log:0'], payer: payer(0).address })
    assert.deepEqual(prove(expectation, sighting, new Set(['log:0'])), {
      proven: true,
      parts: ['log:1'],
      payer: payer(0).address,
    })
    assert.equal(prove(expectation, sighting, new Set(['log:0', 'log:1'])).proven, false)
  })

  it('takes a transaction twice, pooled or mined', async () => {
    const raw = await payer(2).signTransaction({
      ...{ type: 'eip1559', chainId: anvil.chainId, nonce: 0, gas: 21_000n, to: SHOP, value: 9n },
      ...{ maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n },
    })
    await chain.broadcast(raw)
    await mined(keccak256(raw))
    await chain.broadcast(raw)

    const waiting = await payer(2).signTransaction({
      ...{ type: 'eip1559', chainId: anvil.chainId, nonce: 2, gas: 21_000n, to: SHOP, value: 9n },
      ...{ maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n },
    })
    await chain.broadcast(waiting)
    await chain.broadcast(waiting)
    assert.equal((await chain.sight(keccak256(waiting))).state, 'pooled')
  })

  const refused = {
    type: 'eip1559',
    gas: 21_000n,
    to: SHOP,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 1n,
  } as const

  it("passes on the node's words when it refuses a transaction", async () => {
    const sign = (changes: { nonce: number; value?: bigint; gas?: bigint }) =>
      payer(3).signTransaction({ ...refused, chainId: anvil.chainId, ...changes })
    const first = await sign({ nonce: 0 })
    await chain.broadcast(first)
    await mined(keccak256(first))

    const table: [Hex, RegExp][] = [
      [await sign({ nonce: 1, value: parseEther('999999') }), /insufficient funds/i],
      [await sign({ nonce: 0, value: 1n }), /nonce too low/i],
      [await sign({ nonce: 1, gas: 20_000n }), /intrinsic gas/i],
      ['0xdeadbeef', /decode/i],
    ]
    for (const [raw, words] of table) {
      await assert.rejects(
        chain.broadcast(raw),
        (error) => error instanceof BroadcastRefused && words.test(error.message),
      )
    }
  })

  it('verifies a signature by key', async () => {
    const message = 'I agree.'
    const signature = await payer(1).signMessage({ message })
    assert.equal(await chain.verifyMessage({ address: payer(1).address, message, signature }), true)
    assert.equal(await chain.verifyMessage({ address: payer(2).address, message, signature }), false)
    assert.equal(await chain.verifyMessage({ address: payer(1).address, message: 'I agree!', signature }), false)
    assert.equal(await chain.verifyMessage({ address: payer(1).address, message, signature: '0x1234' }), false)
  })

  it('verifies a signature by a contract wallet', async () => {
    const { address } = await anvil.deploy('SignerWallet', [payer(1).address])
    const message = 'I agree.'
    const [byOwner, byOther] = await Promise.all([1, 2].map((index) => payer(index).signMessage({ message })))
    assert.ok(byOwner && byOther)
    assert.equal(await chain.verifyMessage({ address, message, signature: byOwner }), true)
    assert.equal(await chain.verifyMessage({ address, message, signature: byOther }), false)
  })
})
