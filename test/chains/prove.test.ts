import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeEventTopics, encodeFunctionData, erc20Abi, numberToHex } from 'viem'
import type { Log, MinedSighting, ProofQuestion } from '../../src/chains/chain.ts'
import { evmRules } from '../../src/chains/evm/rules.ts'
import type { Expectation, Hex } from '../../src/domain/payment.ts'

const TOKEN: Hex = '0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174'
const PAYER: Hex = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const SHOP: Hex = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const STRANGER: Hex = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'

const token: Expectation = { kind: 'token', token: TOKEN, recipient: SHOP, units: 100n }
const native: Expectation = { kind: 'native', recipient: SHOP, wei: 7n }
const call: Expectation = { kind: 'call', to: SHOP, wei: 7n, data: '0xabCD' }

function lower(hex: Hex): Hex {
  return `0x${hex.slice(2).toLowerCase()}`
}

function transferLog({ token = TOKEN, from = PAYER, to = SHOP, units = 100n } = {}): Log {
  const topics = encodeEventTopics({ abi: erc20Abi, eventName: 'Transfer', args: { from, to } })
  return {
    address: lower(token),
    topics: topics.flatMap((topic) => topic ?? []).flat(),
    data: numberToHex(units, { size: 32 }),
  }
}

function transferCall(to: Hex, units: bigint): Hex {
  return encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [to, units] })
}

type Facts = MinedSighting['transaction']

function mined(changes: Partial<MinedSighting> = {}, transaction: Partial<Facts> = {}): MinedSighting {
  return {
    state: 'mined',
    transaction: {
      hash: '0x01',
      from: lower(PAYER),
      to: lower(SHOP),
      wei: 7n,
      data: '0xabcd',
      nonce: 0,
      ...transaction,
    },
    block: { number: 11, hash: '0x02' },
    succeeded: true,
    logs: [],
    ...changes,
  }
}

function prove(expectation: Expectation, sighting: MinedSighting, changes: Partial<ProofQuestion> = {}) {
  return evmRules.prove({ expectation, sighting, payers: [PAYER], afterBlockNumber: 10, ...changes })
}

function assertUnproven(proof: ReturnType<typeof prove>, reason: RegExp): void {
  assert.equal(proof.proven, false)
  assert.match(proof.proven ? '' : proof.reason, reason)
}

describe('every kind of payment', () => {
  for (const [kind, expectation] of Object.entries({ token, native, call })) {
    const good = mined({ logs: [transferLog()] })

    it(`${kind}: counts in a later block`, () => assert.equal(prove(expectation, good).proven, true))

    it(`${kind}: does not count when the transaction reverted`, () =>
      assertUnproven(prove(expectation, { ...good, succeeded: false }), /^the transaction reverted$/))

    it(`${kind}: does not count in a block that was known before`, () =>
      assertUnproven(prove(expectation, good, { afterBlockNumber: 11 }), /in block 11, only blocks after 11 count/))
  }
})

describe('a token payment', () => {
  const withLogs = (...logs: Log[]) => mined({ logs })

  it('is the log, wherever it stands and whoever sent the transaction', () => {
    const sighting = mined({ logs: [transferLog({ units: 5n }), transferLog()] }, { from: lower(STRANGER), to: TOKEN })
    assert.deepEqual(prove(token, sighting), { proven: true, parts: ['log:1'], payer: PAYER })
  })

  it('may come from any of the payers', () => {
    const sighting = withLogs(transferLog({ from: STRANGER }))
    assert.equal(prove(token, sighting, { payers: [PAYER, STRANGER] }).proven, true)
  })

  const { topics, data, address } = transferLog()
  const faults: [string, Log[], RegExp][] = [
    ['no log at all', [], /has no Transfer of the token 0x2791/],
    ['another token', [transferLog({ token: STRANGER })], /no Transfer of the token 0x2791.*, but one of 0x3c44/],
    ['another recipient', [transferLog({ to: STRANGER })], /went to 0x3C44\w+ instead of 0x7099/],
    ['one unit less', [transferLog({ units: 99n })], /^the Transfer is of 99 units, asked were 100$/],
    ['one unit more', [transferLog({ units: 101n })], /is of 101 units, asked were 100/],
    ['another sender', [transferLog({ from: STRANGER })], /is from 0x3C44\w+, which is not an address of the payer/],
    ['an ERC-721 log', [{ address, topics: [...topics, data], data: '0x' }], /has no Transfer of the token/],
    ['a topic more', [{ address, topics: [...topics, data], data }], /has no Transfer of the token/],
    ['longer data', [{ address, topics, data: `${data}00` }], /has no Transfer of the token/],
    ['shorter data', [{ address, topics, data: '0x64' }], /has no Transfer of the token/],
    ['a topic less', [{ address, topics: topics.slice(0, 2), data }], /has no Transfer of the token/],
    ['another event', [{ address, topics: [data, ...topics.slice(1)], data }], /has no Transfer of the token/],
    ['an anonymous event', [{ address, topics: [], data }], /has no Transfer of the token/],
  ]
  for (const [name, logs, reason] of faults) {
    it(`is not: ${name}`, () => assertUnproven(prove(token, withLogs(...logs)), reason))
  }

  it('is not put together from several transfers', () => {
    const halves = [transferLog({ units: 50n }), transferLog({ units: 50n })]
    assertUnproven(prove(token, withLogs(...halves)), /is of 50 units/)
  })

  it('names the transfer that comes closest', () => {
    const logs = [transferLog({ to: STRANGER, units: 1n, from: STRANGER }), transferLog({ units: 99n })]
    assertUnproven(prove(token, withLogs(...logs)), /^the Transfer is of 99 units, asked were 100$/)
  })

  it('takes the first transfer that no other payment has', () => {
    const sighting = withLogs(transferLog(), transferLog())
    assert.deepEqual(prove(token, sighting, { taken: new Set(['log:0']) }), {
      proven: true,
      parts: ['log:1'],
      payer: PAYER,
    })
    assertUnproven(
      prove(token, sighting, { taken: new Set(['log:0', 'log:1']) }),
      /counted for another payment already/,
    )
  })

  it('takes another of several equal transfers by another draw, and goes on with the one that it has', () => {
    const sighting = withLogs(transferLog({ units: 99n }), transferLog(), transferLog(), transferLog())
    const partsBy = (changes: Partial<ProofQuestion>) => prove(token, sighting, changes)
    const taken = new Set(['log:2'])
    assert.deepEqual(partsBy({ taken, draw: 4 }), { proven: true, parts: ['log:1'], payer: PAYER })
    assert.deepEqual(partsBy({ taken, draw: 5 }), { proven: true, parts: ['log:3'], payer: PAYER })
    assert.deepEqual(partsBy({ taken, draw: 4, own: new Set(['log:3']) }), {
      proven: true,
      parts: ['log:3'],
      payer: PAYER,
    })
  })
})

describe('a payment in the native coin', () => {
  it('is the value of the transaction, whatever its data', () => {
    assert.deepEqual(prove(native, mined()), { proven: true, parts: ['value'], payer: PAYER })
  })

  const faults: [string, Partial<Facts>, RegExp][] = [
    ['another sender', { from: STRANGER }, /from 0x3C44\w+, which is not an address of the payer/],
    ['another recipient', { to: STRANGER }, /goes to 0x3C44\w+ instead of 0x7099/],
    ['a new contract', { to: null }, /creates a contract instead of going to 0x7099/],
    ['less wei', { wei: 6n }, /carries 6 wei, asked were 7/],
    ['more wei', { wei: 8n }, /carries 8 wei, asked were 7/],
  ]
  for (const [name, transaction, reason] of faults) {
    it(`is not: ${name}`, () => assertUnproven(prove(native, mined({}, transaction)), reason))
  }

  it('counts once', () => {
    assertUnproven(prove(native, mined(), { taken: new Set(['value']) }), /counted for another payment already/)
  })
})

describe('a call', () => {
  it('takes every part of its transaction', () => {
    const proof = prove(call, mined({ logs: [transferLog(), transferLog()] }))
    assert.deepEqual(proof, { proven: true, parts: ['call', 'value', 'internal', 'log:0', 'log:1'], payer: PAYER })
  })

  const faults: [string, Partial<Facts>, RegExp][] = [
    ['another sender', { from: STRANGER }, /not an address of the payer/],
    ['another contract', { to: STRANGER }, /goes to 0x3C44\w+ instead of 0x7099/],
    ['other wei', { wei: 0n }, /carries 0 wei, asked were 7/],
    ['other data', { data: '0xabce' }, /data of the transaction is not the data that was asked/],
    [
      'longer data',
      { data: '0xabcd00' },
      /goes on behind the data that was asked, and this call must be sent to the byte/,
    ],
  ]
  for (const [name, transaction, reason] of faults) {
    it(`is not: ${name}`, () => assertUnproven(prove(call, mined({}, transaction)), reason))
  }

  for (const part of ['call', 'value', 'log:0']) {
    it(`does not count where ${part} counts for another payment`, () => {
      const sighting = mined({ logs: [transferLog()] })
      assertUnproven(prove(call, sighting, { taken: new Set([part]) }), /counted for another payment already/)
    })
  }
})

describe('a transaction in the pool', () => {
  const pooled = (changes: Partial<Facts>) => ({ ...mined().transaction, ...changes })
  const onToken = (data: Hex) => pooled({ to: lower(TOKEN), data, wei: 0n })
  const transferFromCall = (from: Hex) =>
    encodeFunctionData({ abi: erc20Abi, functionName: 'transferFrom', args: [from, SHOP, 100n] })
  const approval = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [SHOP, 100n] })

  const table: [string, Expectation, Facts, RegExp | null][] = [
    ['the transfer', token, onToken(transferCall(SHOP, 100n)), null],
    ['the transfer with a suffix', token, onToken(`${transferCall(SHOP, 100n)}beef`), null],
    ['a call of a smart account', token, pooled({ to: STRANGER, from: STRANGER, data: '0x12345678' }), null],
    ['a transfer of another token', token, pooled({ data: transferCall(SHOP, 100n) }), /instead of 0x2791/],
    ['coins only', token, pooled({ to: SHOP, data: '0x' }), /only sends coins/],
    ['a new contract', token, pooled({ to: null }), /creates a contract/],
    ['a transfer elsewhere', token, onToken(transferCall(STRANGER, 100n)), /goes to 0x3C44\w+ instead of 0x7099/],
    ['another amount', token, onToken(transferCall(SHOP, 99n)), /is of 99 units, asked were 100/],
    ['an approval', token, onToken(approval), /calls the token 0x2791\w+, but not its transfer/],
    ['a way of its own', token, { ...onToken('0xe3ee160e00'), from: STRANGER }, null],
    ['a transfer for the payer', token, { ...onToken(transferFromCall(PAYER)), from: STRANGER }, null],
    ['a transfer for another', token, onToken(transferFromCall(STRANGER)), /not an address of the payer/],
    ['unreadable data', token, onToken('0x12'), /calls the token 0x2791\w+, but not its transfer/],
    ["somebody else's", token, { ...onToken(transferCall(SHOP, 100n)), from: STRANGER }, /not an address of the payer/],
    ['the coins', native, pooled({}), null],
    ['less coins', native, pooled({ wei: 6n }), /carries 6 wei/],
    ['the call', call, pooled({}), null],
    ['another call', call, pooled({ data: '0x' }), /is not the data that was asked/],
  ]
  for (const [name, expectation, transaction, reason] of table) {
    it(`${reason === null ? 'may be' : 'cannot be'} a ${expectation.kind} payment: ${name}`, () => {
      const verdict = evmRules.plausible(transaction, { expectation, payers: [PAYER] })
      assert.equal(verdict.plausible, reason === null)
      if (!verdict.plausible && reason !== null) assert.match(verdict.reason, reason)
    })
  }
})

describe('an unsigned transaction', () => {
  it('of a token calls its transfer', () => {
    const data = transferCall(SHOP, 100n)
    assert.deepEqual(evmRules.buildInput(token), { from: '{payer}', to: TOKEN, value: '0', data })
  })

  it('of the native coin carries it', () => {
    assert.deepEqual(evmRules.buildInput(native), { from: '{payer}', to: SHOP, value: '7', data: '0x' })
  })

  it('of a call is the call', () => {
    assert.deepEqual(evmRules.buildInput(call), { from: '{payer}', to: SHOP, value: '7', data: '0xabCD' })
  })
})

describe('an address', () => {
  it('is checksummed', () => assert.equal(evmRules.readAddress(lower(TOKEN)), TOKEN))

  for (const text of ['', '0x', 'vitalik.eth', `${TOKEN}00`, TOKEN.slice(2), TOKEN.replace('Bca1', 'bca1')]) {
    it(`is not: "${text}"`, () => assert.equal(evmRules.readAddress(text), null))
  }
})
