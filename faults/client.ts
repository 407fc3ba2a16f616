import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../test/support/server.ts'

/** A write as a careful client makes it: with a key under which it can be sent again. */
export type Write = { token: string; path: string; body: unknown; key: string }

/** A caller that hears nothing for so long asks elsewhere, while the first may still be at it. */
const ATTEMPT_MS = 6_000
const PATIENCE_MS = 60_000
const PAUSE_MS = 50

/** Nobody answered, or in a way that no client can live with. */
class Unserved extends Error {
  override readonly name = 'Unserved'
}

/** Knows several servers and asks the next one, under the same idempotency key, where one does not answer. */
export class FailoverClient {
  readonly #urls: readonly string[]
  readonly #underWay = new Map<string, number>()
  /** Writes that some server has acknowledged. */
  acknowledged = 0
  /** Attempts that came to nothing, or nobody knows to what. */
  unanswered = 0
  readonly #breakingOff = new AbortController()

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  /** Ends all that waits, and lets nothing begin. */
  breakOff(): void {
    this.#breakingOff.abort()
  }

  /** How many calls a server has not answered yet. */
  underWayAt(url: string): number {
    return this.#underWay.get(url) ?? 0
  }

  get underWay(): number {
    return [...this.#underWay.values()].reduce((sum, calls) => sum + calls, 0)
  }

  /**
   * Writes, and repeats until there is an answer that is not "later".
   * @param first the place of the server to ask first
   * @throws Unserved
   */
  async write<Body>(write: Write, first: number): Promise<Answer<Body>> {
    const deadline = performance.now() + PATIENCE_MS
    for (let turn = first; performance.now() < deadline; turn++) {
      this.#breakingOff.signal.throwIfAborted()
      const url = this.#urls[turn % this.#urls.length] ?? ''
      const answer = await this.#attempt<Body>(url, write)
      if (answer !== null && answer.status !== 503) {
        if (answer.status === 200) this.acknowledged += 1
        return answer
      }
      this.unanswered += 1
      await delay(PAUSE_MS)
    }
    throw new Unserved(`${write.path} was not served within ${PATIENCE_MS / 1000} s`)
  }

  async #attempt<Body>(url: string, { token, path, body, key }: Write): Promise<Answer<Body> | null> {
    this.#underWay.set(url, this.underWayAt(url) + 1)
    try {
      const response = await fetch(`${url}/api/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'idempotency-key': key, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([AbortSignal.timeout(ATTEMPT_MS), this.#breakingOff.signal]),
      })
      const answer = (await response.json()) as Answer<Body>['body']
      return { status: response.status, body: answer, headers: response.headers }
    } catch {
      return null
    } finally {
      this.#underWay.set(url, this.underWayAt(url) - 1)
    }
  }
}
