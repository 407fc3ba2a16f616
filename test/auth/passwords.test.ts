import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPasswords, HASHES_AT_ONCE, HASHES_WAITING } from '../../src/auth/passwords.ts'
import { createQueue } from '../../src/auth/queue.ts'
import { Refusal } from '../../src/domain/refusal.ts'

describe('passwords', () => {
  const passwords = createPasswords()

  it('are hashed by argon2id at the cost that the design names, each with a salt of its own', async () => {
    const [one, other] = await Promise.all([passwords.hash('six pence'), passwords.hash('six pence')])
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    assert.notEqual(one, other)
  })

  it('match themselves and nothing else', async () => {
    const hash = await passwords.hash('six pence')
    assert.equal(await passwords.verify(hash, 'six pence'), true)
    assert.equal(await passwords.verify(hash, 'Six pence'), false)
    assert.equal(await passwords.verify(hash, ''), false)
  })

  it('match however a keyboard composes them', async () => {
    const hash = await passwords.hash('caf\u00e9-1')
    assert.equal(await passwords.verify(hash, 'cafe\u0301-1'), true)
    assert.equal(await passwords.verify(hash, 'caf\u00e9-\uff11'), true)
    assert.equal(await passwords.verify(hash, 'cafe-1'), false)
  })

  it('never match an account that does not exist', async () => {
    assert.equal(await passwords.verify(null, 'six pence'), false)
    assert.equal(await passwords.verify(null, ''), false)
  })

  it('are turned away, at once, when too many wait; an unknown account waits in the same line', async () => {
    const places = HASHES_AT_ONCE + HASHES_WAITING
    const inLine = Array.from({ length: places }, () => passwords.verify(null, 'six pence'))
    const isOverloaded = (error: unknown) =>
      error instanceof Refusal && error.code === 'overloaded' && (error.retryAfterSeconds ?? 0) >= 1
    await assert.rejects(passwords.hash('one too many'), isOverloaded)
    await assert.rejects(passwords.verify(null, 'one too many'), isOverloaded)
    assert.deepEqual(await Promise.all(inLine), new Array(places).fill(false))
    assert.equal(await passwords.verify(await passwords.hash('again'), 'again'), true)
  })
})

describe('the queue', () => {
  /** A task that tells when it runs and ends when it is told to. */
  function newTask(name: string, started: string[]) {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const task = () => {
      started.push(name)
      return promise
    }
    return { task, end: () => resolve(name), fail: () => reject(new Error(name)) }
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))

  it('runs four at once, the fifth when one of them ends, in the order of arrival', async () => {
    const queue = createQueue({ atOnce: 4, waiting: 9 })
    const started: string[] = []
    const tasks = ['1', '2', '3', '4', '5', '6'].map((name) => newTask(name, started))
    const results = tasks.map(({ task }) => queue.run(task))
    await settled()
    assert.deepEqual(started, ['1', '2', '3', '4'])
    tasks[2]?.end()
    await settled()
    assert.deepEqual(started, ['1', '2', '3', '4', '5'])
    for (const { end } of tasks) end()
    assert.deepEqual(await Promise.all(results), ['1', '2', '3', '4', '5', '6'])
  })

  it('gives the place on when a task fails, and to nobody else', async () => {
    const queue = createQueue({ atOnce: 1, waiting: 2 })
    const started: string[] = []
    const tasks = ['1', '2', '3'].map((name) => newTask(name, started))
    const results = Promise.allSettled(tasks.map(({ task }) => queue.run(task)))
    tasks[0]?.fail()
    await settled()
    assert.deepEqual(started, ['1', '2'])
    const newcomer = newTask('newcomer', started)
    const newcomerResult = queue.run(newcomer.task)
    await settled()
    assert.deepEqual(started, ['1', '2'])
    newcomer.end()
    for (const { end } of tasks) end()
    assert.deepEqual(
      (await results).map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    )
    assert.equal(await newcomerResult, 'newcomer')
  })
})
