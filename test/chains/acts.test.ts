import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeEventTopics, pad, parseAbi } from 'viem'
import {
  entryPoint06Address,
  entryPoint07Address,
  entryPoint08Address,
  entryPoint09Address,
} from 'viem/account-abstraction'
import type { Log, MinedSighting } from '../../src/chains/chain.ts'
import { evmRules } from '../../src/chains/evm/rules.ts'
import type { Hex } from '../../src/domain/payment.ts'

const ACCOUNT: Hex = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const OTHER: Hex = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const WORD: Hex = pad('0x01')

const EVENTS = parseAbi([
  'event UserOperationEvent(bytes32 indexed userOpHash, address indexed sender, address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost, uint256 actualGasUsed)',
  'event ExecutionSuccess(bytes32 txHash, uint256 payment)',
  'event ExecutionFromModuleSuccess(address indexed module)',
])

const lower = (hex: Hex): Hex => `0x${hex.slice(2).toLowerCase()}`

function mined(logs: Log[], from: Hex = OTHER): MinedSighting {
  const transaction = { hash: WORD, from: lower(from), to: lower(ACCOUNT), wei: 0n, data: WORD, nonce: 0 }
  return { state: 'mined', transaction, block: { number: 1, hash: WORD }, succeeded: true, logs }
}

function log(emitter: Hex, topics: readonly (Hex | Hex[] | null)[]): Log {
  return { address: lower(emitter), topics: topics.flatMap((topic) => topic ?? []), data: WORD }
}

const operation = (sender: Hex) =>
  encodeEventTopics({
    abi: EVENTS,
    eventName: 'UserOperationEvent',
    args: { userOpHash: WORD, sender, paymaster: OTHER },
  })
const SAFE = encodeEventTopics({ abi: EVENTS, eventName: 'ExecutionSuccess' })
const MODULE = encodeEventTopics({ abi: EVENTS, eventName: 'ExecutionFromModuleSuccess', args: { module: OTHER } })

describe('an address acts as an account in a transaction', () => {
  const acting: [string, MinedSighting][] = [
    ['that it has sent', mined([], ACCOUNT)],
    ...[entryPoint06Address, entryPoint07Address, entryPoint08Address, entryPoint09Address].map(
      (entryPoint): [string, MinedSighting] => [
        `in which ${entryPoint} carries out an operation of it`,
        mined([log(entryPoint, operation(OTHER)), log(entryPoint, operation(ACCOUNT))]),
      ],
    ),
    ['in which it says that it carried out what its owners signed', mined([log(ACCOUNT, SAFE)])],
    ['in which it says that it did so for one of its modules', mined([log(ACCOUNT, MODULE)])],
  ]
  for (const [name, sighting] of acting) it(name, () => assert.ok(evmRules.actsItself(sighting, ACCOUNT)))

  const passive: [string, MinedSighting][] = [
    ['that only calls it', mined([])],
    ['with an operation of another', mined([log(entryPoint08Address, operation(OTHER))])],
    ['in which somebody else says that it has acted', mined([log(OTHER, operation(ACCOUNT)), log(OTHER, SAFE)])],
  ]
  for (const [name, sighting] of passive)
    it(`not in one ${name}`, () => assert.ok(!evmRules.actsItself(sighting, ACCOUNT)))
})

describe('who says that it carried out an operation of an address', () => {
  it('is each once, whoever it is, and nobody who speaks of another', () => {
    const saying = [log(OTHER, operation(ACCOUNT)), log(OTHER, operation(ACCOUNT)), log(ACCOUNT, operation(OTHER))]
    assert.deepEqual(evmRules.operatorsOf(mined(saying), ACCOUNT), [lower(OTHER)])
    assert.deepEqual(evmRules.operatorsOf(mined([log(OTHER, SAFE)]), ACCOUNT), [])
  })
})
