import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatHex, fromRlp, keccak256, serializeTransaction, type TransactionSerializable, toRlp } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { evmRules } from '../../src/chains/evm/rules.ts'
import type { Hex } from '../../src/domain/payment.ts'

const PAYER = privateKeyToAccount(generatePrivateKey())
const TO: Hex = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'

const common = { to: TO, value: 5n, data: '0x0012', nonce: 3, gas: 50_000n } as const
const fees = { maxFeePerGas: 7n, maxPriorityFeePerGas: 1n } as const
const accessList = [{ address: TO, storageKeys: [keccak256('0x01')] }]

const authorization = await PAYER.signAuthorization({ address: TO, chainId: 31337, nonce: 4 })

const KINDS: Record<string, { transaction: TransactionSerializable; chainId: number | null }> = {
  'legacy without a chain': { transaction: { ...common, type: 'legacy', gasPrice: 9n }, chainId: null },
  legacy: { transaction: { ...common, type: 'legacy', gasPrice: 9n, chainId: 31337 }, chainId: 31337 },
  'EIP-2930': { transaction: { ...common, type: 'eip2930', gasPrice: 9n, chainId: 137, accessList }, chainId: 137 },
  'EIP-1559': { transaction: { ...common, ...fees, type: 'eip1559', chainId: 31337 }, chainId: 31337 },
  'EIP-7702': {
    transaction: { ...common, ...fees, type: 'eip7702', chainId: 31337, authorizationList: [authorization] },
    chainId: 31337,
  },
}

function flipCase(hex: Hex): Hex {
  return `0x${hex.slice(2).toUpperCase()}`
}

describe('a signed transaction', () => {
  for (const [kind, { transaction, chainId }] of Object.entries(KINDS)) {
    it(`is read: ${kind}`, async () => {
      const raw = await PAYER.signTransaction(transaction)
      const facts = {
        hash: keccak256(raw),
        from: PAYER.address.toLowerCase(),
        to: TO.toLowerCase(),
        wei: 5n,
        data: '0x0012',
        nonce: 3,
        chainId,
      }
      assert.deepEqual(await evmRules.readSigned(raw), facts)
      assert.deepEqual(await evmRules.readSigned(flipCase(raw)), facts)
    })
  }

  it('may leave out all that is nothing', async () => {
    const raw = await PAYER.signTransaction({ type: 'eip1559', chainId: 31337, ...fees, gas: 1n })
    const facts = await evmRules.readSigned(raw)
    assert.deepEqual(
      { to: facts?.to, wei: facts?.wei, data: facts?.data, nonce: facts?.nonce },
      { to: null, wei: 0n, data: '0x', nonce: 0 },
    )
  })

  it('names another sender once a byte is changed', async () => {
    const raw = await PAYER.signTransaction({ ...common, ...fees, type: 'eip1559', chainId: 31337 })
    const changed: Hex = `0x${raw.slice(2).replace('0012', '0013')}`
    assert.notEqual((await evmRules.readSigned(changed))?.from, PAYER.address.toLowerCase())
  })
})

describe('no signed transaction', () => {
  const unsigned: Hex = '0x02e6827a69030107825208947099' // cut off in the middle
  for (const garbage of [
    '0x',
    '0x0',
    '0xzz',
    '0xc0',
    '0x02',
    '0x02c0',
    '0x04c0',
    '0x7bc0',
    '0xf8',
    unsigned,
  ] as Hex[]) {
    it(`is ${garbage}`, async () => assert.equal(await evmRules.readSigned(garbage), null))
  }

  it('is one with bytes after its end', async () => {
    const raw = await PAYER.signTransaction({ ...common, ...fees, type: 'eip1559', chainId: 31337 })
    assert.equal(await evmRules.readSigned(`${raw}00`), null)
  })

  it('is one that writes its nonce with a leading zero', async () => {
    const raw = await PAYER.signTransaction({ ...common, ...fees, type: 'eip1559', chainId: 31337 })
    const fields = fromRlp(`0x${raw.slice(4)}`, 'hex')
    assert.ok(typeof fields !== 'string')
    assert.equal(fields[1], '0x03')
    assert.equal(await evmRules.readSigned(concatHex(['0x02', toRlp(fields.with(1, '0x0003'))])), null)
  })

  it('is one without its signature', async () => {
    const raw = serializeTransaction({ ...common, ...fees, type: 'eip1559', chainId: 31337 })
    assert.equal(await evmRules.readSigned(raw), null)
  })

  it('is a blob transaction', async () => {
    const raw = await PAYER.signTransaction({
      ...common,
      ...fees,
      type: 'eip4844',
      chainId: 31337,
      maxFeePerBlobGas: 1n,
      blobVersionedHashes: [`0x01${'11'.repeat(31)}`],
    })
    assert.equal(await evmRules.readSigned(raw), null)
  })
})
