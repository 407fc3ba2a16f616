import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { keccak256 } from 'viem'
import { ChainUnavailable } from '../../src/chains/chain.ts'
import { type EvmChain, type EvmChainOptions, openEvmChain, WrongChainId } from '../../src/chains/evm/evm-chain.ts'
import { MAX_ANSWER_BYTES } from '../../src/chains/evm/json-rpc.ts'
import type { Hex } from '../../src/domain/payment.ts'
import { startAnvil, type TestChain } from '../support/anvil.ts'
import { freePort } from '../support/free-port.ts'
import { eventually } from './eventually.ts'
import { type Fault, type FaultyNode, startFaultyNode } from './faulty-node.ts'

const SHOP: Hex = '0x00000000000000000000000000000000005409e5'
const NOBODY_KNOWS = keccak256('0x00')

let anvil: TestChain
let node: FaultyNode
const opened: EvmChain[] = []

function open(changes: Partial<EvmChainOptions> = {}): EvmChain {
  const chain = openEvmChain({
    network: 'testnet',
    chainId: anvil.chainId,
    rpcUrls: [node.url],
    required: 3,
    pollIntervalMs: 20,
    maxHeadAgeMs: null,
    requestTimeoutMs: 5_000,
    clock: Date.now,
    ...changes,
  })
  opened.push(chain)
  return chain
}

async function pay(): Promise<Hex> {
  const [, account] = anvil.accounts
  assert.ok(account)
  const hash = await anvil.client.sendTransaction({ account, to: SHOP, value: 1n })
  await anvil.client.waitForTransactionReceipt({ hash })
  return hash
}

before(async () => {
  anvil = await startAnvil()
})
after(() => anvil.stop())

beforeEach(async () => {
  node = await startFaultyNode(anvil.rpcUrl)
})
afterEach(async () => {
  for (const chain of opened.splice(0)) chain.stop()
  await node.stop()
})

describe('a node that errs', () => {
  const faults: [string, Fault][] = [
    ['has no capacity', { status: 503 }],
    ['is out of order', { status: 500 }],
    ['asks for patience', { status: 429 }],
    ['talks nonsense', 'garbage'],
    ['answers with what is no transaction', { result: { hash: 7 } }],
    ['has an internal error', { error: { code: -32603, message: 'oops' } }],
    ['has a limit', { error: { code: -32005, message: 'limit exceeded' } }],
    ['refuses the question', { error: { code: -32000, message: 'header not found' } }],
  ]
  for (const [name, fault] of faults) {
    it(`says nothing about a payment when it ${name}`, async () => {
      const chain = open()
      const hash = await pay()
      const { block } = await eventually('a block', async () => {
        const sighting = await chain.sight(hash)
        return sighting.state === 'mined' && sighting
      })
      node.fault = ({ method }) => (method === 'eth_chainId' ? undefined : fault)
      await assert.rejects(chain.sight(hash), ChainUnavailable)
      await assert.rejects(chain.depthOf(block), ChainUnavailable)
      await assert.rejects(open().head(), ChainUnavailable)
    })
  }

  it('does not make a good transaction look refused', async () => {
    const chain = open()
    node.fault = ({ method }) =>
      method === 'eth_sendRawTransaction' ? { error: { code: -32603, message: 'oops' } } : undefined
    await assert.rejects(chain.broadcast('0x00'), ChainUnavailable)
  })

  it('does not make a good signature look bad', async () => {
    const [owner, payer] = anvil.accounts
    assert.ok(owner && payer)
    const { address } = await anvil.deploy('SignerWallet', [payer.address])
    const signed = { address, message: 'I agree.', signature: await payer.signMessage({ message: 'I agree.' }) }
    const chain = open()
    assert.equal(await chain.verifyMessage(signed), true)
    for (const fault of [{ status: 500 }, { error: { code: -32603, message: 'oops' } }, 'garbage'] as const) {
      node.fault = ({ method }) => (method === 'eth_call' ? fault : undefined)
      await assert.rejects(chain.verifyMessage(signed), ChainUnavailable)
      await assert.rejects(chain.verifyMessage({ ...signed, signature: '0x' }), ChainUnavailable)
    }
  })

  it('is asked a second time before it counts as down', async () => {
    const hash = await pay()
    const chain = open()
    let hiccups = 1
    node.fault = ({ method }) => (method === 'eth_getTransactionReceipt' && hiccups-- > 0 ? { status: 502 } : undefined)
    assert.equal((await chain.sight(hash)).state, 'mined')
  })

  it('keeps what it said in the cause, and its URL out of the message', async () => {
    node.fault = () => ({ status: 500 })
    await assert.rejects(open().head(), (error) => {
      assert.ok(error instanceof ChainUnavailable)
      assert.ok(error.cause instanceof AggregateError)
      assert.doesNotMatch(error.message, /127\.0\.0\.1/)
      return true
    })
  })
})

describe('a node that hangs', () => {
  it('counts as down after the time limit, before and in the middle of its answer', async () => {
    const chain = open({ requestTimeoutMs: 100 })
    for (const fault of ['silence', 'half an answer'] as const) {
      node.fault = () => fault
      await assert.rejects(chain.sight(NOBODY_KNOWS), ChainUnavailable)
    }
    node.fault = () => undefined
    const state = async () => (await chain.sight(NOBODY_KNOWS)).state
    await eventually('it answers again', () =>
      state()
        .then((found) => found === 'unknown')
        .catch(() => false),
    )
  })

  it('is left alone when the chain is stopped', async () => {
    const port = await freePort()
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    const sockets = once(server, 'connection')
    const chain = open({ rpcUrls: [`http://127.0.0.1:${port}`], requestTimeoutMs: 600_000 })
    const head = chain.head()
    const rejected = assert.rejects(head, ChainUnavailable)
    const [socket] = await sockets
    chain.stop()
    await rejected
    socket.destroy()
    server.close()
  })
})

describe('a node whose answers are longer than any that is needed', () => {
  it('is not listened to any further, and another is asked', async () => {
    const hash = await pay()
    const tooLong = { result: '0'.repeat(MAX_ANSWER_BYTES) }
    const chain = open({ requestTimeoutMs: 60_000 })
    const chainOfTwo = open({ requestTimeoutMs: 60_000, rpcUrls: [node.url, anvil.rpcUrl] })
    for (const fault of ['endless answer', tooLong] as const) {
      node.fault = ({ method }) => (method === 'eth_getTransactionReceipt' ? fault : undefined)
      await assert.rejects(chain.sight(hash), (error) => {
        assert.ok(error instanceof ChainUnavailable)
        assert.match(error.message, /^testnet: the node's answer to eth_getTransactionReceipt is longer than 32 MiB$/)
        return true
      })
      assert.equal((await chainOfTwo.sight(hash)).state, 'mined')
    }
    await eventually('all are broken off', async () => node.endless.brokenOff === node.endless.begun)
    assert.ok(node.endless.begun >= 3)
  })

  it('shows no trace, which is an answer; one that hangs in the middle of it is none', async () => {
    const hash = await pay()
    const chain = open({ requestTimeoutMs: 500 })
    const sighting = await eventually('a block', async () => {
      const found = await chain.sight(hash)
      return found.state === 'mined' && found
    })
    assert.notEqual(await chain.internalActs(sighting, 'trace'), null)
    const patient = open({ requestTimeoutMs: 60_000 })
    node.fault = ({ method }) => (method === 'debug_traceTransaction' ? 'endless answer' : undefined)
    assert.equal(await patient.internalActs(sighting, 'trace'), null)
    const another = open({ requestTimeoutMs: 500 })
    node.fault = ({ method }) => (method === 'debug_traceTransaction' ? 'half an answer' : undefined)
    await assert.rejects(another.internalActs(sighting, 'trace'), ChainUnavailable)
  })
})

describe('a node that is down', () => {
  it('is asked again until it answers', async () => {
    const port = await freePort()
    const chain = open({ rpcUrls: [`http://127.0.0.1:${port}`] })
    await chain.start()
    await assert.rejects(chain.head(), ChainUnavailable)

    const heard = new Promise((resolve) => chain.onHead(resolve))
    const late = await startAnvil({ port })
    try {
      await heard
      assert.equal((await chain.head()).number, 0)
    } finally {
      await late.stop()
    }
    await eventually('the chain is unavailable again', async () => {
      return chain.head().then(
        () => false,
        (error: unknown) => error instanceof ChainUnavailable,
      )
    })
  })

  it('is told to the log when it goes and when it comes back', async () => {
    const lines: string[] = []
    const chain = open({ log: (line) => lines.push(line) })
    await chain.start()
    node.fault = () => ({ status: 500 })
    await eventually('the outage is told', async () => lines.length === 1)
    await eventually('more polls', async () => (node.asked.get('eth_chainId') ?? 0) > 10)
    node.fault = () => undefined
    await eventually('the return is told', async () => lines.length === 2)
    assert.match(lines.join('\n'), /^testnet: .*\ntestnet: the node answers again$/)
  })
})

describe('a node of another chain', () => {
  it('stops the start', async () => {
    const chain = open({ chainId: 137 })
    await assert.rejects(chain.start(), (error) => {
      assert.ok(error instanceof WrongChainId)
      assert.match(error.message, /testnet should have chain id 137, but the node at http:\S+ serves chain id 31337/)
      return true
    })
    assert.equal(node.asked.get('eth_getBlockByNumber'), undefined)
  })

  it('is not believed when it is found later', async () => {
    const chain = open()
    node.fault = () => ({ status: 500 })
    await chain.start()
    node.fault = ({ method }) => (method === 'eth_chainId' ? { result: '0x1' } : undefined)
    await assert.rejects(chain.head(), ChainUnavailable)
    await assert.rejects(chain.sight(await pay()), ChainUnavailable)
  })

  it('is not believed when it takes the place of the right one between two questions', async () => {
    const chain = open()
    const hash = await pay()
    assert.equal((await chain.sight(hash)).state, 'mined')
    node.fault = ({ method }) => (method === 'eth_chainId' ? { result: '0x1' } : undefined)
    await assert.rejects(chain.sight(hash), ChainUnavailable)
  })
})

describe('a node that lags', () => {
  it('is not believed that it knows no transaction', async () => {
    const hash = await pay()
    const { timestamp } = await anvil.client.getBlock()
    const headAtMs = Number(timestamp) * 1000
    let nowMs = headAtMs + 60_000
    const chain = open({ maxHeadAgeMs: 60_000, clock: () => nowMs })
    assert.deepEqual(await chain.sight(NOBODY_KNOWS), { state: 'unknown' })
    nowMs += 1
    await assert.rejects(
      chain.sight(NOBODY_KNOWS),
      /testnet: the node is behind: its newest block is 60 s old, .* set "maxHeadAge":"none"/,
    )
    await assert.rejects(chain.minedByNonce(SHOP, 0), ChainUnavailable)
    await assert.rejects(chain.depthOf({ number: 10_000, hash }), ChainUnavailable)
    await assert.rejects(chain.head(), ChainUnavailable)
    assert.equal((await chain.sight(hash)).state, 'mined')
  })

  it('is not believed while it syncs', async () => {
    node.fault = ({ method }) => (method === 'eth_syncing' ? { result: { currentBlock: '0x1' } } : undefined)
    await assert.rejects(open().sight(NOBODY_KNOWS), /the node is still syncing/)
  })

  it('need not tell whether it syncs', async () => {
    node.fault = ({ method }) =>
      method === 'eth_syncing' ? { error: { code: -32601, message: 'no such method' } } : undefined
    assert.deepEqual(await open().sight(NOBODY_KNOWS), { state: 'unknown' })
  })
})

describe('a node whose chain was reset', () => {
  const OTHER_GENESIS = keccak256('0x01')
  const keeper = () => {
    let kept: Hex | undefined
    return async (hash: Hex) => {
      kept ??= hash
      return kept
    }
  }

  it('is not believed from the moment that its chain is shorter, and says why once', async () => {
    const lines: string[] = []
    const chain = open({ keepGenesis: keeper(), log: (line) => lines.push(line) })
    const hash = await pay()
    await chain.start()
    assert.equal((await chain.sight(hash)).state, 'mined')
    await chain.ask((asked) => asked.freshHead())
    node.fault = async ({ method, params }, askBehind) => {
      if (method !== 'eth_getBlockByNumber') return undefined
      if (params?.[0] === '0x0') return { result: Object.assign({}, await askBehind(), { hash: OTHER_GENESIS }) }
      return { result: Object.assign({}, await askBehind(), { number: '0x0', hash: OTHER_GENESIS }) }
    }
    const why = new RegExp(`the chain was reset behind the server: its first block is ${OTHER_GENESIS}, and was 0x`)
    await eventually('the reset is told', async () => lines.length > 0)
    assert.match(lines[0] ?? '', why)
    await assert.rejects(chain.sight(hash), why)
    assert.match(chain.lastSeen().why ?? '', why)
    assert.equal(chain.lastSeen().up, false)
    node.fault = () => undefined
    await eventually('the old chain is back', async () => lines.length === 2)
    assert.equal((await chain.sight(hash)).state, 'mined')
  })

  it('is not believed at first contact, and is where it does not serve its first block', async () => {
    const hash = await pay()
    await assert.rejects(open({ keepGenesis: async () => OTHER_GENESIS }).sight(hash), /was reset behind the server/)
    node.fault = ({ method, params }) =>
      method === 'eth_getBlockByNumber' && params?.[0] === '0x0'
        ? { error: { code: -32000, message: 'pruned' } }
        : undefined
    assert.equal((await open({ keepGenesis: async () => OTHER_GENESIS }).sight(hash)).state, 'mined')
  })
})

describe('a node that contradicts itself', () => {
  it('does not make a transaction mined in a block that is not on the chain', async () => {
    const hash = await pay()
    node.fault = async ({ method }, askBehind) => {
      if (method !== 'eth_getBlockByNumber') return undefined
      return { result: Object.assign({}, await askBehind(), { hash: NOBODY_KNOWS }) }
    }
    assert.equal((await open().sight(hash)).state, 'pooled')
  })

  it('does not make a transaction mined whose receipt names another block', async () => {
    const hash = await pay()
    node.fault = async ({ method }, askBehind) => {
      if (method !== 'eth_getTransactionReceipt') return undefined
      return { result: Object.assign({}, await askBehind(), { blockHash: NOBODY_KNOWS }) }
    }
    assert.equal((await open().sight(hash)).state, 'pooled')
  })

  it('does not make a transaction mined that it also calls pending', async () => {
    const hash = await pay()
    node.fault = async ({ method }, askBehind) => {
      if (method !== 'eth_getTransactionByHash') return undefined
      return { result: Object.assign({}, await askBehind(), { blockHash: null }) }
    }
    assert.equal((await open().sight(hash)).state, 'pooled')
  })

  it('does not make a transaction mined before its receipt is there', async () => {
    const hash = await pay()
    node.fault = ({ method }) => (method === 'eth_getTransactionReceipt' ? { result: null } : undefined)
    assert.equal((await open().sight(hash)).state, 'pooled')
  })

  it('is not believed with a receipt of an unknown transaction, or with another transaction', async () => {
    const [hash, other] = [await pay(), await pay()]
    const chain = open()
    node.fault = ({ method }) => (method === 'eth_getTransactionByHash' ? { result: null } : undefined)
    await assert.rejects(chain.sight(hash), ChainUnavailable)
    node.fault = async ({ method }, askBehind) => {
      if (method === 'eth_getTransactionReceipt') return { result: null }
      if (method !== 'eth_getTransactionByHash') return undefined
      return { result: Object.assign({}, await askBehind(), { hash: other }) }
    }
    await assert.rejects(chain.sight(hash), ChainUnavailable)
  })
})

describe('a node without history', () => {
  it('cannot tell which transaction used a nonce', async () => {
    const hash = await pay()
    const { from, nonce } = await anvil.client.getTransaction({ hash })
    await anvil.client.mine({ blocks: 5 })
    const head = await anvil.client.getBlockNumber()
    const chain = open()
    assert.equal((await chain.minedByNonce(from, nonce))?.transaction.hash, hash)
    node.fault = ({ method, params }) =>
      method === 'eth_getTransactionCount' && BigInt(String(params?.[1])) < head - 1n
        ? { error: { code: -32000, message: 'missing trie node' } }
        : undefined
    assert.equal(await chain.minedByNonce(from, nonce), null)
  })
})

describe('a node that knows no finality yet', () => {
  it('settles nothing that must be final', async () => {
    const chain = open({ required: 'finalized' })
    const hash = await pay()
    const { number, hash: blockHash } = await anvil.client.getBlock()
    await anvil.client.mine({ blocks: 100 })
    const block = { number: Number(number), hash: blockHash }
    assert.equal((await chain.sight(hash)).state, 'mined')
    assert.deepEqual(await chain.depthOf(block), { depth: 101, settled: true })
    node.fault = ({ method, params }) =>
      method === 'eth_getBlockByNumber' && params?.[0] === 'finalized' ? { result: null } : undefined
    assert.deepEqual(await chain.depthOf(block), { depth: 101, settled: false })
  })
})

describe('several nodes', () => {
  it('stand in for each other', async () => {
    const hash = await pay()
    const chain = open({ rpcUrls: [node.url, anvil.rpcUrl] })
    await chain.start()
    for (const fault of [{ status: 500 }, 'garbage', { result: '0x1' }] as const) {
      node.fault = () => fault
      assert.equal((await chain.sight(hash)).state, 'mined')
    }
  })

  it('are each checked for their chain', async () => {
    const hash = await pay()
    const chain = open({ rpcUrls: [node.url, anvil.rpcUrl] })
    node.fault = ({ method }) => {
      if (method === 'eth_chainId') return { result: '0x1' }
      return method === 'eth_getTransactionByHash' ? { result: null } : undefined
    }
    assert.equal((await chain.sight(hash)).state, 'mined')
    await assert.rejects(chain.start(), WrongChainId)
  })
})

describe('the head', () => {
  it('is asked once for all who want it at one time, and not again while it is young', async () => {
    let nowMs = 0
    const chain = open({ pollIntervalMs: 1_000, clock: () => nowMs })
    const heads = await Promise.all(Array.from({ length: 20 }, () => chain.head()))
    nowMs = 2_000
    assert.deepEqual(await chain.head(), heads[0])
    assert.equal(node.asked.get('eth_getBlockByNumber'), 1)
    nowMs = 2_001
    await chain.head()
    assert.equal(node.asked.get('eth_getBlockByNumber'), 2)
  })

  it('is told when it is new, not at every poll', async () => {
    const heard: Hex[] = []
    const chain = open()
    chain.onHead(({ hash }) => heard.push(hash))
    await chain.start()
    const polls = () => node.asked.get('eth_getBlockByNumber') ?? 0
    await eventually('ten polls', async () => polls() >= 10)
    assert.equal(heard.length, 1)
  })
})
