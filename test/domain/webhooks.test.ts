import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AttemptOutcome,
  recordAttempt,
  retryDelivery,
  type WebhookDelivery,
} from '../../src/domain/webhook-delivery.ts'
import {
  noteFailure,
  noteSuccess,
  rotateSecret,
  signingSecrets,
  type WebhookEndpoint,
} from '../../src/domain/webhook-endpoint.ts'
import { aDelivery, anEndpoint, T0 } from '../store/rows.ts'

const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS

const answered = (code: number, retryAfterMs: number | null = null): AttemptOutcome => ({
  status: 'answered',
  code,
  body: '',
  retryAfterMs,
})

function attempt(delivery: WebhookDelivery, outcome: AttemptOutcome, random = 0.5): WebhookDelivery {
  return recordAttempt(delivery, { url: 'https://shop.example/', outcome, nowMs: delivery.dueAtMs ?? T0, random })
}

/** The delivery after failing as often as it is tried. */
function exhausted(random: number): WebhookDelivery {
  let delivery = aDelivery(anEndpoint())
  while (delivery.dueAtMs !== null) delivery = attempt(delivery, answered(500), random)
  return delivery
}

describe('a delivery that keeps failing', () => {
  it('is tried 13 times over three to five days, soon at first, then daily', () => {
    for (const random of [0, 0.5, 1]) {
      const last = exhausted(random)
      assert.deepEqual([last.status, last.attempts], ['FAILED', 13])
      const lastedMs = (last.lastAttemptAtMs ?? 0) - T0
      assert.ok(lastedMs >= 3 * DAY_MS && lastedMs <= 5 * DAY_MS, String(lastedMs / DAY_MS))
    }
    const first = attempt(aDelivery(anEndpoint()), answered(500))
    assert.equal((first.dueAtMs ?? 0) - T0, 5_000)
  })

  it('spreads its attempts by chance', () => {
    const waits = [0, 1].map((random) => attempt(aDelivery(anEndpoint()), answered(500), random).dueAtMs ?? 0)
    assert.deepEqual(waits, [T0 + 4_000, T0 + 6_000])
  })

  it('waits as long as it is asked to, an hour at most', () => {
    const due = (retryAfterMs: number) =>
      (attempt(aDelivery(anEndpoint()), answered(429, retryAfterMs)).dueAtMs ?? 0) - T0
    assert.deepEqual([due(1), due(60_000), due(DAY_MS)], [5_000, 60_000, HOUR_MS])
  })

  it('says why there was no answer, and forgets it with the next one', () => {
    const failed = attempt(aDelivery(anEndpoint()), {
      status: 'failed',
      reason: 'The receiver refused the connection.',
    })
    assert.deepEqual([failed.failure, failed.responseCode], ['The receiver refused the connection.', null])
    const delivered = attempt(failed, answered(204))
    assert.deepEqual([delivered.status, delivered.failure, delivered.dueAtMs], ['DELIVERED', null, null])
  })

  it('is tried once more by hand, and is FAILED again', () => {
    const again = retryDelivery(exhausted(0.5), T0)
    assert.deepEqual([again.status, again.dueAtMs], ['RETRYING', T0])
    assert.equal(attempt(again, answered(500)).status, 'FAILED')
    assert.equal(attempt(again, answered(200)).status, 'DELIVERED')
  })
})

describe('an endpoint that keeps failing', () => {
  const failure = { code: 500, retryAfterMs: null }

  it('rests the longer, up to an hour, and is disabled after five days without a success', () => {
    let endpoint: WebhookEndpoint = anEndpoint()
    let nowMs = T0
    const rests: number[] = []
    while (endpoint.enabled) {
      endpoint = noteFailure(endpoint, failure, nowMs)
      const untilMs = Math.max(nowMs, endpoint.health.pausedUntilMs ?? 0)
      rests.push(untilMs - nowMs)
      nowMs = untilMs + 1
    }
    assert.deepEqual(rests.slice(0, 4), [0, 0, 5_000, 30_000])
    assert.equal(Math.max(...rests), HOUR_MS)
    assert.ok(nowMs - T0 >= 5 * DAY_MS && nowMs - T0 < 5 * DAY_MS + 2 * HOUR_MS, String((nowMs - T0) / DAY_MS))
    assert.match(endpoint.disabledReason ?? '', /five days/)
  })

  it('begins anew after one success', () => {
    const failing = [1, 2, 3, 4].reduce<WebhookEndpoint>(
      (each) => noteFailure(each, failure, T0 + HOUR_MS),
      anEndpoint(),
    )
    const well = noteSuccess(failing)
    assert.deepEqual(well?.health, { failingSinceMs: null, failures: 0, pausedUntilMs: null })
    assert.equal(well && noteSuccess(well), null)
  })

  it('counts what failed side by side as one failure', () => {
    const third = [1, 2, 3].reduce<WebhookEndpoint>((each) => noteFailure(each, failure, T0), anEndpoint())
    assert.deepEqual(noteFailure(third, failure, T0 + 1).health.failures, third.health.failures)
    assert.ok((third.health.pausedUntilMs ?? 0) > T0)
  })
})

describe('signing secrets', () => {
  it('overlap for a day, also where they are rotated twice', () => {
    const twice = rotateSecret(rotateSecret(anEndpoint(), 'second', T0), 'third', T0 + HOUR_MS)
    assert.deepEqual(signingSecrets(twice, T0 + HOUR_MS), ['third', 'second', 'sealed'])
    assert.deepEqual(signingSecrets(twice, T0 + DAY_MS), ['third', 'second'])
    assert.deepEqual(signingSecrets(twice, T0 + DAY_MS + HOUR_MS), ['third'])
  })
})
