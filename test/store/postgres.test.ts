import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { Client } from 'pg'
import { closeContext } from '../../src/domain/context.ts'
import { watchNoteOf } from '../../src/domain/watch.ts'
import { DELIVERY_STATUSES } from '../../src/domain/webhook-delivery.ts'
import type { Query } from '../../src/store/postgres/connections.ts'
import { encodeChange } from '../../src/store/postgres/encode.ts'
import { sessionsQuery, vouchersQuery, watchedQuery, webhookDeliveriesQuery } from '../../src/store/postgres/lists.ts'
import { assertPostgresStore } from '../../src/store/postgres/open.ts'
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres.ts'
import { type Change, CommitUnknown, Conflict, StoreUnavailable } from '../../src/store/store.ts'
import { eventually } from '../chains/eventually.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { storeContract } from './contract.ts'
import type { OpenedStore } from './engine.ts'
import { aContext, anAnswer, anEvent, aVoucher, nextCode, PAYER_ID, T0, WHOLE_LIST, watchedRows } from './rows.ts'

let cluster: TestCluster
before(async () => {
  // A deadlock is found before the wait for a lock times out, so that a test can tell them apart.
  cluster = await startPostgres({ deadlock_timeout: '800ms' })
})
after(() => cluster.stop())

async function openFresh(): Promise<OpenedStore> {
  const url = await cluster.createDatabase()
  const open = () => openPostgresStore({ url, clock: () => T0 })
  let store = await open()
  return {
    store,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    destroy: () => store.close(),
  }
}

storeContract('PostgreSQL', openFresh)

async function openIn(t: TestContext, url: string, poolSize?: number): Promise<PostgresStore> {
  const store = await openPostgresStore({ url, ...(poolSize && { poolSize }) })
  t.after(() => store.close())
  return store
}

/** A store, and a connection of our own beside it. */
async function openBeside(t: TestContext): Promise<{ store: PostgresStore; sql: Client; url: string }> {
  const url = await cluster.createDatabase()
  const store = await openIn(t, url)
  return { store, sql: await connectTo(t, url), url }
}

async function connectTo(t: TestContext, url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  t.after(() => client.end())
  await client.query('SET search_path = sixpence')
  return client
}

/** Does in our own transaction what a node does, up to the end of the transaction. */
async function applyIn(client: Client, change: Change): Promise<void> {
  await client.query('SELECT commit_change($1, $2)', [encodeChange(change), T0])
}

/** Waits until some connection waits for a lock. */
function someoneWaits(client: Client): Promise<true> {
  const sql = 'SELECT FROM pg_locks WHERE NOT granted'
  return eventually('a wait for a lock', async () => (await client.query(sql)).rowCount === 1)
}

/** Ends every connection to our database that a store has used. */
async function terminateOthers(client: Client): Promise<void> {
  await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND (query LIKE 'SELECT commit_change%' OR query LIKE 'SELECT body%')`)
}

function refusesToOpen(url: string, message: RegExp): Promise<void> {
  return assert.rejects(openPostgresStore({ url }), { name: 'StoreUnusable', message })
}

function settled(commit: Promise<void>): Promise<unknown> {
  return commit.then(
    () => null,
    (error: unknown) => error,
  )
}

test('whoever looks for a store in a database without one leaves it as it is', async () => {
  const url = await cluster.createDatabase()
  const missing = { name: 'StoreUnusable', message: /^There is no Sixpence store in PostgreSQL at .*--database-url/ }
  for (const _ of ['first', 'again']) await assert.rejects(assertPostgresStore(url), missing)
})

describe('the log', () => {
  test('a reader that follows sees each event once, whatever order commits end in', async (t) => {
    const { store, sql: held, url } = await openBeside(t)
    await held.query('BEGIN')
    await applyIn(held, { events: [anEvent({ subjectId: 'held' })] })
    const writers = Array.from({ length: 8 }, (_, writer) => writeSlowly(t, url, `writer ${writer}`))

    const seen: string[] = []
    let cursor: string | null = null
    const following = eventually('the whole log', async () => {
      for (const { position, event } of await store.events(cursor, 7)) {
        seen.push(event.subjectId)
        cursor = position
      }
      return seen.length >= 1 + 8 * WRITES
    })
    await Promise.all(writers.slice(0, 4))
    assert.deepEqual(await store.events(null, 1), [], 'what began before all others is still under way')
    await held.query('COMMIT')
    const written = (await Promise.all(writers)).flat()
    await following
    assert.equal(seen[0], 'held')
    assert.deepEqual(seen.slice(1).toSorted(), written.toSorted())
    assert.deepEqual(await store.events(cursor, 1), [])
  })

  test('a commit that had to wait for another comes after it', async (t) => {
    const { store, sql } = await openBeside(t)
    const context = aContext()
    await store.commit({ contexts: [context] })
    await sql.query('BEGIN')
    await sql.query('SELECT take_locks($1)', [JSON.stringify([{ id: context.id, shared: true }])])
    const closed = closeContext(context, null, T0)
    const closing = store.commit({
      contexts: [closed],
      answer: anAnswer(),
      events: [anEvent({ type: 'context.closed' })],
    })
    await someoneWaits(sql)
    await applyIn(sql, { vouchers: [aVoucher()], events: [anEvent({ type: 'voucher.reserved' })] })
    await sql.query('COMMIT')
    await closing
    const log = await eventually('both events', async () => {
      const events = await store.events(null, 3)
      return events.length === 2 && events
    })
    assert.deepEqual(
      log.map(({ event }) => event.type),
      ['voucher.reserved', 'context.closed'],
    )
  })

  test('it goes on after its end in a cluster whose transaction ids are behind', async (t) => {
    const { store, sql, url } = await openBeside(t)
    await store.commit({ events: [anEvent({ subjectId: 'before' })] })
    await store.close()
    await sql.query('UPDATE events SET tick = tick + 1000000000')

    const restored = await openIn(t, url)
    const [last] = await eventually('the old event', () => restored.events(null, 2))
    await restored.commit({ events: [anEvent({ subjectId: 'after' })] })
    const next = await eventually('the new event', async () => {
      const events = await restored.events(last?.position ?? '', 2)
      return events.length > 0 && events
    })
    assert.deepEqual(
      next.map(({ event }) => event.subjectId),
      ['after'],
    )
  })

  test('whoever listens is told of what another node wrote, and hears it once it shows', async (t) => {
    const { store, sql: held, url } = await openBeside(t)
    const other = await openIn(t, url)
    const heard: string[] = []
    let position = await store.endOfLog()
    let reading = Promise.resolve()
    const stop = store.onEvents(() => {
      reading = reading.then(async () => {
        for (const logged of await store.events(position, 10)) {
          heard.push(logged.event.subjectId)
          position = logged.position
        }
      })
    })
    t.after(stop)

    await held.query('BEGIN')
    await applyIn(held, { events: [anEvent({ subjectId: 'held' })] })
    await other.commit({ events: [anEvent({ subjectId: 'of another node' })] })
    await store.commit({ events: [anEvent({ subjectId: 'our own' })] })
    await reading
    assert.deepEqual(heard, [], 'nothing shows while an older transaction is under way')
    await held.query('COMMIT')
    await eventually('all three', async () => heard.length === 3)
    assert.deepEqual(heard, ['held', 'of another node', 'our own'])
  })

  test('a position from before a move is after the event that it named', async (t) => {
    const { store, sql } = await openBeside(t)
    await store.commit({ events: [anEvent({ subjectId: 'first' }), anEvent({ subjectId: 'second' })] })
    await sql.query('UPDATE events SET tick = row')
    const after = await store.events('1', 10)
    assert.deepEqual(
      after.map(({ event }) => event.subjectId),
      ['second'],
    )
    assert.deepEqual(await store.eventsOf({ payerId: PAYER_ID, payeeId: null }, { after: '1', upTo: '2' }, 10), after)
  })
})

const WRITES = 25

/** Commits events one by one, each in a transaction that stays open for a while. @returns their subjects */
async function writeSlowly(t: TestContext, url: string, writer: string): Promise<string[]> {
  const client = await connectTo(t, url)
  const subjects = Array.from({ length: WRITES }, (_, nth) => `${writer}, event ${nth}`)
  for (const subjectId of subjects) {
    await client.query('BEGIN')
    await applyIn(client, { events: [anEvent({ subjectId })] })
    await delay(Math.random() * 10)
    await client.query('COMMIT')
  }
  return subjects
}

describe('commits that get into each other’s way', () => {
  test('who decided on a row waits for whoever is changing it', async (t) => {
    const { store, sql } = await openBeside(t)
    const context = aContext()
    await store.commit({ contexts: [context] })
    await sql.query('BEGIN')
    await applyIn(sql, { contexts: [closeContext(context, null, T0)] })
    const voucher = aVoucher()
    const reserving = settled(store.commit({ vouchers: [voucher], unchanged: { contexts: [context] } }))
    await someoneWaits(sql)
    await sql.query('COMMIT')
    assert.deepEqual(await reserving, new Conflict('version', context.id))
    assert.equal(await store.voucher(voucher.id), null)
  })

  test('who loses a deadlock tries again', async (t) => {
    const { store, sql } = await openBeside(t)
    const [first, second] = [nextCode(), nextCode()]
    await sql.query(`SET deadlock_timeout = '1min'`)
    await sql.query('BEGIN')
    await applyIn(sql, { vouchers: [aVoucher({ code: second })] })
    const pair = [aVoucher({ code: first, nowMs: T0 }), aVoucher({ code: second, nowMs: T0 + 1 })]
    const committing = settled(store.commit({ vouchers: pair }))
    await someoneWaits(sql)
    await applyIn(sql, { vouchers: [aVoucher({ code: first })] })
    await sql.query('ROLLBACK')
    assert.equal(await committing, null)
    for (const voucher of pair) assert.deepEqual(await store.voucher(voucher.id), voucher)
  })

  test('who waits too long for a row is to decide again', async (t) => {
    const { store, sql } = await openBeside(t)
    const context = aContext()
    await store.commit({ contexts: [context] })
    const closed = closeContext(context, null, T0)
    await sql.query('BEGIN')
    await applyIn(sql, { contexts: [closed] })
    await assert.rejects(store.commit({ contexts: [closed] }), { name: 'Conflict', kind: 'version' })
    await sql.query('ROLLBACK')
    await store.commit({ contexts: [closed] })
    assert.deepEqual(await store.context(context.id), closed)
  })

  test('two nodes that answer one idempotency key do its work once', async (t) => {
    const url = await cluster.createDatabase()
    const nodes = await Promise.all([openIn(t, url), openIn(t, url)])
    for (let round = 0; round < 20; round++) {
      const answer = anAnswer({ expiresAtMs: Date.now() + 60_000 })
      const vouchers = Array.from({ length: 8 }, () => aVoucher())
      const outcomes = await Promise.all(
        vouchers.map((voucher, index) => {
          const node = nodes[index % 2]
          assert.ok(node)
          return settled(node.commit({ answer, vouchers: [voucher] }))
        }),
      )
      assert.equal(outcomes.filter((outcome) => outcome === null).length, 1)
      for (const outcome of outcomes) {
        if (outcome !== null) assert.deepEqual(outcome, new Conflict('answer', answer.scope))
      }
    }
  })
})

describe('leases', () => {
  test('nobody takes over while a commit under the lease is under way', async (t) => {
    const { store, sql } = await openBeside(t)
    const lease = await store.takeLease('watch', 'node a', 60_000)
    assert.ok(lease)
    const voucher = aVoucher()
    await sql.query('BEGIN')
    await applyIn(sql, { vouchers: [voucher], fence: lease })
    await store.giveUpLease(lease)
    assert.equal(await store.takeLease('watch', 'node b', 60_000), null)
    await sql.query('COMMIT')
    const next = await store.takeLease('watch', 'node b', 60_000)
    assert.ok(next && next.token > lease.token)
    assert.deepEqual(await store.voucher(voucher.id), voucher)
  })

  test('who commits while another takes over waits, and loses', async (t) => {
    const { store, sql } = await openBeside(t)
    const lease = await store.takeLease('watch', 'node a', 60_000)
    assert.ok(lease)
    await sql.query(`UPDATE leases SET ends_at = '-infinity'`)
    await sql.query('BEGIN')
    await sql.query(`SELECT take_lease('watch', 'node b', 60000)`)
    const voucher = aVoucher()
    const committing = settled(store.commit({ vouchers: [voucher], fence: lease }))
    await someoneWaits(sql)
    await sql.query('COMMIT')
    assert.deepEqual(await committing, new Conflict('fence', 'watch'))
    assert.equal(await store.voucher(voucher.id), null)
  })
})

test('lists are read by indexes that tell what they filter by, and what is watched by its own', async (t) => {
  const { sql } = await openBeside(t)
  // So small a table would be read whole, whatever indexes there are.
  await sql.query('SET enable_seqscan = off')
  /** Each condition that an index is searched by must name one of these columns. */
  const check = async ({ text, values = [] }: Query, columns: string[]) => {
    const { rows } = await sql.query(`EXPLAIN ${text}`, values)
    const plan = rows.map((row) => String(row['QUERY PLAN']))
    const told = `${columns}\n${plan.join('\n')}`
    assert.ok(!plan.some((line) => line.includes('Seq Scan')), told)
    const conditions = plan.filter((line) => line.includes('Index Cond'))
    assert.ok(conditions.length > 0, told)
    assert.ok(
      conditions.every((line) => columns.some((column) => new RegExp(`\\b${column}\\b`).test(line))),
      told,
    )
  }
  const party = { payerId: 'usr', payeeId: 'p' }
  const all = { ...WHOLE_LIST, party, status: null, orderId: null, sessionId: null, code: null, nowMs: T0 }
  await check(vouchersQuery(all), ['payer_id', 'payee_id'])
  for (const status of ['RESERVED', 'RESOLVED', 'EXPIRED'] as const) {
    await check(vouchersQuery({ ...all, status, sinceMs: T0 }), ['status'])
  }
  await check(vouchersQuery({ ...all, orderId: 'o', status: 'REDEEMED' }), ['order_id'])
  await check(vouchersQuery({ ...all, sessionId: 's' }), ['session_id'])
  await check(vouchersQuery({ ...all, code: '000000' }), ['code'])
  await check(sessionsQuery({ ...WHOLE_LIST, party, contextId: 'c' }), ['context_id'])
  const deliveries = { ...WHOLE_LIST, ownerId: 'usr', payeeOnly: false, endpointId: null, status: null }
  const anyKind = { ...deliveries, eventType: null, widgetId: null }
  for (const status of [null, ...DELIVERY_STATUSES])
    await check(webhookDeliveriesQuery({ ...anyKind, status }), ['status'])
  await check(webhookDeliveriesQuery({ ...anyKind, eventType: 't' }), ['event_type'])
  await check(webhookDeliveriesQuery({ ...anyKind, widgetId: 'w' }), ['widget_id'])
  await check(watchedQuery(10, null), ['settling_since_ms'])
})

describe('one database, one schema', () => {
  test('of nodes that start together one makes the schema', async (t) => {
    const url = await cluster.createDatabase()
    const stores = await Promise.all(Array.from({ length: 8 }, () => openIn(t, url, 1)))
    const voucher = aVoucher()
    await stores[0]?.commit({ vouchers: [voucher] })
    for (const store of stores) assert.deepEqual(await store.voucher(voucher.id), voucher)
  })

  test('the URL may name another schema, for a store of its own', async (t) => {
    const url = await cluster.createDatabase()
    const first = await openIn(t, url)
    const second = await openIn(t, `${url}?options=-c%20search_path%3Dshop_2`)
    const voucher = aVoucher()
    await first.commit({ vouchers: [voucher] })
    assert.equal(await second.voucher(voucher.id), null)
    await second.commit({ vouchers: [voucher] })
    assert.deepEqual(await second.voucher(voucher.id), voucher)
  })

  test('what was watched before there were notes has one, or is read itself', async (t) => {
    const { store: before, sql, url } = await openBeside(t)
    const vouchers = watchedRows()
    await before.commit({ vouchers })
    await sql.query(`DROP INDEX vouchers_watched; ALTER TABLE vouchers DROP COLUMN watch;
      CREATE INDEX vouchers_settling ON vouchers (settling_since_ms); UPDATE sixpence_store SET schema_version = 11`)
    const store = await openIn(t, url)
    const notes = (await store.watched(10)).map(({ id, changedAtMs, ...note }) => note)
    assert.deepEqual(notes, vouchers.map(watchNoteOf))
    const { rows } = await sql.query('SELECT count(*)::int AS count FROM vouchers WHERE watch IS NULL')
    assert.deepEqual(rows, [{ count: 1 }])
  })

  test('a store of a newer program is refused', async (t) => {
    const { sql, url } = await openBeside(t)
    await sql.query('UPDATE sixpence_store SET schema_version = 999')
    await refusesToOpen(url, /newer Sixpence: it has schema 999/)
  })

  test('a schema of something else is refused, and left as it is', async (t) => {
    const url = await cluster.createDatabase()
    const sql = await connectTo(t, url)
    await sql.query('CREATE SCHEMA sixpence; CREATE TABLE sixpence.songs (title text)')
    await refusesToOpen(url, /not a Sixpence store/)
    const { rows } = await sql.query(`SELECT relname FROM pg_class WHERE relnamespace = 'sixpence'::regnamespace`)
    assert.deepEqual(rows, [{ relname: 'songs' }])
  })

  test('what cannot be reached is refused by name, and without its password', async () => {
    const url = await cluster.createDatabase()
    await refusesToOpen(`${url}_not_there`, /test_\d+_not_there cannot be used: database .* does not exist/)
    await refusesToOpen('mysql://127.0.0.1/shop', /must look like postgres:/)
    await assert.rejects(openPostgresStore({ url: 'postgres://till:s3cret@127.0.0.1:1/shop' }), (error: Error) => {
      assert.match(error.message, /^PostgreSQL at 127\.0\.0\.1:1\/shop cannot be used: .*ECONNREFUSED/)
      assert.doesNotMatch(error.message, /s3cret/)
      return error.name === 'StoreUnusable'
    })
  })

  test('nothing is decided on a server that takes no writes', async (t) => {
    const { store, sql, url } = await openBeside(t)
    const database = new URL(url).pathname.slice(1)
    assert.equal(await store.context('ctx_1'), null)
    await sql.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`)
    await refusesToOpen(url, /a standby, or read-only/)
    await terminateOthers(sql)
    await assert.rejects(store.context('ctx_1'), StoreUnavailable)
    await sql.query(`ALTER DATABASE ${database} RESET default_transaction_read_only`)
    assert.equal(await store.context('ctx_1'), null)
  })
})

describe('faults', () => {
  /** A store that reaches its database through a proxy, over one connection. */
  async function openThroughProxy(
    t: TestContext,
  ): Promise<{ store: PostgresStore; direct: PostgresStore; proxy: TcpProxy }> {
    const url = await cluster.createDatabase()
    const proxy = await startTcpProxy(cluster.port)
    t.after(() => proxy.stop())
    const store = await openIn(t, url.replace(`:${cluster.port}/`, `:${proxy.port}/`), 1)
    await store.context('ctx_none')
    return { store, direct: await openIn(t, url), proxy }
  }

  test('a commit whose answer is cut off is neither claimed nor denied, and its idempotency key knows', async (t) => {
    const { store, direct, proxy } = await openThroughProxy(t)
    const change = { vouchers: [aVoucher()], answer: anAnswer({ expiresAtMs: Date.now() + 60_000 }) }
    proxy.mode = 'cut'
    await assert.rejects(store.commit(change), CommitUnknown)
    proxy.mode = 'pass'
    await assert.rejects(store.commit(change), { name: 'Conflict', kind: 'answer' })
    assert.deepEqual(await direct.voucher(change.vouchers[0]?.id ?? ''), change.vouchers[0])
  })

  test('a connection that falls silent is given up', async (t) => {
    const { store, direct, proxy } = await openThroughProxy(t)
    const voucher = aVoucher()
    proxy.mode = 'silent'
    await assert.rejects(store.commit({ vouchers: [voucher] }), CommitUnknown)
    await assert.rejects(store.commit({ vouchers: [voucher] }), StoreUnavailable)
    assert.equal(await direct.voucher(voucher.id), null)
    proxy.mode = 'pass'
    await store.commit({ vouchers: [voucher] })
    assert.deepEqual(await direct.voucher(voucher.id), voucher)
  })

  test('connections that end while nobody uses them are replaced', async (t) => {
    const { store, sql } = await openBeside(t)
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 10 }, () => store.context('ctx_1')))
      await terminateOthers(sql)
      await eventually('the end of all connections', async () => {
        const { rows } = await sql.query(
          'SELECT count(*)::int AS others FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        )
        return rows[0].others === 0
      })
      // What PostgreSQL said last has arrived; the turn in which it is read is the next one.
      await nextTurn()
      await store.commit({ vouchers: [aVoucher()] })
    }
  })

  test('connections may be ended at any time, under load: reads go on, and no commit is lost or doubled', async (t) => {
    const { store, sql } = await openBeside(t)
    let [stop, failedReads] = [false, 0]
    const acknowledged: string[] = []
    const unclear: string[] = []
    const write = async () => {
      while (!stop) {
        const voucher = aVoucher()
        const outcome = await settled(
          store.commit({ vouchers: [voucher], events: [anEvent({ subjectId: voucher.id })] }),
        )
        if (outcome === null) acknowledged.push(voucher.id)
        else if (outcome instanceof CommitUnknown) unclear.push(voucher.id)
        else if (!(outcome instanceof StoreUnavailable)) throw outcome
      }
    }
    const read = async () => {
      while (!stop) if ((await settled(store.account(PAYER_ID).then(() => undefined))) !== null) failedReads += 1
    }
    const load = Promise.all([...Array.from({ length: 12 }, write), read()])
    for (let round = 1; round <= 5; round++) {
      await eventually('more commits', async () => acknowledged.length > round * 100)
      await terminateOthers(sql)
    }
    stop = true
    await load

    const { rows } = await sql.query(
      "SELECT id, (SELECT count(*)::int FROM events WHERE body LIKE '%' || id || '%') AS told FROM vouchers",
    )
    const stored = new Map(rows.map(({ id, told }) => [id, told]))
    for (const id of acknowledged) assert.equal(stored.get(id), 1)
    for (const id of stored.keys()) assert.ok(acknowledged.includes(id) || unclear.includes(id))
    assert.equal(failedReads, 0)
  })

  test('what was acknowledged before the server is killed is there when it is back, and the store goes on', async (t) => {
    const { store } = await openBeside(t)
    const acknowledged: string[] = []
    const write = async () => {
      for (;;) {
        const voucher = aVoucher()
        const outcome = await settled(store.commit({ vouchers: [voucher] }))
        if (outcome === null) acknowledged.push(voucher.id)
        else return outcome
      }
    }
    const load = Promise.all(Array.from({ length: 12 }, write))
    await eventually('some commits', async () => acknowledged.length > 200)
    await cluster.kill()
    for (const outcome of await load) {
      assert.ok(outcome instanceof CommitUnknown || outcome instanceof StoreUnavailable, String(outcome))
    }
    await assert.rejects(store.commit({ vouchers: [aVoucher()] }), StoreUnavailable)
    await assert.rejects(store.voucher('vch_1'), StoreUnavailable)
    await cluster.restart()
    for (const id of acknowledged) assert.notEqual(await store.voucher(id), null)
    await store.commit({ vouchers: [aVoucher()] })
  })
})
