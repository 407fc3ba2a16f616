import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { erc20Abi, keccak256 } from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import type { SessionResolvedView, SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { startAnvil, type TestChain } from '../support/anvil.ts'
import { type Program, startProgram, urlOf } from '../support/program.ts'
import {
  asking,
  eventually,
  newParties,
  openSession,
  receiptsOf,
  redeem,
  redeemInSession,
  type TestCaller,
  token,
  withToken,
} from '../support/server.ts'
import { signed, transferData } from './shop.ts'
import { RELAYER_ACCOUNT, RELAYER_KEY, signAlternative } from './signing.ts'

const NETWORK = 'local'
const UNITS = 1_000n

let chain: TestChain
let node: FaultyNode
let tokenAddress: Hex
/** A token that moves by signature. */
let signedAddress: Hex
let dataDir: string
let program: Program

before(async () => {
  chain = await startAnvil({ automine: false })
  tokenAddress = (await chain.deploy('PlainToken', [10n ** 12n])).address
  signedAddress = (await chain.deploy('AuthorizedToken', [payer().address, UNITS])).address
  node = await startFaultyNode(chain.rpcUrl)
  dataDir = await mkdtemp(join(tmpdir(), 'sixpence-settlement-'))
  await writeFile(join(dataDir, 'networks.json'), JSON.stringify({ networks: [served()] }))
  await writeFile(join(dataDir, 'relayer.key'), `${RELAYER_KEY}\n`, { mode: 0o600 })
  program = start()
})
after(async () => {
  await program.end('SIGKILL')
  await rm(dataDir, { recursive: true, force: true })
  await node.stop()
  await chain.stop()
})

function served() {
  return {
    ...{ name: NETWORK, chainId: chain.chainId, rpcUrls: [node.url], confirmations: 2 },
    nativeCurrency: { symbol: 'COIN', decimals: 18 },
    currencies: [
      { symbol: 'EURC', address: tokenAddress.toLowerCase(), decimals: 6 },
      { symbol: 'AUT', address: signedAddress.toLowerCase(), decimals: 6 },
    ],
    ...{ pollInterval: '100ms', maxHeadAge: 'none' },
  }
}

function start(): Program {
  const config = join(dataDir, 'networks.json')
  const relayer = ['--relayer-key-file', join(dataDir, 'relayer.key'), '--relayer-daily-cap', `${NETWORK}=1`]
  const flags = ['--rate-limits', 'off', '--resolve-wait', '30s', ...relayer]
  return startProgram(['serve', '--data', dataDir, '--config', config, '--port', '0', ...flags])
}

/** The first account pays: it has all the tokens. */
function payer() {
  const account = chain.accounts[0]
  assert.ok(account)
  return account
}

async function untilKnown(hash: Hex): Promise<void> {
  await eventually(() =>
    chain.client.getTransaction({ hash }).then(
      () => true,
      () => false,
    ),
  )
}

/**
 * Hands in a receipt, kills the server at `moment`, and starts it on the same data: the payment must resolve by itself,
 * and the first call's key must give the answer that nobody got.
 */
async function assertSurvives(proof: Record<string, string>, hash: Hex, to: Hex, moment: () => Promise<unknown>) {
  const url = await urlOf(program)
  const parties = await newParties(url, { payers: [payer().address] })
  const voucher = await redeem(parties, asking('0.001', token(NETWORK, 'EURC', tokenAddress, 6), to))
  const path = `/vouchers/${voucher.id}`
  const key = { 'idempotency-key': randomUUID() }
  const unanswered = parties.payer.post(`${path}/resolve-voucher`, receiptsOf(voucher, proof), key)
  const broken = assert.rejects(unanswered, 'the call was answered before the kill')
  await moment()
  await program.end('SIGKILL')
  await broken

  node.fault = () => undefined
  program = start()
  const payerAgain = withToken(await urlOf(program), parties.payerToken)
  const held = await payerAgain.get<VoucherView>(path)
  assert.deepEqual([held.body.status, held.body.settlement?.status], ['REDEEMED', 'PENDING'])
  await untilKnown(hash)
  await chain.client.mine({ blocks: 1 })
  await eventually(async () => (await payerAgain.get<VoucherView>(path)).body.status === 'RESOLVED')

  const stored = await payerAgain.post<VoucherView>(`${path}/resolve-voucher`, receiptsOf(voucher, proof), key)
  assert.deepEqual([stored.status, stored.body.status], [200, 'RESOLVED'], JSON.stringify(stored.body))
  assert.equal(stored.headers.get('idempotency-replayed'), 'true')
  await chain.client.mine({ blocks: 2 })
  await eventually(async () => (await payerAgain.get<VoucherView>(path)).body.settlement?.status === 'CONFIRMED')
  assert.equal(await chain.tokenBalance(tokenAddress, to), UNITS)
}

it('a server that is killed while a call waits for the block resolves the voucher when it is back', async () => {
  const to: Hex = '0x00000000000000000000000000000000000c4a50'
  const hash = await chain.client.writeContract({
    ...{ account: payer(), abi: erc20Abi, address: tokenAddress },
    ...{ functionName: 'transfer', args: [to, UNITS] },
  })
  // It looks twice before it commits and then again and again: after more looks than that it waits.
  await assertSurvives({ transactionHash: hash }, hash, to, async () => {
    const asked = () => node.asked.get('eth_getTransactionReceipt') ?? 0
    const before = asked()
    await eventually(async () => asked() > before + 3)
  })
})

it('a server that is killed between the commit and the broadcast broadcasts when it is back', async () => {
  const to: Hex = '0x00000000000000000000000000000000000c4a51'
  const raw = await signed(chain, 0, { to: tokenAddress, data: transferData(to, UNITS) })
  const broadcasting = new Promise<void>((reached) => {
    node.fault = ({ method }) => {
      if (method !== 'eth_sendRawTransaction') return undefined
      reached()
      return 'silence'
    }
  })
  await assertSurvives({ signedTransaction: raw }, keccak256(raw), to, () => broadcasting)
})

it('a server that is killed while it resolves a session lets the same call end what it began', async () => {
  const to: Hex = '0x00000000000000000000000000000000000c4a52'
  const parties = await newParties(await urlOf(program), { payers: [payer().address] })
  const { id } = await openSession(parties)
  const terms = asking('0.001', token(NETWORK, 'EURC', tokenAddress, 6), to)
  const vouchers = [await redeemInSession(parties, id, terms), await redeemInSession(parties, id, terms)]
  const receipts: unknown[] = []
  for (const [index, voucher] of vouchers.entries()) {
    const raw = await signed(chain, 0, { to: tokenAddress, data: transferData(to, UNITS) })
    const transactionHash = await chain.client.sendRawTransaction({ serializedTransaction: raw })
    if (index === 0) await chain.client.mine({ blocks: 1 })
    receipts.push(...receiptsOf(voucher, { transactionHash }).receipts)
  }
  const key = { 'idempotency-key': randomUUID() }
  const handIn = (caller: TestCaller) =>
    caller.post<SessionResolvedView>(`/vouchers/sessions/${id}/session-resolve`, { receipts }, key)
  const standing = async (caller: TestCaller) => {
    const { body } = await caller.get<SessionView>(`/vouchers/sessions/${id}`)
    return body.vouchers?.map(({ status, settlement }) => `${status} ${settlement?.status}`).join(', ')
  }
  const broken = assert.rejects(handIn(parties.payer), 'the call was answered before the kill')
  await eventually(async () => (await standing(parties.payer)) === 'RESOLVED PENDING, REDEEMED PENDING')
  await program.end('SIGKILL')
  await broken

  program = start()
  const payerAgain = withToken(await urlOf(program), parties.payerToken)
  await chain.client.mine({ blocks: 1 })
  const { status, body, headers } = await handIn(payerAgain)
  assert.deepEqual([status, body.results.map(({ voucher }) => voucher?.status)], [200, ['RESOLVED', 'RESOLVED']])
  assert.equal(headers.get('idempotency-replayed'), null, 'the first call had no answer')
  const again = await handIn(payerAgain)
  assert.deepEqual([again.headers.get('idempotency-replayed'), again.body], ['true', body])
})

it('a server that is killed between the commit and the broadcast of a relay broadcasts it once when it is back', async () => {
  const to: Hex = '0x00000000000000000000000000000000000c4a53'
  const url = await urlOf(program)
  const parties = await newParties(url, { payers: [payer().address] })
  const { id } = await redeem(parties, asking('0.001', token(NETWORK, 'AUT', signedAddress, 6), to))
  const { body: voucher } = await parties.payer.get<VoucherView>(`/vouchers/${id}`)
  const broadcasting = new Promise<void>((reached) => {
    node.fault = ({ method }) => {
      if (method !== 'eth_sendRawTransaction') return undefined
      reached()
      return 'silence'
    }
  })
  const signature = await signAlternative(voucher, payer())
  const broken = assert.rejects(
    parties.payer.post(`/vouchers/${id}/resolve-voucher`, receiptsOf(voucher, { signature })),
  )
  await broadcasting
  await program.end('SIGKILL')
  await broken

  node.fault = () => undefined
  program = start()
  const payerAgain = withToken(await urlOf(program), parties.payerToken)
  const held = await payerAgain.get<VoucherView>(`/vouchers/${id}`)
  const hash = held.body.settlement?.transactions[0]?.transactionHash
  assert.ok(hash)
  await untilKnown(hash as Hex)
  await chain.client.mine({ blocks: 1 })
  await eventually(async () => (await payerAgain.get<VoucherView>(`/vouchers/${id}`)).body.status === 'RESOLVED')
  assert.equal(await chain.tokenBalance(signedAddress, to), UNITS)
  assert.equal(await chain.client.getTransactionCount({ address: RELAYER_ACCOUNT.address }), 1)
})

it('a server that is killed before money is seen, and while the rest of it is awaited, comes to the same end', async () => {
  const to: Hex = '0x00000000000000000000000000000000000c4a54'
  const send = async (units: bigint) => {
    const raw = await signed(chain, 0, { to: tokenAddress, data: transferData(to, units) })
    return chain.client.sendRawTransaction({ serializedTransaction: raw })
  }
  const parties = await newParties(await urlOf(program), { payers: [payer().address] })
  const voucher = await redeem(parties, asking('0.001', token(NETWORK, 'EURC', tokenAddress, 6), to))
  const path = `/vouchers/${voucher.id}`
  let caller = parties.payer
  const handIn = (transactionHash: Hex) =>
    caller.post<VoucherView>(`${path}/resolve-voucher`, receiptsOf(voucher, { transactionHash }))
  const look = async () => (await caller.get<VoucherView>(path)).body
  const killAndStart = async () => {
    await program.end('SIGKILL')
    node.fault = () => undefined
    program = start()
    caller = withToken(await urlOf(program), parties.payerToken)
  }

  const part = await send(400n)
  await chain.client.mine({ blocks: 1 })
  const asked = new Promise<void>((reached) => {
    node.fault = ({ method }) => {
      if (method !== 'eth_getTransactionReceipt') return undefined
      reached()
      return 'silence'
    }
  })
  const unseen = assert.rejects(handIn(part), 'the call was answered before the kill')
  await asked
  await killAndStart()
  await unseen
  assert.equal((await look()).observedPayments, undefined)
  assert.equal((await handIn(part)).body.code, 'receipt_rejected')

  const [rest, tooMuch] = [await send(600n), await send(600n)]
  const waiting = assert.rejects(handIn(rest), 'the call was answered before the kill')
  await eventually(async () => (await look()).settlement?.status === 'PENDING')
  assert.equal((await handIn(tooMuch)).body.code, 'receipt_rejected')
  await killAndStart()
  await waiting
  const held = await look()
  assert.deepEqual([held.settlement?.status, held.mayStillBeMined], ['PENDING', [tooMuch]])
  assert.deepEqual(observedHashes(held), [part])
  await untilKnown(tooMuch)
  await chain.client.mine({ blocks: 1 })
  const paidBy = ({ settlement }: VoucherView) => settlement?.transactions.map((one) => one.transactionHash) ?? []
  const paid = await eventually(async () => {
    const now = await look()
    const isTold = new Set([...paidBy(now), ...observedHashes(now)]).size === 3
    return isTold && now.status === 'RESOLVED' && now.mayStillBeMined === undefined && now
  })
  // Both are in one block: whichever is looked at first completes the part, and the other is too much.
  const other = paidBy(paid).includes(rest) ? tooMuch : rest
  assert.deepEqual(new Set(paidBy(paid)), new Set([part, other === rest ? tooMuch : rest]))
  assert.ok(observedHashes(paid).includes(other))
})

function observedHashes({ observedPayments = [] }: VoucherView) {
  return observedPayments.map(({ transactionHash }) => transactionHash)
}
