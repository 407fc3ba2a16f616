import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { CHALLENGE_LIFE_MS, checkChallenge, issueChallenge } from '../../src/auth/challenges.ts'

const NOW_MS = Date.UTC(2026, 0, 1) + 777
const KEY = randomBytes(32)

describe('challenges', () => {
  it('are 48 characters, each another', () => {
    const issued = Array.from({ length: 1000 }, () => issueChallenge({ key: KEY, nowMs: NOW_MS }))
    for (const challenge of issued) assert.match(challenge, /^[0-9a-f]{48}$/)
    assert.equal(new Set(issued).size, issued.length)
  })

  it('are known again by a server that stored nothing, each with a claim of its own', () => {
    const [one, other] = [issueChallenge({ key: KEY, nowMs: NOW_MS }), issueChallenge({ key: KEY, nowMs: NOW_MS })]
    const checked = checkChallenge(one, { key: Buffer.from(KEY), nowMs: NOW_MS })
    assert.ok(checked !== null)
    assert.deepEqual(checkChallenge(one, { key: KEY, nowMs: NOW_MS + 1000 }), checked)
    assert.notEqual(checkChallenge(other, { key: KEY, nowMs: NOW_MS })?.claimKey, checked.claimKey)
  })

  it('end after five minutes, and are not accepted once the claim may be forgotten', () => {
    const challenge = issueChallenge({ key: KEY, nowMs: NOW_MS })
    const checked = checkChallenge(challenge, { key: KEY, nowMs: NOW_MS + CHALLENGE_LIFE_MS - 1000 })
    assert.ok(checked !== null)
    assert.ok(checkChallenge(challenge, { key: KEY, nowMs: checked.expiresAtMs - 1 }))
    assert.equal(checkChallenge(challenge, { key: KEY, nowMs: checked.expiresAtMs }), null)
    assert.ok(checked.expiresAtMs <= NOW_MS + 5 * 60 * 1000)
  })

  it('cannot be changed in any place', () => {
    const challenge = issueChallenge({ key: KEY, nowMs: NOW_MS })
    for (let place = 0; place < challenge.length; place++) {
      const digit = (Number.parseInt(challenge.charAt(place), 16) ^ 1).toString(16)
      const changed = challenge.slice(0, place) + digit + challenge.slice(place + 1)
      assert.equal(checkChallenge(changed, { key: KEY, nowMs: NOW_MS }), null, `place ${place}`)
    }
  })

  it('have one spelling, so that none can be used twice', () => {
    const challenge = issueChallenge({ key: KEY, nowMs: NOW_MS })
    for (const text of [
      challenge.toUpperCase(),
      ` ${challenge}`,
      `${challenge}\n`,
      `${challenge}00`,
      challenge.slice(2),
      '',
    ]) {
      assert.equal(checkChallenge(text, { key: KEY, nowMs: NOW_MS }), null)
    }
  })

  it('of another server are nothing', () => {
    const challenge = issueChallenge({ key: randomBytes(32), nowMs: NOW_MS })
    assert.equal(checkChallenge(challenge, { key: KEY, nowMs: NOW_MS }), null)
  })
})
