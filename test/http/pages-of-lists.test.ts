import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type Chain, ChainUnavailable } from '../../src/chains/chain.ts'
import { createPayee } from '../../src/client/index.ts'
import type { Hex } from '../../src/domain/hex.ts'
import type { SettlementTransaction } from '../../src/domain/settlement.ts'
import { hasTerms, type TermedVoucher, type Voucher } from '../../src/domain/voucher.ts'
import type { SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import { MAX_PAGE_BYTES } from '../../src/use-cases/page.ts'
import { sweep } from '../../src/use-cases/sweep.ts'
import { watchSettlements } from '../../src/use-cases/watch-settlements.ts'
import { eventLog } from '../support/event-log.ts'
import {
  type Answer,
  asking,
  newParties,
  openSession,
  type Parties,
  redeemInSession,
  startTestServer,
  type TestServer,
  UNVERIFIED_NETWORK,
} from '../support/server.ts'
import { ok } from './problems.ts'

/** Vouchers as large as older versions took them, and as many as none takes now. */
const PADDING = 'x'.repeat(60_000)
const MANY = 120

let server: TestServer
let parties: Parties
let session: SessionView
/** The oldest first. */
let ids: string[]
before(async () => {
  server = await startTestServer()
  parties = await newParties(server.url)
  session = await openSession(parties)
  const { id } = await redeemInSession(parties, session.id, asking('1'))
  const voucher = await server.app.store.voucher(id)
  assert.ok(voucher?.status === 'REDEEMED')
  const copies = Array.from({ length: MANY - 1 }, (_, index): Voucher => {
    const nth = String(index).padStart(6, '0')
    return {
      ...structuredClone(voucher),
      ...{ id: `vch_copy${nth}`, code: `P${nth.slice(1)}`, version: 1 },
      // Some of one moment, as a busy server has them.
      createdAtMs: voucher.createdAtMs + 1 + Math.floor(index / 7),
      redemption: { ...voucher.redemption, payeeInfo: { note: PADDING } },
    }
  })
  ids = [id, ...copies.map((copy) => copy.id)]
  for (let first = 0; first < copies.length; first += 20) {
    await server.app.store.commit({ vouchers: copies.slice(first, first + 20) })
  }
})
after(() => server.stop())

const nextOf = ({ headers }: Answer<object>): string | null =>
  /^<(\?[^>]*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? null
const bytesOf = (body: object) => Buffer.byteLength(JSON.stringify(body))

/** Reads page by page, as the header leads on. @returns how many rows were on each page */
async function follow<Body extends object>(path: string, query: string, rowsOf: (body: Body) => { id: string }[]) {
  const seen: string[] = []
  const sizes: number[] = []
  for (let next: string | null = query; next !== null; ) {
    const answer: Answer<Body> = await parties.payee.get<Body>(path + next)
    const rows = rowsOf(ok(answer))
    assert.ok(bytesOf(answer.body) <= MAX_PAGE_BYTES + 10_000, `${bytesOf(answer.body)} bytes`)
    seen.push(...rows.map(({ id }) => id))
    sizes.push(rows.length)
    next = nextOf(answer)
  }
  return { seen, sizes }
}

it('a list ends a page at its bytes, and leads on to the rest', async () => {
  const { seen, sizes } = await follow<VoucherView[]>('/vouchers', '?limit=1000', (rows) => rows)
  assert.deepEqual(seen, ids.toReversed())
  assert.ok(sizes.length > 3 && Math.max(...sizes) < 40, `${sizes}`)
})

it('a list leads on at its limit, past new rows, and no farther than to its end', async () => {
  const path = `/vouchers`
  const first = await parties.payee.get<VoucherView[]>(`${path}?limit=10&offset=3&status=REDEEMED`)
  const late = await redeemInSession(parties, session.id, asking('1'))
  const second = await parties.payee.get<VoucherView[]>(path + nextOf(first))
  const read = [...ok(first), ...ok(second)].map(({ id }) => id)
  assert.deepEqual(read, ids.toReversed().slice(3, 23))
  ok(await parties.payee.post(`/vouchers/${late.id}/discard-voucher`))
  const whole = await parties.payee.get<VoucherView[]>('/vouchers?limit=1&status=DISCARDED')
  assert.deepEqual([ok(whole).length, nextOf(whole)], [1, null])
})

it('a session shows its vouchers in pages, and says so', async () => {
  const path = `/vouchers/sessions/${session.id}`
  const { seen, sizes } = await follow<SessionView>(path, '', ({ vouchers = [] }) => vouchers)
  assert.deepEqual(seen.slice(0, MANY), ids)
  assert.ok(sizes.length > 3, `${sizes}`)
  const whole = ok(await parties.payee.get<SessionView>(`${path}?limit=2&offset=1`))
  assert.deepEqual(
    whole.vouchers?.map(({ id }) => id),
    ids.slice(1, 3),
  )
  assert.equal(whole.hasMoreVouchers, true)
  const joined = ok(await parties.payer.post<SessionView>(`${path}/session-join`))
  assert.ok(joined.hasMoreVouchers && bytesOf(joined) <= MAX_PAGE_BYTES + 10_000)
})

it('what is to be paid in a session comes in pages, and receipts find their vouchers on any', async () => {
  const path = `/vouchers/sessions/${session.id}/payments`
  const read: string[] = []
  for (let next: string | null = '?limit=50'; next !== null; ) {
    const answer: Answer<{ vouchers: { voucherId: string }[] }> = await parties.payer.get(path + next)
    read.push(...ok(answer).vouchers.map(({ voucherId }) => voucherId))
    next = nextOf(answer)
  }
  assert.deepEqual(read, ids)
  const last = await server.app.store.voucher(ids.at(-1) ?? '')
  assert.ok(last?.status === 'REDEEMED')
  const receipts = last.redemption.payments.map((payment) => ({ paymentId: payment.id }))
  const { results } = ok(
    await parties.payer.post<{ results: { voucherId: string }[] }>(`/vouchers/sessions/${session.id}/session-resolve`, {
      receipts,
    }),
  )
  assert.ok(results.some(({ voucherId }) => ids.includes(voucherId)))
})

it('the SDK follows pages up to the limit, and through a whole session', async () => {
  const payee = createPayee({ url: server.url, token: parties.payeeToken })
  const listed = await payee.listVouchers({ limit: 100 })
  assert.equal(listed.length, 100)
  assert.equal(new Set(listed.map(({ id }) => id)).size, 100)
  const { vouchers, hasMoreVouchers } = await payee.getSession(session.id)
  assert.deepEqual(
    vouchers?.slice(0, MANY).map(({ id }) => id),
    ids,
  )
  assert.equal(hasMoreVouchers, undefined)
})

it('a context with many sessions closes slice by slice, and with the last of them', async () => {
  const own = await newParties(server.url)
  const first = await openSession(own)
  const row = await server.app.store.session(first.id)
  assert.ok(row)
  const more = Array.from({ length: 130 }, (_, index) => ({
    ...row,
    version: 1,
    id: `ses_copy${index}`,
    code: `C${index}`,
  }))
  await server.app.store.commit({ sessions: more })
  const commits = server.app.store.commit.bind(server.app.store)
  const sizes: number[] = []
  server.app.store.commit = async (change) => {
    sizes.push(change.sessions?.length ?? 0)
    await commits(change)
  }
  try {
    const path = `/vouchers/contexts/${own.context.id}/context-close`
    const key = { 'idempotency-key': 'close' }
    const closed = ok(await own.payer.post<{ status: string }>(path, { payeeId: null }, key))
    assert.equal(closed.status, 'CLOSED')
    assert.deepEqual(ok(await own.payer.post(path, { payeeId: null }, key)), closed)
  } finally {
    server.app.store.commit = commits
  }
  assert.deepEqual(sizes, [50, 50, 31])
  assert.deepEqual(await server.app.store.openSessionsOf(own.context.id, 1000), [])
  const log = (await eventLog(server)).filter(({ type }) => type === 'session.closed')
  assert.equal(new Set(log.map(({ subjectId }) => subjectId)).size, 131)
})

it('what waits for blocks is read only when it is due, and what has lapsed together few at a time', async () => {
  const { store } = server.app
  const looks = new Set<string>()
  // Nothing on the chain is known, and its node answers.
  const chain = {
    network: UNVERIFIED_NETWORK,
    sight: (hash: string) => {
      looks.add(hash)
      return Promise.reject(new ChainUnavailable('nothing can be seen'))
    },
    head: async () => ({ number: 1 }),
  } as unknown as Chain
  const sinceMs = server.clock.now() - 10 * 60 * 60_000
  for (const [nth, id] of ids.entries()) {
    const attempts = [{ transactions: [anUnminedTransaction(nth)], sinceMs }]
    const voucher = await store.voucher(id)
    assert.ok(voucher !== null && hasTerms(voucher))
    const attempted: TermedVoucher = { ...voucher, version: voucher.version + 1, attempts }
    await store.commit({ vouchers: [attempted] })
  }
  const read = store.voucher.bind(store)
  let reads = 0
  store.voucher = (id) => {
    reads += 1
    return read(id)
  }
  const looksInRound = async () => {
    looks.clear()
    await watchSettlements(server.app, chain)
    return looks.size
  }
  const lapsed = store.lapsedVouchers.bind(store)
  const sizes: number[] = []
  store.lapsedVouchers = async (nowMs, limit) => {
    const rows = await lapsed(nowMs, limit)
    sizes.push(rows.length)
    return rows
  }
  try {
    for (let round = 0; round < MANY / 20; round++) assert.equal(await looksInRound(), 20, 'of one payer')
    reads = 0
    assert.equal(await looksInRound(), 0)
    assert.equal((await fetch(`${server.url}/metrics`)).status, 200)
    assert.equal(reads, 0)
    server.clock.advance(16 * 60_000)
    assert.equal(await looksInRound(), 20)
    await sweep(server.app)
  } finally {
    Object.assign(store, { voucher: read, lapsedVouchers: lapsed })
  }
  assert.deepEqual(await store.lapsedVouchers(server.clock.now(), 1), [])
  assert.ok(sizes.length >= 4 && sizes.every((size) => size <= 25), String(sizes))
})

function anUnminedTransaction(nth: number): SettlementTransaction {
  const hash: Hex = `0x${nth.toString(16).padStart(64, '0')}`
  return {
    ...{ paymentId: 'pay_a', hash, signedTransaction: null, from: null, nonce: null },
    ...{ block: null, missingSinceMs: null },
  }
}
