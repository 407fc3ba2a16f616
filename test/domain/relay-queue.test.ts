import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRelay, endRelay, newRelayQueue, nextNonce, outbidRelay, spentWei } from '../../src/domain/relay-queue.ts'

const HOUR_MS = 60 * 60 * 1000
const T0 = 500_000 * HOUR_MS
const CARRIED = { voucherId: 'vch_1', validBeforeMs: T0 + HOUR_MS }

const signed = (nonce: number, maxCostWei = 100n) =>
  ({ nonce, hash: `0x${nonce}`, signedTransaction: '0x', maxCostWei }) as const

test('a nonce comes after all that are under way, and after what the key was used for elsewhere', () => {
  const queue = addRelay(newRelayQueue('1:0x'), signed(7), CARRIED, T0)
  assert.deepEqual([nextNonce(newRelayQueue('1:0x'), 3), nextNonce(queue, 3), nextNonce(queue, 9)], [3, 8, 9])
})

test('what is under way counts with the most that it can cost, and then with what it has cost', () => {
  const one = addRelay(newRelayQueue('1:0x'), signed(7), CARRIED, T0)
  const outbid = outbidRelay(one, signed(7, 150n), { isCancelled: false, nowMs: T0 })
  const cancelled = outbidRelay(outbid, signed(7, 20n), { isCancelled: true, nowMs: T0 })
  const spent = [one, outbid, cancelled, endRelay(cancelled, 7, 42n, T0)].map((queue) => spentWei(queue, T0))
  assert.deepEqual(spent, [100n, 150n, 150n, 42n])
})

test('what was spent counts for a day, and is forgotten then', () => {
  const first = endRelay(newRelayQueue('1:0x'), 0, 40n, T0)
  const both = endRelay(endRelay(first, 1, 2n, T0 + HOUR_MS - 1), 2, 8n, T0 + 2 * HOUR_MS)
  assert.equal(spentWei(both, T0 + 24 * HOUR_MS), 50n)
  assert.equal(spentWei(both, T0 + 25 * HOUR_MS), 8n)
  assert.deepEqual(endRelay(both, 3, 0n, T0 + 30 * HOUR_MS).spent.length, 1)
})
