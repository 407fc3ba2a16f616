import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createSiweMessage } from 'viem/siwe'
import type { Event } from '../../src/domain/event.ts'
import type { EventType } from '../../src/protocol/events.ts'
import type { ProblemCode } from '../../src/protocol/problems.ts'
import type { ContextView, SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import { newEmail, PASSWORD, PAYER_WALLET } from '../http/calls.ts'
import { assertProblem, ok } from '../http/problems.ts'
import { eventLog } from '../support/event-log.ts'
import { type Nodes, startNodes } from '../support/nodes.ts'
import {
  type Answer,
  asking,
  callerOf,
  newContext,
  newPayer,
  openSession,
  receiptsOf,
  redeem,
  reserve,
  type Scene,
  type TestCaller,
  type TestServer,
} from '../support/server.ts'

const CALLERS = 16
const ROUNDS = 6

let nodes: Nodes
/** Any of the servers; and where to call all of them in turn. */
let server: TestServer
let urls: string[]
let payer: TestCaller
let strangers: TestCaller
before(async () => {
  nodes = await startNodes()
  server = nodes.servers[0] ?? assert.fail()
  urls = nodes.servers.map(({ url }) => url)
  payer = (await newPayer(urls)).caller
  strangers = callerOf(urls)
})
after(() => nodes.stop())

/** Plays a race many times. */
function race(name: string, play: () => Promise<void>, rounds = ROUNDS): void {
  it(`${name}, ${rounds} times`, async () => {
    for (let round = 0; round < rounds; round++) await play()
  })
}

/** Makes many calls at once. */
function atOnce<T>(call: (index: number) => Promise<T>, callers = CALLERS): Promise<T[]> {
  return Promise.all(Array.from({ length: callers }, (_, index) => call(index)))
}

/** Asserts that one call won and that each other was refused by one of these words. */
function theWinner<Body extends object>(answers: Answer<Body>[], ...lost: ProblemCode[]): Body {
  const winners = answers.filter(({ status }) => status === 200)
  assert.equal(winners.length, 1, JSON.stringify(answers.map(({ status, body }) => body.code ?? status)))
  assertLosers(answers, ...lost)
  return ok(winners[0] as Answer<Body>)
}

/** Asserts that whoever did not win was refused by one of these words. */
function assertLosers(answers: Answer<object>[], ...lost: ProblemCode[]): void {
  for (const answer of answers) {
    if (answer.status === 200) continue
    const word = lost.find((word) => word === answer.body.code)
    assertProblem(answer, word ?? lost[0] ?? 'unexpected')
  }
}

const wins = (answers: Answer<object>[]) => answers.filter(({ status }) => status === 200).length

/** The log of one context, session or voucher. */
async function eventsOf(subjectId: string): Promise<Event[]> {
  return (await eventLog(server)).filter((event) => event.subjectId === subjectId)
}

/** Asserts that a voucher or session went through exactly these events, each with the next version. */
async function assertHistory(subjectId: string, ...types: EventType[]): Promise<void> {
  const events = await eventsOf(subjectId)
  assert.deepEqual(
    events.map(({ type, version }) => ({ type, version })),
    types.map((type, index) => ({ type, version: index + 1 })),
  )
}

/** The payee has called before, so that its calls take no longer than the payer's. */
async function newScene(): Promise<Scene> {
  const scene = await newContext(urls, payer)
  ok(await scene.payee.get('/vouchers'))
  return scene
}

const read = async (id: string) => ok(await payer.get<VoucherView>(`/vouchers/${id}`))

describe('of 16 callers at once', () => {
  race('one redeems, and its terms stand', async () => {
    const parties = await newScene()
    const { id } = await reserve(parties)
    const answers = await atOnce((index) =>
      parties.payee.post<VoucherView>(`/vouchers/${id}/redeem-voucher`, asking(String(index + 1))),
    )
    const won = theWinner(answers, 'already_redeemed')
    assert.deepEqual(await read(id), won)
    await assertHistory(id, 'voucher.reserved', 'voucher.redeemed')
  })

  race('one discards, be it payer or payee', async () => {
    const parties = await newScene()
    const { id } = await reserve(parties)
    const answers = await atOnce((index) =>
      (index % 2 ? parties.payee : payer).post<VoucherView>(`/vouchers/${id}/discard-voucher`),
    )
    theWinner(answers, 'already_resolved')
    assert.equal((await read(id)).status, 'DISCARDED')
    await assertHistory(id, 'voucher.reserved', 'voucher.discarded')
  })

  race('one resolves', async () => {
    const voucher = await redeem(await newScene(), asking('1'))
    const resolve = () => payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher))
    const won = theWinner(await atOnce(resolve), 'already_resolved')
    assert.deepEqual(await read(voucher.id), won)
    await assertHistory(voucher.id, 'voucher.reserved', 'voucher.redeemed', 'voucher.resolved')
  })

  race('one joins a session', async () => {
    const { id } = await openSession(await newScene())
    const answers = await atOnce(() => payer.post<SessionView>(`/vouchers/sessions/${id}/session-join`))
    assert.notEqual(theWinner(answers, 'already_joined').joinedAt, null)
    await assertHistory(id, 'session.opened', 'session.joined')
  })

  race('one closes a session', async () => {
    const parties = await newScene()
    const { id } = await openSession(parties)
    const close = () => parties.payee.post<SessionView>(`/vouchers/sessions/${id}/session-close`)
    assert.equal(theWinner(await atOnce(close), 'already_closed').status, 'CLOSED')
    await assertHistory(id, 'session.opened', 'session.closed')
  })

  race('one closes a context, and its sessions close once', async () => {
    const parties = await newScene()
    const sessions = [await openSession(parties), await openSession(parties)]
    const close = (index: number) =>
      payer.post<ContextView>(`/vouchers/contexts/${parties.context.id}/context-close`, {
        payeeId: index.toString(16).repeat(64),
      })
    const won = theWinner(await atOnce(close), 'already_closed')
    const seen = ok(await payer.get<ContextView>(`/vouchers/contexts/${parties.context.id}`))
    assert.deepEqual({ status: seen.status, payeeId: seen.payeeId }, { status: 'CLOSED', payeeId: won.payeeId })
    const types = (await eventsOf(parties.context.id)).map(({ type }) => type)
    assert.deepEqual(types, ['context.opened', 'context.closed'])
    for (const { id } of sessions) await assertHistory(id, 'session.opened', 'session.closed')
  })

  race(
    'one signs up with an email address, in whatever case',
    async () => {
      const email = newEmail()
      const answers = await atOnce((index) => {
        const data = { email: index % 2 ? email : email.toUpperCase(), password: PASSWORD }
        return strangers.post<{ id: string }>('/auth/sign-up', { type: 'email-password', data })
      })
      theWinner(answers, 'already_exists')
      ok(await strangers.post('/auth/sign-in', { type: 'email-password', data: { email, password: PASSWORD } }))
    },
    2,
  )

  race(
    'one signs up a device with a challenge',
    async () => {
      const { challenge } = ok(await strangers.get<{ challenge: string }>('/auth/get-challenge'))
      const answers = await atOnce((index) => {
        const installationId = `${challenge}-${index}`
        const device = { installationId, password: 'p'.repeat(32), platform: 'ios', challenge, assertionToken: 'any' }
        return strangers.post('/auth/sign-up', { type: 'mobile-device', data: device })
      })
      theWinner(answers, 'validation_failed')
    },
    2,
  )

  race(
    'one signs in by wallet with a challenge',
    async () => {
      const { challenge } = ok(await strangers.get<{ challenge: string }>('/auth/get-challenge'))
      const { host } = new URL(server.url)
      const message = createSiweMessage({
        address: PAYER_WALLET.address,
        chainId: 31338,
        domain: host,
        uri: server.url,
        nonce: challenge,
        version: '1',
        issuedAt: new Date(server.clock.now()),
      })
      const data = { message, signature: await PAYER_WALLET.signMessage({ message }) }
      theWinner(await atOnce(() => strangers.post('/auth/sign-in', { type: 'wallet', data })), 'invalid_credentials')
    },
    5,
  )

  race('each revokes an API key, which ends once', async () => {
    const { id } = ok(await payer.post<{ id: string }>('/auth/api-keys', { name: 'till' }))
    const answers = await atOnce(() => payer.post<{ revokedAt: string }>(`/auth/api-keys/${id}/revoke`))
    assert.equal(new Set(answers.map((answer) => ok(answer).revokedAt)).size, 1)
    const keys = ok(await payer.get<{ id: string; revokedAt: string }[]>('/auth/api-keys'))
    assert.equal(keys.find((key) => key.id === id)?.revokedAt, answers[0]?.body.revokedAt)
  })
})

describe('of two kinds of callers at once', () => {
  race('whoever redeems, one discards in the end', async () => {
    const parties = await newScene()
    const { id } = await reserve(parties)
    const answers = await atOnce((index) =>
      index % 2
        ? parties.payee.post(`/vouchers/${id}/redeem-voucher`, asking('1'))
        : payer.post(`/vouchers/${id}/discard-voucher`),
    )
    const redeems = answers.filter((_, index) => index % 2)
    theWinner(
      answers.filter((_, index) => index % 2 === 0),
      'already_resolved',
    )
    assertLosers(redeems, 'already_redeemed', 'expired')
    assert.equal((await read(id)).status, 'DISCARDED')
    if (wins(redeems) === 0) await assertHistory(id, 'voucher.reserved', 'voucher.discarded')
    else await assertHistory(id, 'voucher.reserved', 'voucher.redeemed', 'voucher.discarded')
  })

  race('either one discards or one resolves', async () => {
    const voucher = await redeem(await newScene(), asking('1'))
    const answers = await atOnce((index) =>
      index % 2
        ? payer.post(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher))
        : payer.post(`/vouchers/${voucher.id}/discard-voucher`),
    )
    theWinner(answers, 'already_resolved', 'receipt_rejected')
    const { status } = await read(voucher.id)
    const discarded = wins(answers.filter((_, index) => index % 2 === 0)) === 1
    assert.equal(status, discarded ? 'DISCARDED' : 'RESOLVED')
    const end = discarded ? 'voucher.discarded' : 'voucher.resolved'
    await assertHistory(voucher.id, 'voucher.reserved', 'voucher.redeemed', end)
  })

  race('nobody reserves in a session that has closed', async () => {
    const parties = await newScene()
    const { id } = await openSession(parties)
    const answers = await atOnce((index) =>
      parties.payee.post<{ id: string }>(
        `/vouchers/sessions/${id}/${index === 8 ? 'session-close' : 'reserve-voucher'}`,
      ),
    )
    assert.equal(answers[8]?.status, 200)
    assertLosers(answers, 'session_closed')
    const reserved = answers.filter(({ status }, index) => status === 200 && index !== 8).map(({ body }) => body.id)
    const session = ok(await payer.get<SessionView>(`/vouchers/sessions/${id}`))
    assert.deepEqual(session.vouchers?.map((voucher) => voucher.id).toSorted(), reserved.toSorted())
    await assertNothingAfter('session.closed', id, reserved)
  })

  race('nobody reserves in a context that has closed', async () => {
    const parties = await newScene()
    const { made } = await closeAmong(parties, '/vouchers/reserve-voucher')
    await assertNothingAfter('context.closed', parties.context.id, made)
  })

  race('nobody opens a session in a context that has closed, and none stays open in it', async () => {
    const parties = await newScene()
    const { made } = await closeAmong(parties, '/vouchers/sessions/session-open')
    await assertNothingAfter('context.closed', parties.context.id, made)
    const sessions = ok(await payer.get<SessionView[]>(`/vouchers/sessions?contextId=${parties.context.id}`))
    assert.deepEqual(sessions.map(({ id }) => id).toSorted(), made.toSorted())
    for (const { id, status } of sessions) {
      assert.equal(status, 'CLOSED')
      await assertHistory(id, 'session.opened', 'session.closed')
    }
  })

  /** Closes a context in the midst of calls that use its code; tells what those made. */
  async function closeAmong({ payee, context }: Scene, path: string): Promise<{ made: string[] }> {
    const answers = await atOnce((index) =>
      index === CALLERS / 2
        ? payer.post<{ id: string }>(`/vouchers/contexts/${context.id}/context-close`, { payeeId: null })
        : payee.post<{ id: string }>(path, { code: context.code }),
    )
    const [close] = answers.splice(CALLERS / 2, 1)
    assert.equal(close?.status, 200)
    assertLosers(answers, 'invalid_code')
    return { made: answers.filter(({ status }) => status === 200).map(({ body }) => body.id) }
  }

  race('one joins before the session closes, or nobody', async () => {
    const parties = await newScene()
    const { id } = await openSession(parties)
    const answers = await atOnce((index) =>
      index % 2
        ? payer.post(`/vouchers/sessions/${id}/session-join`)
        : parties.payee.post(`/vouchers/sessions/${id}/session-close`),
    )
    const joins = answers.filter((_, index) => index % 2)
    theWinner(
      answers.filter((_, index) => index % 2 === 0),
      'already_closed',
    )
    assertLosers(joins, 'already_joined', 'session_closed')
    const joined: EventType[] = wins(joins) > 0 ? ['session.joined'] : []
    await assertHistory(id, 'session.opened', ...joined, 'session.closed')
  })

  race(
    'the clock ends a voucher once, whoever notices',
    async () => {
      const voucher = await redeem(await newScene(), asking('1'))
      server.clock.advance(10 * 60_000)
      const answers = await atOnce(() =>
        payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher)),
      )
      assert.equal(wins(answers), 0)
      assertLosers(answers, 'receipt_rejected')
      await assertHistory(voucher.id, 'voucher.reserved', 'voucher.redeemed', 'voucher.expired')
    },
    // Each round takes the clock ten minutes on, and tokens live for a day.
    10,
  )

  /** Asserts that none of the subjects began after the event that ended its home. */
  async function assertNothingAfter(type: EventType, homeId: string, subjectIds: string[]): Promise<void> {
    const log = await eventLog(server)
    const end = log.findIndex((event) => event.type === type && event.subjectId === homeId)
    for (const subjectId of subjectIds) {
      assert.ok(log.findIndex((event) => event.subjectId === subjectId) < end, `${subjectId} began too late`)
    }
  }
})
