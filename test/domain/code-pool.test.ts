import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CODE_REST_MS } from '../../src/domain/code-dealer.ts'
import { CodePool, newAlphanumCode } from '../../src/domain/code-pool.ts'
import { foldCode } from '../../src/protocol/codes.ts'

const CODE_COUNT = 1_000_000
const NOW_MS = Date.UTC(2026, 5, 9, 12)

const codeOf = (number: number) => String(number).padStart(6, '0')

/** A pool in which only `free` codes can be dealt. */
function poolWithOnly(free: ReadonlySet<number>, endedAtMs: number | null = null): CodePool {
  const held = []
  for (let number = 0; number < CODE_COUNT; number++) {
    if (!free.has(number)) held.push({ code: codeOf(number), endedAtMs })
  }
  return new CodePool(held)
}

function dealAll(pool: CodePool, nowMs: number): string[] {
  const dealt: string[] = []
  for (let code = pool.deal(nowMs); code !== null; code = pool.deal(nowMs)) dealt.push(code)
  return dealt
}

/** As many as `dealAll` would deal. */
function countAll(pool: CodePool, nowMs: number): number {
  let count = 0
  while (pool.deal(nowMs) !== null) count += 1
  return count
}

function mustDeal(pool: CodePool, nowMs = NOW_MS): string {
  const code = pool.deal(nowMs)
  assert.ok(code !== null)
  return code
}

describe('a full pool', () => {
  it('deals every code of six digits once, then none', () => {
    const dealt = dealAll(new CodePool(), NOW_MS)
    assert.equal(dealt.length, CODE_COUNT)
    assert.equal(new Set(dealt).size, CODE_COUNT)
    assert.ok(dealt.every((code) => /^[0-9]{6}$/.test(code)))
  })

  it('deals in no order that a second pool repeats', () => {
    const [one, other] = [new CodePool(), new CodePool()].map((pool) =>
      Array.from({ length: 100 }, () => Number(mustDeal(pool))),
    )
    assert.ok(one && other)
    assert.notDeepEqual(one, other)
    for (const codes of [one, other]) {
      assert.notDeepEqual(
        codes,
        codes.toSorted((a, b) => a - b),
      )
      assert.notDeepEqual(
        codes,
        codes.toSorted((a, b) => b - a),
      )
      // 100 draws that all miss one half of the range: 1 in 2^99.
      assert.ok(codes.some((code) => code < CODE_COUNT / 2) && codes.some((code) => code >= CODE_COUNT / 2))
    }
  })
})

describe('a pool with 999 000 of 1 000 000 codes in use', () => {
  const left = new Set(Array.from({ length: 1000 }, (_, index) => index * 997 + 3))

  it('deals the 1000 that are left once each, then none', () => {
    const pool = poolWithOnly(left)
    const dealt = dealAll(pool, NOW_MS)
    assert.deepEqual(dealt.toSorted(), [...left].map(codeOf).toSorted())
    assert.equal(pool.deal(NOW_MS), null)
  })

  it('deals what comes back, and only that', () => {
    const pool = poolWithOnly(left)
    dealAll(pool, NOW_MS)
    pool.putBack(codeOf(3))
    pool.release('999999', NOW_MS)
    assert.equal(pool.deal(NOW_MS), codeOf(3))
    assert.equal(pool.deal(NOW_MS), null)
    assert.equal(pool.deal(NOW_MS + CODE_REST_MS), '999999')
  })

  it('draws among the last few at random, in no pattern', () => {
    const pool = poolWithOnly(new Set([7, 77]))
    const draws = Array.from({ length: 100 }, () => {
      const code = mustDeal(pool)
      pool.putBack(code)
      return code
    })
    assert.deepEqual([...new Set(draws)].toSorted(), ['000007', '000077'])
    // Two codes that always or never take turns: 1 in 2^98.
    const repeats = draws.filter((code, index) => code === draws[index - 1]).length
    assert.ok(repeats > 0 && repeats < 99)
  })
})

describe('a released code', () => {
  it('is dealt again after ten minutes and not before', () => {
    const pool = poolWithOnly(new Set([5]))
    pool.release(mustDeal(pool), NOW_MS)
    assert.equal(pool.deal(NOW_MS), null)
    assert.equal(pool.deal(NOW_MS + CODE_REST_MS - 1), null)
    assert.equal(pool.deal(NOW_MS + CODE_REST_MS), '000005')
  })

  it('rests at least ten minutes where its end is not a whole second', () => {
    const pool = poolWithOnly(new Set([5]))
    pool.release(mustDeal(pool), NOW_MS + 1)
    assert.equal(pool.deal(NOW_MS + CODE_REST_MS), null)
    assert.equal(pool.deal(NOW_MS + CODE_REST_MS + 1000), '000005')
  })

  it('never cuts its rest short because an earlier end is released later', () => {
    const pool = poolWithOnly(new Set([1, 2]))
    dealAll(pool, NOW_MS)
    pool.release('000001', NOW_MS + 60_000)
    pool.release('000002', NOW_MS)
    assert.deepEqual(dealAll(pool, NOW_MS + CODE_REST_MS + 59_000), [])
    assert.deepEqual(dealAll(pool, NOW_MS + CODE_REST_MS + 60_000).toSorted(), ['000001', '000002'])
  })

  it('comes back once, however often and in whatever order it is given back', () => {
    const pool = poolWithOnly(new Set([5]))
    pool.release(mustDeal(pool), NOW_MS)
    pool.release('000005', NOW_MS - CODE_REST_MS)
    pool.putBack('000005')
    assert.equal(pool.deal(NOW_MS), null)
    assert.deepEqual(dealAll(pool, NOW_MS + CODE_REST_MS), ['000005'])
    pool.putBack('000005')
    pool.putBack('000005')
    pool.release('000005', NOW_MS)
    assert.deepEqual(dealAll(pool, NOW_MS + 2 * CODE_REST_MS), ['000005'])
  })
})

it('ignores codes that it never dealt', () => {
  const pool = new CodePool()
  for (const code of ['000000', '123456', 'A1B2C3', '', '12345', '1234567', '-00001', '1e5000']) {
    pool.putBack(code)
    pool.release(code, 0)
  }
  assert.equal(countAll(pool, NOW_MS), CODE_COUNT)
})

it('takes back no other spelling of a code', () => {
  const pool = poolWithOnly(new Set([5, 10]))
  dealAll(pool, NOW_MS)
  for (const code of ['5', '5.0', '0x5', ' 00005', '000005 ', '1e1', '10']) {
    pool.putBack(code)
    pool.release(code, 0)
  }
  assert.equal(pool.deal(NOW_MS), null)
})

describe('a pool filled at start', () => {
  it('lets resting codes rest on, whatever order they are listed in', () => {
    const ends = [3000, 1000, 2000].map((agoMs, index) => ({ code: codeOf(index), endedAtMs: NOW_MS - agoMs }))
    const dealAfter = (waitMs: number) => countAll(new CodePool(ends), NOW_MS + waitMs)
    assert.equal(dealAfter(0), CODE_COUNT - 3)
    assert.equal(dealAfter(CODE_REST_MS - 3000), CODE_COUNT - 2)
    assert.equal(dealAfter(CODE_REST_MS - 2000), CODE_COUNT - 1)
    assert.equal(dealAfter(CODE_REST_MS - 1000), CODE_COUNT)
  })

  it('deals at once what rested while nothing ran', () => {
    const pool = poolWithOnly(new Set(), NOW_MS - CODE_REST_MS)
    assert.equal(countAll(pool, NOW_MS), CODE_COUNT)
  })

  it('holds a code that is listed as resting and as in use', () => {
    for (const ends of [
      [null, NOW_MS - CODE_REST_MS],
      [NOW_MS - CODE_REST_MS, null],
    ]) {
      const pool = new CodePool(ends.map((endedAtMs) => ({ code: '123456', endedAtMs })))
      const dealt = dealAll(pool, NOW_MS)
      assert.equal(dealt.length, CODE_COUNT - 1)
      assert.ok(!dealt.includes('123456'))
    }
  })

  it('skips codes of another kind', () => {
    assert.equal(countAll(new CodePool([{ code: 'A1B2C3', endedAtMs: null }]), NOW_MS), CODE_COUNT)
  })
})

type Step = { kind: 'deal' } | { kind: 'putBack' | 'release'; code: string } | { kind: 'wait'; ms: number }

/** Eight codes can be dealt; 000008 stays in use by somebody that the test never gives back. */
const codes = Array.from({ length: 8 }, (_, index) => codeOf(index))
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'deal' }) },
    fc.record({ kind: fc.constantFrom<'putBack' | 'release'>('putBack', 'release'), code: fc.constantFrom(...codes) }),
    fc.record({ kind: fc.constant<'wait'>('wait'), ms: fc.integer({ min: 0, max: CODE_REST_MS }) }),
  ),
  { maxLength: 60 },
)

it('never has two holders of one code, and never lets one rest too short or for ever', () => {
  const pool = poolWithOnly(new Set(codes.map(Number)))
  let nowMs = NOW_MS
  const run = (sequence: Step[]) => {
    const holding = new Set<string>()
    const endedAtMs = new Map<string, number>()
    const isFree = (code: string) => !holding.has(code) && (endedAtMs.get(code) ?? 0) + CODE_REST_MS <= nowMs
    const mayBeFree = (code: string) => !holding.has(code) && (endedAtMs.get(code) ?? 0) + CODE_REST_MS + 1000 <= nowMs
    for (const step of sequence) {
      if (step.kind === 'wait') nowMs += step.ms
      else if (step.kind === 'deal') {
        const code = pool.deal(nowMs)
        if (code === null) assert.ok(!codes.some(mayBeFree), 'a rested code was not dealt')
        else {
          assert.ok(isFree(code), `${code} was dealt while it was held or resting`)
          holding.add(code)
        }
      } else {
        if (holding.delete(step.code) && step.kind === 'release') endedAtMs.set(step.code, nowMs)
        pool[step.kind](step.code, nowMs)
      }
    }
    for (const code of holding) pool.putBack(code)
    nowMs += CODE_REST_MS + 1000
  }
  fc.assert(fc.property(steps, run))
})

describe('newAlphanumCode', () => {
  const drawn = Array.from({ length: 20_000 }, newAlphanumCode)

  it('is what a person can type back', () => {
    for (const code of drawn) assert.equal(foldCode(code.toLowerCase()), code)
  })

  it('has a letter, so that it never equals a numeric code', () => {
    for (const code of drawn) assert.match(code, /[A-Z]/)
  })

  it('uses all characters in all places and hardly ever repeats', () => {
    for (let place = 0; place < 6; place++) assert.equal(new Set(drawn.map((code) => code[place])).size, 32)
    // 20 000 of a billion: fewer than one pair is expected to be equal.
    assert.ok(new Set(drawn).size > drawn.length - 10)
  })
})
