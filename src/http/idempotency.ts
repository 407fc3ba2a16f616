import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { rateLimitRefusal } from '../auth/limiter.ts'
import { seal, unseal } from '../auth/seal.ts'
import { Refusal } from '../domain/refusal.ts'
import { Conflict } from '../store/store.ts'
import type { App } from '../use-cases/app.ts'
import { type Call, callerKey, type Idempotency } from '../use-cases/call.ts'
import { configOf, countedAs } from './route-config.ts'

/** A stored answer is given again for this long. */
const ANSWER_LIFE_MS = 24 * 60 * 60 * 1000

/** The answers that one account's calls leave behind in a minute; the last may go over. */
const MAX_KEPT_BYTES_A_MINUTE = 32 * 1024 * 1024

const KEY_FORM = /^[\x21-\x7e]{1,255}$/

/** Runs a POST's use case; the answer is what the route sends. */
type Handler<Answer> = (call: Call) => Promise<Answer>

/**
 * Makes a POST happen once per idempotency key: the same key, caller, route and body gets the stored answer again.
 * Answers are stored in the commit of the change itself, so this holds across crashes and nodes. Only answers that
 * changed something are stored: a refused call may be tried again with its key.
 */
export class Answers {
  readonly #app: App
  /** Calls that run in this process right now, by scope: a duplicate waits for the first to end. */
  readonly #running = new Map<string, Promise<unknown>>()

  /** The bytes of stored answers by who they count for. */
  readonly #kept = new RateLimiterMemory({ keyPrefix: 'kept', points: MAX_KEPT_BYTES_A_MINUTE, duration: 60 })

  constructor(app: App) {
    this.#app = app
  }

  /**
   * @throws Refusal `idempotency_conflict` for the same key with another body, `rate_limit` where the caller's answers
   *   have filled what may be kept of them
   */
  async once<Answer>(request: FastifyRequest, reply: FastifyReply, handle: Handler<Answer>): Promise<Answer> {
    const idempotency = this.#readKey(request)
    if (idempotency === null) return handle(request.call)
    const { scope } = idempotency
    for (let first = this.#running.get(scope); first; first = this.#running.get(scope))
      await first.catch(() => undefined)
    const running = this.#answer(idempotency, request, reply, handle)
    this.#running.set(scope, running)
    try {
      return await running
    } finally {
      this.#running.delete(scope)
    }
  }

  async #answer<Answer>(
    idempotency: Idempotency,
    request: FastifyRequest,
    reply: FastifyReply,
    handle: Handler<Answer>,
  ): Promise<Answer> {
    const { repeatLoses } = configOf(request.routeOptions.config)
    const stored = repeatLoses ? null : await this.#replay<Answer>(idempotency, reply)
    if (stored !== null) return stored.answer
    const keeping = await this.#keeping(request.call, idempotency)
    try {
      return await handle({ ...request.call, idempotency: keeping })
    } catch (error) {
      // The same call was done before, or by another node meanwhile: its answer is the truth, whatever went wrong here.
      if (!(error instanceof Refusal || error instanceof Conflict)) throw error
      const answered = await this.#replay<Answer>(idempotency, reply)
      if (answered === null) throw error
      return answered.answer
    }
  }

  /**
   * The key of a call, whose answer is counted by its bytes as it is stored: a call that is small may have an answer of
   * megabytes, which is kept for a day under each of its keys.
   */
  async #keeping(call: Call, idempotency: Idempotency): Promise<Idempotency> {
    if (!this.#app.alive.isOn) return idempotency
    const [who = callerKey(call)] = await countedAs(this.#app, call)
    const kept = await this.#kept.get(who)
    if (kept !== null && kept.consumedPoints >= MAX_KEPT_BYTES_A_MINUTE) {
      throw rateLimitRefusal(KEPT_TOO_MUCH, kept.msBeforeNext)
    }
    const encode = (answer: unknown) => {
      const body = idempotency.encode(answer)
      void this.#kept.penalty(who, Buffer.byteLength(body))
      return body
    }
    return { ...idempotency, encode }
  }

  async #replay<Answer>(
    { scope, requestHash, decode }: Idempotency,
    reply: FastifyReply,
  ): Promise<{ answer: Answer } | null> {
    const stored = await this.#app.store.answer(scope, this.#app.clock())
    if (stored === null) return null
    if (stored.requestHash !== requestHash) {
      throw new Refusal('idempotency_conflict', 'This idempotency key came with another body before. Use a new key.')
    }
    reply.header('idempotency-replayed', 'true')
    return { answer: decode(stored.body) as Answer }
  }

  #readKey(request: FastifyRequest): Idempotency | null {
    const key = request.headers['idempotency-key']
    if (key === undefined) return null
    if (typeof key !== 'string' || !KEY_FORM.test(key)) {
      throw new Refusal(
        'validation_failed',
        'Idempotency-Key must have 1 to 255 printable ASCII characters, no spaces.',
      )
    }
    const { secretAnswer } = configOf(request.routeOptions.config)
    return {
      scope: hash('sha256', [callerKey(request.call), request.method, request.url, key].join('\0')),
      requestHash: hash('sha256', JSON.stringify(request.body ?? null)),
      expiresAtMs: request.call.nowMs + ANSWER_LIFE_MS,
      encode: (answer) =>
        secretAnswer ? SEALED + seal(JSON.stringify(answer), this.#app.secrets.sealKey) : JSON.stringify(answer),
      decode: (body) => JSON.parse(this.#unsealed(body)),
    }
  }

  #unsealed(body: string): string {
    if (!body.startsWith(SEALED)) return body
    const opened = unseal(body.slice(SEALED.length), this.#app.secrets.sealKey)
    if (opened === null) throw new Error('a stored answer was sealed with another key')
    return opened
  }
}

const KEPT_TOO_MUCH = 'The answers to your calls with idempotency keys were too long together. Wait before the next.'

/** Tells sealed answers from plain ones, which are JSON. */
const SEALED = 'sealed:'
