import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFairQueue } from '../../src/auth/queue.ts'

test('in a fair queue a long line of one caller holds up nobody else', async () => {
  const queue = createFairQueue({ atOnce: 1, waiting: 10, waitingEach: 3 })
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const order: string[] = []
  const run = (key: string) =>
    queue.run(key, () => {
      order.push(key)
      return gate
    })
  const running = ['greedy', 'greedy', 'greedy', 'greedy'].map(run)
  await assert.rejects(run('greedy'), { code: 'overloaded' })
  running.push(run('shop'), run('shop'))
  open()
  await Promise.all(running)
  assert.deepEqual(order, ['greedy', 'greedy', 'shop', 'greedy', 'shop', 'greedy'])
})
