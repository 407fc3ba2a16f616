import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Client } from 'pg'
import { createGuessLimits, GUESSES, type GuessLimits } from '../../src/auth/guesses.ts'
import type { Limiter } from '../../src/auth/limiter.ts'
import { createRateLimits } from '../../src/auth/rate-limits.ts'
import { CallExchange } from '../../src/auth/shared-calls.ts'
import { makeSharedGuessLimiter } from '../../src/auth/shared-guesses.ts'
import { createSharedLimits } from '../../src/auth/shared-limits.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { eventually } from '../chains/eventually.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'

let cluster: TestCluster
let url: string
let sql: Client
let stores: PostgresStore[] = []

before(async () => {
  cluster = await startPostgres()
})
after(async () => {
  await closeAll()
  await cluster.stop()
})
beforeEach(async () => {
  await closeAll()
  url = await cluster.createDatabase()
})

async function closeAll(): Promise<void> {
  for (const store of stores) await store.close()
  stores = []
  await sql?.end()
}

async function openStores(count: number): Promise<PostgresStore[]> {
  for (let opened = 0; opened < count; opened++) stores.push(await openPostgresStore({ url, poolSize: 4 }))
  sql = new Client({ connectionString: url })
  sql.on('error', () => undefined)
  await sql.connect()
  await sql.query('SET search_path = sixpence')
  return stores
}

/** Brings the end of all windows of the database forward. */
async function passTime(table: 'guesses' | 'calls', ms: number): Promise<void> {
  await sql.query(`UPDATE ${table} SET ends_at_ms = ends_at_ms - ${ms}`)
}

async function rowsOf(table: 'guesses' | 'calls'): Promise<number> {
  return Number((await sql.query(`SELECT count(*) FROM ${table}`)).rows[0].count)
}

async function learns(answer: Promise<void>): Promise<'an answer' | 'nothing'> {
  try {
    await answer
    return 'an answer'
  } catch (error) {
    assert.ok(error instanceof Refusal && error.code === 'rate_limit')
    return 'nothing'
  }
}

async function answersAmong(answers: Promise<void>[]): Promise<number> {
  return (await Promise.all(answers.map(learns))).filter((what) => what === 'an answer').length
}

describe('guesses at several servers', () => {
  const startServers = async (count: number): Promise<GuessLimits[]> =>
    (await openStores(count)).map(({ counters }) => createGuessLimits(makeSharedGuessLimiter(counters)))
  const both = async () => {
    const [one, other] = await startServers(2)
    assert.ok(one && other)
    return { one, other }
  }

  it('get ten wrong answers in all, wherever they are made, and then none, right or wrong', async () => {
    const { one, other } = await both()
    for (let wrong = 0; wrong < GUESSES; wrong++) {
      const server = wrong % 2 === 0 ? one : other
      assert.equal(await learns(server.check('code', ['caller', 'address'])), 'an answer')
      assert.equal(await learns(server.miss('code', ['caller', `address ${wrong}`])), 'an answer')
    }
    for (const server of [one, other]) {
      assert.equal(await learns(server.check('code', ['caller', 'address'])), 'nothing')
      assert.equal(await learns(server.miss('code', ['caller', 'address'])), 'nothing')
      assert.equal(await learns(server.check('password', ['caller'])), 'an answer')
      assert.equal(await learns(server.check('code', ['address'])), 'an answer')
    }
  })

  it('are known to a server that starts later', async () => {
    const { one } = await both()
    for (let wrong = 0; wrong < GUESSES; wrong++) await one.miss('code', ['caller'])
    const [, , late] = await startServers(1)
    assert.ok(late)
    assert.equal(await learns(late.check('code', ['caller'])), 'nothing')
  })

  it('learn ten wrong answers in all when a thousand come to three servers at once', async () => {
    const servers = await startServers(3)
    const misses = Array.from({ length: 999 }, (_, n) => servers[n % 3]?.miss('code', ['caller']) ?? assert.fail())
    assert.equal(await answersAmong(misses), GUESSES)
  })

  it('do not learn that the right one was among a thousand at one server', async () => {
    const { one } = await both()
    const guesses = Array.from({ length: 1000 }, (_, n) =>
      n >= GUESSES && n % 100 === 10 ? one.check('code', ['caller']) : one.miss('code', ['caller']),
    )
    const answers = await Promise.all(guesses.map(learns))
    assert.deepEqual(answers.slice(GUESSES), new Array(990).fill('nothing'))
  })

  it('are told the same everywhere, right or wrong: when the window ends that began with the first', async () => {
    const { one, other } = await both()
    await one.miss('code', ['caller'])
    await passTime('guesses', 10 * 60_000)
    for (let wrong = 1; wrong < GUESSES; wrong++) await other.miss('code', ['caller'])
    for (const ask of [one.check, other.miss, one.miss, other.check]) {
      const refusal: unknown = await ask('code', ['caller', 'fresh']).catch((error: unknown) => error)
      assert.ok(refusal instanceof Refusal)
      const seconds = refusal.retryAfterSeconds ?? 0
      assert.ok(seconds > 4 * 60 && seconds <= 5 * 60, `${seconds} s`)
    }
  })

  it('begin anew when the window is over by the database', async () => {
    const [store] = await openStores(2)
    assert.ok(store)
    for (let wrong = 0; wrong < GUESSES; wrong++) await store.counters.countGuess('key', 60_000)
    await passTime('guesses', 60_001)
    assert.equal((await store.counters.guesses(['key'])).size, 0)
    assert.equal((await store.counters.countGuess('key', 60_000)).points, 1)
  })

  it('survive a crash of the database, and are not let through while it is away', async () => {
    const { one, other } = await both()
    for (let wrong = 0; wrong < GUESSES; wrong++) await one.miss('code', ['caller'])
    await one.miss('code', ['another'])
    await cluster.kill()
    await assert.rejects(other.check('code', ['caller']), StoreUnavailable)
    await assert.rejects(other.miss('code', ['another']), StoreUnavailable)
    await cluster.restart()
    assert.equal(await learns(other.check('code', ['caller'])), 'nothing')
    assert.equal(await learns(other.check('code', ['another'])), 'an answer')
  })
})

describe('calls at several servers', () => {
  type Server = { limiter: Limiter; exchange(): Promise<void> }
  const time = { nowMs: 0 }
  const LIMIT = 100

  const startServers = async (count: number, duration = 60): Promise<Server[]> =>
    (await openStores(count)).slice(-count).map(({ counters }) => {
      const calls = new CallExchange(counters, () => time.nowMs)
      return {
        limiter: calls.makeLimiter({ keyPrefix: 'rate:write', points: LIMIT, duration }),
        exchange: () => calls.exchange(),
      }
    })
  const both = async () => {
    const [one, other] = await startServers(2)
    assert.ok(one && other)
    return { one, other }
  }

  /** How many of `calls` pass. */
  const passed = async ({ limiter }: Server, calls: number, key = 'caller'): Promise<number> => {
    const results = await Promise.allSettled(Array.from({ length: calls }, () => limiter.consume(key)))
    return results.filter(({ status }) => status === 'fulfilled').length
  }

  it('pass no more than the limit and what one exchange can hide', async () => {
    const { one, other } = await both()
    let passedInAll = 0
    for (let round = 0; round < 20; round++) {
      passedInAll += (await passed(one, 5)) + (await passed(other, 5))
      await one.exchange()
      await other.exchange()
    }
    assert.ok(passedInAll >= LIMIT, `${passedInAll}`)
    assert.ok(passedInAll <= LIMIT + 5, `${passedInAll}`)
  })

  it('never pass more than the limit at one server, whatever exchanges do meanwhile', async () => {
    const { one } = await both()
    const exchanging = one.exchange()
    let passedInAll = await passed(one, 60)
    const next = one.exchange()
    passedInAll += await passed(one, 60)
    await Promise.all([exchanging, next])
    await one.exchange()
    assert.equal(passedInAll + (await passed(one, 60)), LIMIT)
  })

  it('count each caller apart, thousands in one exchange', async () => {
    const { one, other } = await both()
    for (let caller = 0; caller < 2500; caller++) await passed(one, 1 + (caller % 3), `caller ${caller}`)
    await one.exchange()
    assert.equal(await rowsOf('calls'), 2500)
    await passed(other, 1, 'caller 2')
    await other.exchange()
    assert.equal((await other.limiter.get('caller 2'))?.consumedPoints, 1 + 3)
  })

  it('come back when the window ends that began with the first call anywhere', async () => {
    const { one, other } = await both()
    await passed(one, 1)
    await one.exchange()
    await passTime('calls', 50_000)
    assert.equal(await passed(other, 200), LIMIT)
    await other.exchange()
    const left = (await other.limiter.get('caller'))?.msBeforeNext ?? 0
    assert.ok(left > 0 && left <= 10_000, `${left} ms`)
    time.nowMs += left
    await passTime('calls', left)
    assert.equal(await passed(other, 1), 1)
  })

  it('of a window that is over do not count for the next one', async () => {
    const [one] = await startServers(1, 0.5)
    assert.ok(one)
    await passed(one, 1)
    await one.exchange()
    assert.equal(await passed(one, LIMIT), LIMIT - 1)
    const isOver = 'SELECT FROM calls WHERE ends_at_ms <= database_now_ms()'
    await eventually('the end of the window', async () => (await sql.query(isOver)).rowCount === 1)
    await one.exchange()
    assert.equal(await passed(one, LIMIT + 1), LIMIT)
  })

  it('are forgotten with their windows, in memory and in the database', async () => {
    const { one } = await both()
    await passed(one, 5)
    await one.exchange()
    time.nowMs += 60_001
    await one.exchange()
    assert.equal(await one.limiter.get('caller'), null)
    await passed(one, 1, 'another')
    await one.exchange()
    await sql.query(`UPDATE calls SET ends_at_ms = ends_at_ms - 60001 WHERE points = 5`)
    await stores[0]?.forget(0)
    assert.equal(await rowsOf('calls'), 1)
  })

  it('are limited by each server alone while the database is away, and together again afterwards', async () => {
    const { one, other } = await both()
    await cluster.kill()
    assert.equal(await passed(one, 70), 70)
    await assert.rejects(one.exchange(), StoreUnavailable)
    assert.equal(await passed(one, 70), LIMIT - 70)
    await assert.rejects(one.exchange(), StoreUnavailable)
    await cluster.restart()
    await one.exchange()
    await passed(other, 1)
    await other.exchange()
    assert.equal(await passed(other, 1), 0)
  })

  it('are exchanged by themselves, and the last of them when the server stops', async () => {
    const [first, second] = await openStores(2)
    assert.ok(first && second)
    const onError = (error: unknown) => assert.fail(String(error))
    const [one, other] = [first, second].map(({ counters }) => createSharedLimits({ counters, onError }))
    assert.ok(one && other)
    const [atOne, atOther] = [one, other].map((limits) => createRateLimits('documented', limits.makeRateLimiter))
    assert.ok(atOne && atOther)
    for (let call = 0; call < 10; call++) await atOne.consume('auth', ['caller'])
    await eventually('a refusal by the other', async () => {
      const refused = await atOther.consume('auth', ['caller']).catch(() => 'refused')
      return refused === 'refused'
    })
    await atOne.consume('write', ['caller'])
    await one.stop()
    await other.stop()
    assert.equal(await rowsOf('calls'), 2)
  })
})
