import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { ProblemCode } from '../../src/protocol/problems.ts'
import type { ContextView, NewApiKeyView, ReservedView, SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import { sweep } from '../../src/use-cases/sweep.ts'
import { PAYER_WALLET } from '../http/calls.ts'
import { assertProblem, ok } from '../http/problems.ts'
import { eventLog } from '../support/event-log.ts'
import { type Nodes, startNodes } from '../support/nodes.ts'
import {
  type Answer,
  asking,
  callerOf,
  newPayer,
  PAYER_ADDRESS,
  type TestCaller,
  type TestServer,
  withToken,
} from '../support/server.ts'
import type { Model, ModelContext, ModelSession, ModelVoucher, Who } from './model.ts'
import * as expected from './model.ts'

/** A failure names the seed that repeats it as SIXPENCE_TEST_SEED. */
const RUNS = 10
const SEED = Number(process.env.SIXPENCE_TEST_SEED ?? Date.now() % 2 ** 31)

const START_MS = Date.UTC(2027, 0, 1)
const MINUTE_MS = 60_000

/** The same servers for all runs. Their clock moves only as the commands say, so every limit can be met to the millisecond. */
let nodes: Nodes
let nowMs = START_MS

/** The callers of one run. Tokens are made for each call, so that the clock does not end them. */
type Cast = { ids: Record<'payer' | 'stranger', string>; keys: Record<'shop' | 'rival', string> }
type Real = { cast: Cast }

const oneOfThem = (): TestServer => nodes.servers[0] ?? assert.fail()
/** One of the servers holds the lease. */
const sweepAll = async (): Promise<void> => {
  for (const { app } of nodes.servers) await sweep(app)
}
const urls = (): string[] => nodes.servers.map(({ url }) => url)

/**
 * A server that counts no wrong guesses: a code that has ended is one, and the commands try more of those than a person
 * has guesses. How guesses end is tested at the doors (`test/http/limits.test.ts`).
 */
function uncounted(server: TestServer): TestServer {
  const uncountedGuess = async (): Promise<void> => undefined
  server.app.guesses = { check: uncountedGuess, miss: uncountedGuess }
  return server
}

async function callerFor({ ids, keys }: Cast, who: Who): Promise<TestCaller> {
  if (who === 'shop' || who === 'rival') return callerOf(urls(), { 'x-api-key': keys[who] })
  return withToken(urls(), await oneOfThem().app.tokens.issue({ kind: 'user', accountId: ids[who] }))
}

async function newCast(stranger: string): Promise<Cast> {
  const operator = withToken(urls(), await oneOfThem().app.tokens.issue({ kind: 'operator' }))
  const make = async (name: string) => ok(await operator.post<NewApiKeyView>('/auth/api-keys', { name }))
  const [payer, shop, rival] = [await make('payer'), await make('shop'), await make('rival')]
  return { ids: { payer: payer.ownerId, stranger }, keys: { shop: shop.key, rival: rival.key } }
}

/** Asserts that the server answers as the model says; gives the body of a success. */
function assertVerdict<Body extends object>(answer: Answer<Body>, verdict: ProblemCode | null): Body | null {
  if (verdict === null) return ok(answer)
  assertProblem(answer, verdict)
  return null
}

type Command = fc.AsyncCommand<Model, Real>

function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name }
}

/** Mostly who may, now and then who may not. */
const anyShop = fc.constantFrom<Who>('shop', 'shop', 'rival')
const payer = mostly<Who>('payer', 'stranger', 'shop')
const itsPayee = mostly<Who | 'its payee'>('its payee', 'payer', 'rival', 'stranger')
const eitherSide = fc.oneof(itsPayee, payer)
const isGood = mostly(true, false)
const which = fc.nat(5)

function mostly<T>(usual: T, ...rare: T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...rare) })
}

/** A command about one of the entities that are there; the younger ones come up more often. */
function about<Entity extends { id: string; payee?: Who }>(
  name: string,
  from: (model: Model) => Entity[],
  callers: fc.Arbitrary<Who | 'its payee'>,
  run: (model: Model, entity: Entity, caller: TestCaller, by: Who, good: boolean) => Promise<void>,
): fc.Arbitrary<Command> {
  return fc.tuple(which, callers, isGood).map(([index, chosen, good]) => ({
    check: (model) => from(model).length > 0,
    run: async (model, { cast }) => {
      const entity = from(model).at(-1 - (index % from(model).length))
      assert.ok(entity)
      const by = chosen === 'its payee' ? (entity.payee ?? 'shop') : chosen
      await run(model, entity, await callerFor(cast, by), by, good)
    },
    toString: () => `${name}(${index}, ${chosen}${good ? '' : ', bad'})`,
  }))
}

const contexts = (model: Model): ModelContext[] => model.contexts
const sessions = (model: Model): ModelSession[] => model.sessions
const vouchers = (model: Model): ModelVoucher[] => model.vouchers

const openContext = fc.constantFrom('numeric', 'alphanum').map((format) =>
  command(`openContext(${format})`, async (model, { cast }) => {
    const caller = await callerFor(cast, 'payer')
    const body = { format, payers: [{ address: PAYER_ADDRESS }] }
    expected.addContext(model, ok(await caller.post<ContextView>('/vouchers/contexts/context-open', body)))
  }),
)

const closeContext = about('closeContext', contexts, payer, async (model, context, caller, by) => {
  const verdict = expected.closeContext(model, context, by)
  const answer = await caller.post<ContextView>(`/vouchers/contexts/${context.id}/context-close`, { payeeId: null })
  const closed = assertVerdict(answer, verdict)
  if (closed) assert.equal(closed.status, 'CLOSED')
})

const openSession = about('openSession', contexts, anyShop, async (model, context, caller, by) => {
  const answer = await caller.post<SessionView>('/vouchers/sessions/session-open', { code: context.code })
  const opened = assertVerdict(answer, expected.reachByCode(model, context))
  if (opened) expected.addSession(model, context, by, opened.id)
})

const joinSession = about('joinSession', sessions, payer, async (model, session, caller, by) => {
  const verdict = expected.joinSession(session, by)
  const joined = assertVerdict(await caller.post<SessionView>(`/vouchers/sessions/${session.id}/session-join`), verdict)
  if (joined) assertSession(model, session, joined)
})

const closeSession = about('closeSession', sessions, itsPayee, async (_model, session, caller, by) => {
  const verdict = expected.closeSession(session, by)
  assertVerdict(await caller.post<SessionView>(`/vouchers/sessions/${session.id}/session-close`), verdict)
})

const reserve = about('reserve', contexts, anyShop, async (model, context, caller, by) => {
  const answer = await caller.post<ReservedView>('/vouchers/reserve-voucher', { code: context.code })
  const reserved = assertVerdict(answer, expected.reachByCode(model, context))
  if (reserved) expected.addVoucher(model, { id: reserved.id, context, session: null, payee: by })
})

const reserveInSession = about('reserveInSession', sessions, itsPayee, async (model, session, caller, by) => {
  const answer = await caller.post<ReservedView>(`/vouchers/sessions/${session.id}/reserve-voucher`)
  const reserved = assertVerdict(answer, expected.reserveInSession(session, by))
  const { context } = session
  if (reserved) expected.addVoucher(model, { id: reserved.id, context, session, payee: by })
})

const redeem = about('redeem', vouchers, itsPayee, async (model, voucher, caller, by, good) => {
  const answer = await caller.post<VoucherView>(`/vouchers/${voucher.id}/redeem-voucher`, asking(good ? '1' : '0'))
  const redeemed = assertVerdict(answer, expected.redeem(voucher, by, good))
  if (!redeemed) return
  expected.addTerms(model, voucher, redeemed.payments?.[0]?.id ?? '')
  assertVoucher(voucher, redeemed)
})

const sign = about('sign', vouchers, payer, async (_model, voucher, caller, by) => {
  const { body } = await caller.get<VoucherView>(`/vouchers/${voucher.id}`)
  const signature = await PAYER_WALLET.signMessage({ message: body.signingMessage ?? 'nothing to sign' })
  const answer = await caller.post<VoucherView>(`/vouchers/${voucher.id}/sign-voucher`, {
    ...{ publicKey: PAYER_ADDRESS, signature },
  })
  const signed = assertVerdict(answer, expected.sign(voucher, by))
  if (signed) assertVoucher(voucher, signed)
})

const resolve = about('resolve', vouchers, payer, async (_model, voucher, caller, by, good) => {
  const receipts = [{ paymentId: (good && voucher.paymentId) || 'pay_0' }]
  const answer = await caller.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, { receipts })
  const resolved = assertVerdict(answer, expected.resolve(voucher, by, good))
  if (resolved) assertVoucher(voucher, resolved)
})

const discard = about('discard', vouchers, eitherSide, async (_model, voucher, caller, by) => {
  const answer = await caller.post<VoucherView>(`/vouchers/${voucher.id}/discard-voucher`)
  const discarded = assertVerdict(answer, expected.discard(voucher, by))
  if (discarded) assertVoucher(voucher, discarded)
})

const HOUR_MS = 60 * MINUTE_MS
const SPANS_MS = [
  1,
  1000,
  MINUTE_MS,
  2 * MINUTE_MS - 1,
  2 * MINUTE_MS,
  10 * MINUTE_MS - 1,
  10 * MINUTE_MS,
  24 * HOUR_MS - 1,
]
const advance = fc.constantFrom(...SPANS_MS).map((ms) =>
  command(`advance(${ms})`, async (model) => {
    nowMs += ms
    expected.advance(model, ms)
  }),
)

const tidyUp = fc.constant(command('tidyUp', sweepAll))
const restart = fc.constant(
  command('restart', async () => {
    const [first, ...others] = nodes.servers
    if (first) nodes.servers = [...others, uncounted(await first.restart())]
  }),
)
const lookAround = fc
  .constantFrom<Who>('payer', 'shop', 'rival', 'stranger')
  .map((by) => command(`lookAround(${by})`, (model, { cast }) => assertSees(model, cast, by)))

function assertVoucher(voucher: ModelVoucher, seen: VoucherView): void {
  assert.deepEqual(
    { id: seen.id, status: seen.status, version: seen.version, expiresAtMs: Date.parse(seen.expiresAt) },
    { id: voucher.id, status: voucher.status, version: voucher.events.length, expiresAtMs: voucher.endsAtMs },
  )
  assert.equal(seen.late, voucher.status === 'RESOLVED' ? false : undefined)
  assert.equal(seen.payments?.[0]?.id ?? null, voucher.paymentId)
  assert.equal(seen.sessionId ?? null, voucher.session?.id ?? null)
  assert.equal(seen.contextId, voucher.context.id)
}

function assertVouchers(vouchers: ModelVoucher[], seen: VoucherView[]): void {
  assert.deepEqual(
    seen.map(({ id }) => id),
    vouchers.map(({ id }) => id),
  )
  for (const [index, voucher] of vouchers.entries()) assertVoucher(voucher, seen[index] as VoucherView)
}

function assertSession(model: Model, session: ModelSession, seen: SessionView): void {
  assert.equal(seen.status, session.isOpen ? 'OPEN' : 'CLOSED')
  assert.equal(seen.version, session.events.length)
  assert.equal(seen.joinedAt !== null, session.isJoined)
  assertVouchers(
    model.vouchers.filter((voucher) => voucher.session === session),
    seen.vouchers ?? [],
  )
}

/** Asserts that a caller sees all that is its own, as the clock has it, and nothing else. */
async function assertSees(model: Model, cast: Cast, by: Who): Promise<void> {
  const caller = await callerFor(cast, by)
  const own = model.vouchers.filter((voucher) => expected.mayRead(voucher, by)).toReversed()
  assertVouchers(own, ok(await caller.get<VoucherView[]>('/vouchers?limit=1000')))
  for (const status of ['RESERVED', 'REDEEMED', 'RESOLVED', 'DISCARDED', 'EXPIRED']) {
    const seen = ok(await caller.get<VoucherView[]>(`/vouchers?limit=1000&status=${status}`))
    assertVouchers(
      own.filter((voucher) => voucher.status === status),
      seen,
    )
  }
  const ownSessions = model.sessions.filter((session) => expected.mayRead(session, by)).toReversed()
  const listed = ok(await caller.get<SessionView[]>('/vouchers/sessions?limit=1000'))
  assert.deepEqual(
    listed.map(({ id, status }) => ({ id, isOpen: status === 'OPEN' })),
    ownSessions.map(({ id, isOpen }) => ({ id, isOpen })),
  )
  for (const session of model.sessions.slice(-3)) {
    const answer = await caller.get<SessionView>(`/vouchers/sessions/${session.id}`)
    const seen = assertVerdict(answer, expected.mayRead(session, by) ? null : 'not_found')
    if (seen) assertSession(model, session, seen)
  }
  for (const voucher of model.vouchers.slice(-3)) {
    const answer = await caller.get<VoucherView>(`/vouchers/${voucher.id}`)
    const seen = assertVerdict(answer, expected.mayRead(voucher, by) ? null : 'not_found')
    if (seen) assertVoucher(voucher, seen)
  }
  if (by === 'payer') await assertContexts(model, caller)
}

async function assertContexts(model: Model, caller: TestCaller): Promise<void> {
  const seen = ok(await caller.get<ContextView[]>('/vouchers/contexts?limit=1000'))
  assert.deepEqual(
    seen.map(({ id, code, status }) => ({ id, code, isOpen: status === 'OPEN' })),
    model.contexts.map(({ id, code, isOpen }) => ({ id, code, isOpen })).toReversed(),
  )
}

/** Asserts that the log holds what happened, each thing once and in order, and nothing else. */
async function assertLog(model: Model, { ids }: Cast): Promise<void> {
  await sweepAll()
  const own = (await eventLog(oneOfThem())).filter(({ payerId }) => payerId === ids.payer)
  const bySubject = Map.groupBy(own, ({ subjectId }) => subjectId)
  const subjects = [...model.contexts, ...model.sessions, ...model.vouchers]
  assert.equal(bySubject.size, subjects.length)
  for (const { id, events } of subjects) {
    assert.deepEqual(
      bySubject.get(id)?.map(({ type }) => type),
      events,
      id,
    )
  }
  for (const { id, events } of [...model.sessions, ...model.vouchers]) {
    assert.deepEqual(
      bySubject.get(id)?.map(({ version }) => version),
      events.map((_, index) => index + 1),
      id,
    )
  }
}

describe('the server', () => {
  let stranger: string
  before(async () => {
    const clock = {
      now: () => nowMs,
      advance: (ms: number) => {
        nowMs += ms
      },
    }
    nodes = await startNodes({ clock })
    for (const server of nodes.servers) uncounted(server)
    stranger = (await newPayer(urls())).accountId
  })
  after(() => nodes.stop())

  it('does as the model of the protocol does, whatever callers, clock and restarts do', async () => {
    const times = (weight: number, ...arbitraries: fc.Arbitrary<Command>[]) =>
      arbitraries.flatMap((arbitrary) => Array<fc.Arbitrary<Command>>(weight).fill(arbitrary))
    const commands = fc.commands(
      [
        ...times(3, openContext, openSession, joinSession, closeSession, sign, lookAround, tidyUp),
        ...times(6, reserve, reserveInSession, discard, advance),
        ...times(9, resolve),
        ...times(15, redeem),
        closeContext,
        restart,
      ],
      { maxCommands: 100, size: 'max' },
    )
    const runs = fc.asyncProperty(openContext, commands, async (opening, commands) => {
      const real: Real = { cast: await newCast(stranger) }
      const model = expected.newModel(nowMs)
      await opening.run(model, real)
      await fc.asyncModelRun(() => ({ model, real }), commands)
      for (const by of ['payer', 'shop', 'rival', 'stranger'] as const) await assertSees(model, real.cast, by)
      await assertLog(model, real.cast)
    })
    await fc.assert(runs, { seed: SEED, numRuns: RUNS })
  })
})
