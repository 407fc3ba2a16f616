import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { closeContext } from '../../src/domain/context.ts'
import { newRelayQueue } from '../../src/domain/relay-queue.ts'
import { type Arrival, isWhole, type MoveProgress, moveStore } from '../../src/store/move.ts'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Change, Store } from '../../src/store/store.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import {
  aClaim,
  aContext,
  aCredential,
  aDelivery,
  anAccount,
  anAnswer,
  anApiKey,
  anEndpoint,
  anEvent,
  aSession,
  aVoucher,
  nextCode,
  PAYEE_ID,
  PAYER_ID,
  redeemed,
  settling,
  T0,
  WHOLE_LIST,
} from './rows.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startPostgres()
})
after(() => cluster.stop())

const SECRETS = '{"version":1}'

async function newDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sixpence-move-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A data directory with what these commits leave there. */
async function storeWith(t: TestContext, ...changes: Change[]): Promise<string> {
  const directory = await newDirectory(t)
  await write(directory, ...changes)
  return directory
}

async function write(directory: string, ...changes: Change[]): Promise<void> {
  const store = await openSqliteStore({ dataDir: directory, clock: () => T0 })
  for (const change of changes) await store.commit(change)
  await store.close()
}

/** @param stopAfter ends the move after so many batches and new tables */
function move(from: string, to: string, stopAfter = Number.POSITIVE_INFINITY, secretText: string | null = SECRETS) {
  const seen: MoveProgress[] = []
  const onProgress = (progress: MoveProgress) => {
    seen.push(progress)
    if (seen.length >= stopAfter) throw new Error('the power failed')
  }
  return moveStore({ from, to, secretText, onProgress }).then((arrivals) => ({ arrivals, seen }))
}

function assertWhole(arrivals: Arrival[]): void {
  assert.deepEqual(
    arrivals.filter((arrival) => !isWhole(arrival)),
    [],
  )
}

async function sql(t: TestContext, url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  t.after(() => client.end())
  await client.query('SET search_path = sixpence')
  return client
}

function unusable(message: RegExp) {
  return { name: 'StoreUnusable', message }
}

const many = <Item>(count: number, make: (nth: number) => Item): Item[] =>
  Array.from({ length: count }, (_, n) => make(n))

/** Rows of every kind, in every state that has columns of its own, with texts that engines hold differently. */
function everything() {
  const contexts = many(5, () => aContext())
  const [first = aContext()] = contexts
  const session = aSession({ contextId: first.id })
  const vouchers = many(2500, () => aVoucher({ code: nextCode(), sessionId: session.id }))
  const [one = aVoucher(), two = aVoucher()] = vouchers
  const withTerms = redeemed(one, { orderId: 'order \\ 7 \ud800 \0' })
  const payable = redeemed(two)
  const account = anAccount()
  const endpoint = anEndpoint({ widgetId: 'widget \ud800' })
  const events = many(2500, (nth) => anEvent({ subjectId: `vch_${nth}`, ...(nth % 2 && { payeeId: null }) }))
  const claims = [aClaim(), aClaim({ key: 'key \0 \\', forgetAtMs: T0 + 1 }), aClaim({ ownerId: 'Zoë' })]
  const rows = {
    contexts,
    sessions: [session],
    accounts: [account],
    apiKeys: [anApiKey({ ownerId: account.id }), anApiKey()],
    credentials: [aCredential(), aCredential({ kind: 'wallet', identifier: '0xabc' })],
    webhookEndpoints: [endpoint],
    claims,
  }
  const deliveries = many(3, () => aDelivery(endpoint))
  const answers = [anAnswer(), anAnswer({ body: '"Käse \\u0000"' })]
  const changes: Change[] = [
    { ...rows, vouchers, events },
    {
      vouchers: [withTerms, payable],
      webhookDeliveries: deliveries,
      logPlaces: [aLogPlace()],
      relayQueues: [aRelayQueue()],
    },
    { vouchers: [settling(payable)], contexts: [closeContext(first, null, T0 + 1)] },
    ...answers.map((answer) => ({ answer })),
  ]
  return { changes, session, withTerms, endpoint, account, answers, ...rows }
}

function aLogPlace() {
  return { id: 'webhooks', version: 1, position: '1200' }
}

function aRelayQueue() {
  return { ...newRelayQueue('137:0xabc'), version: 1, spent: [{ hour: 500_000, wei: '21000' }] }
}

/** Everything that a store says when it is asked for everything. */
async function readAll(store: Store, asked: ReturnType<typeof everything>) {
  const party = { payerId: PAYER_ID, payeeId: PAYEE_ID }
  const list = { ...WHOLE_LIST, party, status: null, orderId: null, sessionId: null, code: null, nowMs: T0 }
  const { endpoint } = asked
  return {
    contexts: await store.contexts({ ...WHOLE_LIST, payerId: PAYER_ID }),
    byCode: await Promise.all(asked.contexts.map(({ code }) => store.contextByCode(code))),
    sessions: await store.sessions({ ...WHOLE_LIST, party, contextId: null }),
    vouchers: await Promise.all([0, 1000, 2000].map((offset) => store.vouchers({ ...list, offset }))),
    ofSession: await store.vouchersOf(asked.session.id, { limit: 1000, offset: 0 }),
    ofOrder: await store.vouchers({ ...list, orderId: asked.withTerms.redemption.orderId }),
    watched: await store.watched(10),
    lapsed: await store.lapsedVouchers(Number.MAX_SAFE_INTEGER, 5000),
    account: await store.account(asked.account.id),
    credentials: await Promise.all(asked.credentials.map(({ kind, identifier }) => store.credential(kind, identifier))),
    apiKeys: await store.apiKeys(null, { limit: 1000, offset: 0, sinceMs: null, untilMs: null }),
    byHash: await Promise.all(asked.apiKeys.map(({ hash }) => store.apiKeyByHash(hash))),
    owners: await store.claimOwners(asked.claims.map(({ key }) => key)),
    answers: await Promise.all(asked.answers.map(({ scope }) => store.answer(scope, T0))),
    events: (await store.events(null, 5000)).map(({ event }) => event),
    later: (await store.events('1234', 5000)).map(({ event }) => event),
    endpoints: await store.webhookEndpoints({
      ...WHOLE_LIST,
      ownerId: endpoint.ownerId,
      payeeOnly: false,
      enabled: null,
      widgetId: endpoint.widgetId,
    }),
    due: await store.dueDeliveries(endpoint.id, T0, 10),
    place: await store.logPlace('webhooks'),
    relayQueue: await store.relayQueue('137:0xabc'),
  }
}

describe('a moved store', () => {
  test('says all that it said before, in the same order', async (t) => {
    const asked = everything()
    const directory = await storeWith(t, ...asked.changes)
    const url = await cluster.createDatabase()
    assertWhole((await move(directory, url)).arrivals)
    const [before, after] = [
      await openSqliteStore({ dataDir: directory, clock: () => T0 }),
      await openPostgresStore({ url, clock: () => T0 }),
    ]
    t.after(() => Promise.all([before.close(), after.close()]))
    const said = await readAll(before, asked)
    assert.equal(said.ofOrder.length, 1)
    assert.equal(said.owners.size, 3)
    assert.deepEqual(await readAll(after, asked), said)
    assert.equal(await after.secretText(), SECRETS)
  })

  test('leaves out no table of the embedded store, whatever is added to it', async (t) => {
    const directory = await storeWith(t, ...everything().changes)
    const db = new DatabaseSync(join(directory, 'sixpence.db'), { readOnly: true })
    const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'`).all()
    db.close()
    const { arrivals } = await move(directory, await cluster.createDatabase())
    const moved = new Map(arrivals.map(({ table, arrived }) => [table, arrived.rows]))
    for (const { name } of tables)
      assert.ok((moved.get(String(name)) ?? 0) > 0, `${name} is moved, and tested with rows`)
  })

  test('goes on from there: new rows and events come after those that were moved', async (t) => {
    const directory = await storeWith(t, { vouchers: many(3, () => aVoucher()), events: many(5000, () => anEvent()) })
    const url = await cluster.createDatabase()
    await move(directory, url)
    const store = await openPostgresStore({ url, clock: () => T0 })
    t.after(() => store.close())
    const [voucher, event] = [aVoucher(), anEvent({ subjectId: 'new' })]
    await store.commit({ vouchers: [voucher], events: [event] })
    const page = { ...WHOLE_LIST, party: { payerId: PAYER_ID, payeeId: null } }
    const listed = await store.vouchers({
      ...page,
      status: null,
      orderId: null,
      sessionId: null,
      code: null,
      nowMs: T0,
    })
    assert.deepEqual([listed.length, listed[0]?.id], [4, voucher.id])
    const seen = (await store.events('4999', 10)).map(({ event }) => event.subjectId)
    assert.deepEqual(seen, ['vch_1', 'new'])
  })

  test('is one without secrets where no server ever ran', async (t) => {
    const url = await cluster.createDatabase()
    assertWhole((await move(await storeWith(t, { accounts: [anAccount()] }), url, undefined, null)).arrivals)
    const store = await openPostgresStore({ url })
    t.after(() => store.close())
    assert.equal(await store.secretText(), null)
  })
})

describe('a move that was interrupted', () => {
  const rows = (): Change => ({ vouchers: many(3500, () => aVoucher({ code: nextCode() })), events: [anEvent()] })

  test('goes on where it stopped, time and again, and no server starts before the end', async (t) => {
    const directory = await storeWith(t, rows())
    const url = await cluster.createDatabase()
    const reached: number[] = []
    for (const stopAfter of [13, 6]) {
      await assert.rejects(move(directory, url, stopAfter), unusable(/stopped: the power failed\. Run it again/))
      await assert.rejects(openPostgresStore({ url }), unusable(/not all of it has arrived/))
      const { rows } = await (await sql(t, url)).query('SELECT count(*)::int AS arrived FROM vouchers')
      reached.push(rows[0].arrived)
    }
    const { arrivals, seen } = await move(directory, url)
    assertWhole(arrivals)
    const begun = seen.filter(({ table }) => table === 'vouchers').map(({ rows }) => rows)
    assert.ok(
      reached.every((count) => count > 0 && count < 3500),
      `${reached}`,
    )
    assert.equal(begun[0], reached[1])
    await (await openPostgresStore({ url })).close()
  })

  test('does not go on with another store, nor with one that was written to since', async (t) => {
    const directory = await storeWith(t, rows())
    const url = await cluster.createDatabase()
    await assert.rejects(move(directory, url, 12), unusable(/power/))
    const otherSource = unusable(/unfinished move of another store, or of this one before/)
    await assert.rejects(move(await storeWith(t, rows()), url), otherSource)
    await assert.rejects(move(directory, url, undefined, '{"version":2}'), otherSource)
    await write(directory, { claims: [aClaim()] })
    await assert.rejects(move(directory, url), otherSource)
  })

  test('is not ended while anything is amiss', async (t) => {
    const tamperings = [
      "UPDATE vouchers SET body = replace(body, 'RESERVED', 'RESOLVED') WHERE row = 7",
      'DELETE FROM vouchers WHERE row = 7',
      "INSERT INTO accounts (id, version, body) VALUES ('usr_1', 1, '{}')",
      "UPDATE secrets SET body = '{}'",
    ]
    for (const tampering of tamperings) {
      const directory = await storeWith(t, rows())
      const url = await cluster.createDatabase()
      await assert.rejects(move(directory, url, 14), unusable(/power/))
      await (await sql(t, url)).query(tampering)
      const { arrivals } = await move(directory, url)
      assert.equal(arrivals.filter((arrival) => !isWhole(arrival)).length, 1, tampering)
      await assert.rejects(openPostgresStore({ url }), unusable(/not all of it has arrived/))
    }
  })
})

describe('a move is refused', () => {
  test('from a directory that has no store, or one that somebody uses', async (t) => {
    const url = await cluster.createDatabase()
    const directory = await newDirectory(t)
    await assert.rejects(move(directory, url), unusable(/There is no Sixpence store in/))
    const store = await openSqliteStore({ dataDir: directory })
    t.after(() => store.close())
    await assert.rejects(move(directory, url), unusable(/is in use by another Sixpence/))
  })

  test('to a database that anything else is in, or that is not there', async (t) => {
    const directory = await storeWith(t, { accounts: [anAccount()] })
    const url = await cluster.createDatabase()
    await move(directory, url)
    await assert.rejects(move(directory, url), unusable(/in use already: its table \w+ is not empty/))

    const served = await cluster.createDatabase()
    const store = await openPostgresStore({ url: served })
    await store.putSecretText(null, '{}')
    await store.close()
    await assert.rejects(move(directory, served), unusable(/its table secrets is not empty/))

    const foreign = await cluster.createDatabase()
    await (await sql(t, foreign)).query('CREATE SCHEMA sixpence; CREATE TABLE sixpence.books ()')
    await assert.rejects(move(directory, foreign), unusable(/tables of something else/))
    await assert.rejects(move(directory, 'postgres://till:s3cret@127.0.0.1:1/shop'), (error: Error) => {
      assert.match(error.message, /127\.0\.0\.1:1/)
      return !error.message.includes('s3cret')
    })
  })

  test('while another one goes to the same database', async (t) => {
    const directory = await storeWith(t, { accounts: [anAccount()] })
    const other = await storeWith(t, { accounts: [anAccount()] })
    const url = await cluster.createDatabase()
    const both = await Promise.allSettled([move(directory, url), move(other, url)])
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  })
})
