import assert from 'node:assert/strict'
import { afterEach, describe, it, mock } from 'node:test'
import { addressKey, networkKey } from '../../src/auth/addresses.ts'
import { createGuessLimits, GUESSES, type GuessLimits } from '../../src/auth/guesses.ts'
import { makeMemoryLimiter } from '../../src/auth/limiter.ts'
import { Refusal } from '../../src/domain/refusal.ts'

/** What a caller learns: the answer to the guess, or that there is none. */
async function learns(answer: Promise<void>): Promise<'an answer' | 'nothing'> {
  try {
    await answer
    return 'an answer'
  } catch (error) {
    assert.ok(error instanceof Refusal && error.code === 'rate_limit')
    assert.ok(Number.isInteger(error.retryAfterSeconds))
    assert.ok((error.retryAfterSeconds ?? 0) >= 1 && (error.retryAfterSeconds ?? 0) <= 15 * 60)
    return 'nothing'
  }
}

async function useUp(limits: GuessLimits, keys: string[]) {
  for (let wrong = 0; wrong < GUESSES; wrong++) assert.equal(await learns(limits.miss('code', keys)), 'an answer')
}

describe('guesses', () => {
  afterEach(() => mock.timers.reset())

  it('get ten wrong answers, and then none, right or wrong', async () => {
    const limits = createGuessLimits()
    assert.equal(GUESSES, 10)
    await useUp(limits, ['caller', 'address'])
    assert.equal(await learns(limits.check('code', ['caller', 'address'])), 'nothing')
    assert.equal(await learns(limits.miss('code', ['caller', 'address'])), 'nothing')
  })

  it('that are right cost nothing and give nothing back', async () => {
    const limits = createGuessLimits()
    for (let wrong = 0; wrong < GUESSES - 1; wrong++) await limits.miss('code', ['caller'])
    for (let right = 0; right < 50; right++) await limits.check('code', ['caller'])
    await limits.miss('code', ['caller'])
    assert.equal(await learns(limits.check('code', ['caller'])), 'nothing')
  })

  it('are limited by any one of their keys', async () => {
    const limits = createGuessLimits()
    for (let wrong = 0; wrong < GUESSES; wrong++) await limits.miss('code', [`caller ${wrong}`, 'address'])
    assert.equal(await learns(limits.check('code', ['new caller', 'address'])), 'nothing')
    assert.equal(await learns(limits.miss('code', ['new caller', 'address'])), 'nothing')
    assert.equal(await learns(limits.check('code', ['caller 0', 'other address'])), 'an answer')
  })

  it('of one kind do not count for the other', async () => {
    const limits = createGuessLimits()
    await useUp(limits, ['caller'])
    assert.equal(await learns(limits.check('password', ['caller'])), 'an answer')
    assert.equal(await learns(limits.miss('password', ['caller'])), 'an answer')
  })

  it('of one kind do not count for the other in a store that both share, either', () => {
    const prefixes: string[] = []
    createGuessLimits((options) => {
      prefixes.push(options.keyPrefix)
      return makeMemoryLimiter(options)
    })
    assert.equal(new Set(prefixes).size, 6)
  })

  it('from a network of many callers are more than those of one, and end too', async () => {
    const limits = createGuessLimits()
    const learned: string[] = []
    for (let nth = 0; nth < 60; nth++) {
      learned.push(await learns(limits.miss('code', [`address:${nth}`, 'network:2001:db8:1::/48'])))
    }
    assert.equal(learned.filter((answer) => answer === 'an answer').length, 50)
    assert.equal(await learns(limits.check('code', ['address:new', 'network:2001:db8:2::/48'])), 'an answer')
  })

  it('learn ten things in all when a thousand come at once', async () => {
    const limits = createGuessLimits()
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => learns(limits.miss('code', ['caller', 'address']))),
    )
    assert.equal(answers.filter((answer) => answer === 'an answer').length, GUESSES)
  })

  it('do not learn that the right one was among a thousand', async () => {
    const limits = createGuessLimits()
    const guesses = Array.from({ length: 1000 }, (_, code) =>
      learns(code === 10 ? limits.check('code', ['caller']) : limits.miss('code', ['caller'])),
    )
    const answers = await Promise.all(guesses)
    assert.deepEqual(answers.slice(10), new Array(990).fill('nothing'))
  })

  it('are told the same whether the one that comes too late is right or wrong', async () => {
    mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 })
    const limits = createGuessLimits()
    await useUp(limits, ['caller'])
    mock.timers.tick(100_000)
    await useUp(limits, ['address'])
    const refusals = [
      limits.check('code', ['caller', 'address', 'fresh']),
      limits.miss('code', ['caller', 'address', 'fresh']),
    ]
    const [right, wrong] = await Promise.all(refusals.map((refusal) => refusal.catch((error: unknown) => error)))
    assert.ok(right instanceof Refusal && wrong instanceof Refusal)
    assert.equal(right.retryAfterSeconds, 900)
    assert.deepEqual(right, wrong)
  })

  it('are free again after a quarter of an hour', async () => {
    mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 })
    const limits = createGuessLimits()
    await useUp(limits, ['caller'])
    mock.timers.tick(15 * 60 * 1000 - 1)
    assert.equal(await learns(limits.check('code', ['caller'])), 'nothing')
    mock.timers.tick(1)
    assert.equal(await learns(limits.check('code', ['caller'])), 'an answer')
    await useUp(limits, ['caller'])
  })

  it('are not let through when the counters cannot be read', async () => {
    const broken = () => Promise.reject(new Error('the store is down'))
    const limits = createGuessLimits(({ points }) => ({ points, get: broken, consume: broken }))
    await assert.rejects(limits.check('code', ['caller']), /the store is down/)
    await assert.rejects(limits.miss('code', ['caller']), /the store is down/)
  })
})

describe('an address counts as', () => {
  const cases: [string, string][] = [
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:1:2:ffff::203.0.113.7', '2001:db8:1:2::/64'],
    ['unknown', 'unknown'],
    ['', ''],
  ]
  for (const [ip, key] of cases) it(`${key} when it is ${ip}`, () => assert.equal(addressKey(ip), key))
})

describe('the network around an address', () => {
  const cases: [string, string | null][] = [
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:DB8:1:ffff::1', '2001:db8:1::/48'],
    ['::1', '0:0:0::/48'],
    ['::ffff:203.0.113.7', null],
    ['203.0.113.7', null],
    ['unknown', null],
  ]
  for (const [ip, key] of cases) it(`is ${key} when it is ${ip}`, () => assert.equal(networkKey(ip), key))
})
