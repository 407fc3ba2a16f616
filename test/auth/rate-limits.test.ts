import assert from 'node:assert/strict'
import { afterEach, describe, it, mock } from 'node:test'
import { createRateLimits, type RateGroup, type RateLimits } from '../../src/auth/rate-limits.ts'
import { Refusal } from '../../src/domain/refusal.ts'

const GROUPS: RateGroup[] = ['auth', 'write', 'read', 'public']

/** How many of `calls` calls at once are let through. */
async function passed(limits: RateLimits, group: RateGroup, key: string, calls: number): Promise<number> {
  const outcomes = await Promise.allSettled(Array.from({ length: calls }, () => limits.consume(group, [key])))
  return outcomes.filter(({ status }) => status === 'fulfilled').length
}

describe('rate limits', () => {
  afterEach(() => mock.timers.reset())

  it('of the documented table', async () => {
    const limits = createRateLimits('documented')
    const allowed = await Promise.all(GROUPS.map((group) => passed(limits, group, 'caller', 100)))
    assert.deepEqual(allowed, [10, 30, 60, 60])
  })

  it('of the standard table let twenty registers behind one address poll every 2 s and sell', async () => {
    const limits = createRateLimits('standard')
    assert.equal(await passed(limits, 'read', 'shop', 20 * 30), 20 * 30)
    assert.equal(await passed(limits, 'write', 'shop', 20 * 10), 20 * 10)
    assert.equal(await passed(limits, 'auth', 'shop', 20 * 3), 20 * 3)
    for (const group of GROUPS) assert.ok((await passed(limits, group, 'flood', 5000)) < 5000, group)
  })

  it('that are off let everything through', async () => {
    assert.equal(await passed(createRateLimits('off'), 'auth', 'caller', 5000), 5000)
  })

  it('count each caller and each group apart', async () => {
    const limits = createRateLimits('documented')
    assert.equal(await passed(limits, 'auth', 'caller', 11), 10)
    assert.equal(await passed(limits, 'auth', 'other', 10), 10)
    assert.equal(await passed(limits, 'write', 'caller', 10), 10)
  })

  it('count all accounts of an address together, and of its network, but keep calls for those that call seldom', async () => {
    const limits = createRateLimits('documented')
    const origin = (nth: number) => [`address:2001:db8:0:${nth}::/64`, 'network:2001:db8:0::/48']
    const passedBy = async (account: string, calls: number, from: string[]) => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: calls }, () => limits.consume('read', [account], from)),
      )
      return outcomes.filter(({ status }) => status === 'fulfilled').length
    }
    for (let nth = 0; nth < 5; nth++) assert.equal(await passedBy(`account ${nth}`, 100, origin(0)), 60, 'its own 60')
    assert.equal(await passedBy('a quiet one', 10, origin(0)), 3, 'a twentieth of its own')
    assert.equal(await passedBy('a quiet one', 50, origin(1)), 50, 'elsewhere')
    // Five times five times 60 of the network, of which 350 are gone.
    for (let nth = 0; nth < 21; nth++) await passedBy(`account ${10 + nth}`, 60, origin(2 + (nth % 10)))
    assert.ok((await passedBy('one more', 60, origin(20))) <= 3, 'nor in other parts of the network')
    assert.equal(await passedBy('another', 50, ['address:192.0.2.1']), 50)
  })

  it('count new accounts by the hour, for each address and its network', async () => {
    const limits = createRateLimits('documented')
    const made = async (calls: number, origin: string[]) => {
      const outcomes = await Promise.allSettled(Array.from({ length: calls }, () => limits.consumeNewAccount(origin)))
      return outcomes.filter(({ status }) => status === 'fulfilled').length
    }
    assert.equal(await made(70, ['address:192.0.2.1']), 60)
    assert.equal(await made(70, []), 70, 'not behind a proxy that nobody trusts')
    for (let nth = 0; nth < 6; nth++) await made(60, [`address:2001:db8:0:${nth}::/64`, 'network:2001:db8:0::/48'])
    assert.equal(await made(1, ['address:2001:db8:0:9::/64', 'network:2001:db8:0::/48']), 0)
  })

  it('say in whole seconds when to come back, and let the caller in then', async () => {
    mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 })
    const limits = createRateLimits('documented')
    await passed(limits, 'auth', 'caller', 10)
    const waitAfter = async (ms: number) => {
      mock.timers.tick(ms)
      const error: unknown = await limits.consume('auth', ['caller']).catch((thrown: unknown) => thrown)
      assert.ok(error instanceof Refusal && error.code === 'rate_limit')
      return error.retryAfterSeconds
    }
    assert.equal(await waitAfter(500), 60)
    assert.equal(await waitAfter(59_499), 1)
    mock.timers.tick(1)
    await limits.consume('auth', ['caller'])
  })

  it('let nobody through unseen when the counters cannot be kept', async () => {
    const broken = () => Promise.reject(new Error('the store is down'))
    const limits = createRateLimits('standard', ({ points }) => ({ points, get: broken, consume: broken }))
    await assert.rejects(limits.consume('read', ['caller']), /the store is down/)
  })
})
