import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { domainSeparator, erc20Abi, parseUnits } from 'viem'
import relayArtifact from '../../src/chains/evm/relay/relay.artifact.json' with { type: 'json' }
import type { Hex } from '../../src/domain/payment.ts'
import { PortTaken } from '../../src/sandbox/anvil-process.ts'
import { AnvilUnusable } from '../../src/sandbox/anvil-unusable.ts'
import { compileRelayContracts, compileSandboxContract } from '../../src/sandbox/contracts/compile.ts'
import accountArtifact from '../../src/sandbox/contracts/sandbox-account.artifact.json' with { type: 'json' }
import tokenArtifact from '../../src/sandbox/contracts/sandbox-token.artifact.json' with { type: 'json' }
import { SANDBOX_ACCOUNT_CODE, SANDBOX_CHAIN_ID, SANDBOX_TOKENS } from '../../src/sandbox/facts.ts'
import { type SandboxChain, startSandboxChain } from '../../src/sandbox/sandbox-chain.ts'
import { type SandboxClient, sandboxClient } from '../../src/sandbox/sandbox-client.ts'
import { eventually } from '../chains/eventually.ts'
import { devAccount } from '../support/anvil.ts'
import { freePort } from '../support/free-port.ts'

const SHOP: Hex = '0x00000000000000000000000000000000005409e5'
const [EURC] = SANDBOX_TOKENS

let dataDir: string
let port: number
let lines: string[]

async function freshPlace(): Promise<void> {
  dataDir = await mkdtemp(join(tmpdir(), 'sixpence-sandbox-'))
  port = await freePort()
  lines = []
}

function start(): Promise<SandboxChain> {
  return startSandboxChain({ dataDir, port, log: (line) => lines.push(line) })
}

function balance(client: SandboxClient, token: Hex, holder: Hex): Promise<bigint> {
  return client.readContract({ abi: erc20Abi, address: token, functionName: 'balanceOf', args: [holder] })
}

async function payShop(client: SandboxClient, units: bigint) {
  const hash = await client.writeContract({
    ...{ abi: erc20Abi, address: EURC.address, functionName: 'transfer', args: [SHOP, units] },
    account: devAccount(0),
  })
  return client.waitForTransactionReceipt({ hash })
}

async function isDown(rpcUrl: string): Promise<boolean> {
  return fetch(rpcUrl).then(
    () => false,
    () => true,
  )
}

describe('a fresh sandbox', () => {
  let chain: SandboxChain
  let client: SandboxClient

  before(async () => {
    await freshPlace()
    chain = await start()
    client = sandboxClient(chain.rpcUrl)
  })
  after(async () => {
    await chain.stop()
    await rm(dataDir, { recursive: true })
  })

  it('is no real chain', async () => assert.equal(await client.getChainId(), SANDBOX_CHAIN_ID))

  for (const token of SANDBOX_TOKENS) {
    it(`has ${token.symbol} at its address, a million for each account`, async () => {
      const read = <Name extends 'name' | 'symbol' | 'decimals'>(functionName: Name) =>
        client.readContract({ abi: erc20Abi, address: token.address, functionName })
      assert.equal(await read('name'), token.name)
      assert.equal(await read('symbol'), token.symbol)
      assert.equal(await read('decimals'), token.decimals)
      for (let index = 0; index < 10; index++) {
        assert.equal(await balance(client, token.address, devAccount(index).address), 1_000_000_000_000n)
      }
    })

    it(`can take permits for ${token.symbol} at its address`, async () => {
      const abi = [
        {
          type: 'function',
          name: 'DOMAIN_SEPARATOR',
          stateMutability: 'view',
          inputs: [],
          outputs: [{ type: 'bytes32' }],
        },
      ] as const
      const separator = await client.readContract({ abi, address: token.address, functionName: 'DOMAIN_SEPARATOR' })
      const domain = { name: token.name, version: '1', chainId: SANDBOX_CHAIN_ID, verifyingContract: token.address }
      assert.equal(separator, domainSeparator({ domain }))
    })
  }

  it('has code for accounts that make several calls in one transaction', async () => {
    const supportsBatches = await client.readContract({
      abi: accountArtifact.abi,
      address: SANDBOX_ACCOUNT_CODE,
      functionName: 'supportsExecutionMode',
      args: [`0x01${'00'.repeat(31)}`],
    })
    assert.equal(supportsBatches, true)
  })

  it('leaves the accounts as new', async () => {
    assert.equal(await client.getTransactionCount({ address: devAccount(0).address }), 0)
  })

  it('buries a payment under three blocks', async () => {
    const { blockNumber } = await payShop(client, 1n)
    await eventually('three blocks on top', async () => (await client.getBlockNumber()) >= blockNumber + 3n)
  })
})

describe('a sandbox that was there before', () => {
  beforeEach(freshPlace)
  afterEach(() => rm(dataDir, { recursive: true }))

  it('keeps balances, blocks and transactions', async () => {
    const first = await start()
    const receipt = await payShop(sandboxClient(first.rpcUrl), parseUnits('100', 6))
    await first.stop()
    assert.equal(await isDown(first.rpcUrl), true)

    const second = await start()
    const client = sandboxClient(second.rpcUrl)
    assert.equal(await balance(client, EURC.address, SHOP), 100_000_000n)
    assert.equal(await balance(client, EURC.address, devAccount(0).address), 999_900_000_000n)
    const found = await client.getTransactionReceipt({ hash: receipt.transactionHash })
    assert.equal(found.blockHash, receipt.blockHash)
    assert.deepEqual(found.logs[0]?.topics, receipt.logs[0]?.topics)
    assert.equal((await client.getBlock({ blockNumber: receipt.blockNumber })).hash, receipt.blockHash)
    await payShop(client, 1n)
    assert.equal(await balance(client, EURC.address, SHOP), 100_000_001n)
    await second.stop()
  })

  it('ends when its parent is killed, and loses nothing', async () => {
    for (let round = 1; round <= 3; round++) {
      const parent = spawn(process.execPath, [join(import.meta.dirname, 'sandbox-parent.ts'), dataDir, String(port)])
      const [url] = await once(parent.stdout.setEncoding('utf8'), 'data')
      const client = sandboxClient(String(url).trim())
      await payShop(client, 5n)
      assert.equal(await balance(client, EURC.address, SHOP), BigInt(round * 5))
      parent.kill('SIGKILL')
      await once(parent, 'exit')
    }
    await eventually('the chain is gone', () => isDown(`http://127.0.0.1:${port}`))
    const last = await start()
    assert.equal(await balance(sandboxClient(last.rpcUrl), EURC.address, SHOP), 15n)
    await last.stop()
    assert.deepEqual(lines, [])
  })

  it('puts a broken state aside and begins anew', async () => {
    const first = await start()
    await first.stop()
    const file = join(dataDir, 'sandbox-chain.json')
    const half = (await readFile(file, 'utf8')).slice(0, 10_000)
    await writeFile(file, half)

    const second = await start()
    assert.equal(await balance(sandboxClient(second.rpcUrl), EURC.address, devAccount(9).address), 1_000_000_000_000n)
    await second.stop()
    const [aside] = (await readdir(dataDir)).filter((name) => name.includes('.broken-'))
    assert.ok(aside)
    assert.equal(await readFile(join(dataDir, aside), 'utf8'), half)
    assert.match(lines.join('\n'), /state of the sandbox chain is broken.*put aside as .*\.broken-.*a new chain begins/)
  })
})

describe('a sandbox that cannot start', () => {
  beforeEach(freshPlace)
  afterEach(() => rm(dataDir, { recursive: true }))

  it('names the port that is taken', async () => {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    await assert.rejects(start(), (error) => error instanceof PortTaken && error.message.includes(`Port ${port} `))
    server.close()
  })

  it('passes on what anvil said', async () => {
    await writeFile(join(dataDir, 'sandbox-chain.json'), '{"not":"a state"}')
    await assert.rejects(
      start(),
      (error) => error instanceof AnvilUnusable && /did not start: .*\S/.test(error.message),
    )
  })
})

describe('a contract of the sandbox', () => {
  for (const [name, { compiler, abi, bytecode }] of [
    ['SandboxToken', tokenArtifact],
    ['SandboxAccount', accountArtifact],
  ] as const) {
    it(`is what its source compiles to: ${name}`, () => {
      assert.deepEqual({ compiler, abi, bytecode }, compileSandboxContract(name))
    })
  }
})

describe('the code that relayers put into transactions', () => {
  it('is what its source compiles to', () => {
    assert.deepEqual(relayArtifact, compileRelayContracts())
  })
})
