import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { CODE_REST_MS, type CodeDealer } from '../../src/domain/code-dealer.ts'
import { closeContext, releaseContextCode } from '../../src/domain/context.ts'
import { discardVoucher } from '../../src/domain/voucher.ts'
import { watchNoteOf } from '../../src/domain/watch.ts'
import { DELIVERY_STATUSES } from '../../src/domain/webhook-delivery.ts'
import {
  type Query,
  sessionsQuery,
  vouchersQuery,
  watchedQuery,
  webhookDeliveriesQuery,
} from '../../src/store/sqlite/lists.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts'
import type { StoredAnswer } from '../../src/store/store.ts'
import { dealAll } from '../support/deal-all.ts'
import { storeContract } from './contract.ts'
import type { OpenedStore } from './engine.ts'
import { aContext, anAnswer, aVoucher, MINUTE_MS, T0, WHOLE_LIST, watchedRows } from './rows.ts'

const CHILD = join(import.meta.dirname, 'child.ts')

async function openTemporary(): Promise<OpenedStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-store-'))
  const open = () => openSqliteStore({ dataDir, clock: () => T0 })
  let store = await open()
  return {
    store,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    async destroy() {
      await store.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

storeContract('SQLite', openTemporary)

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sixpence-store-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

async function openIn(t: TestContext, dataDir: string): Promise<SqliteStore> {
  const store = await openSqliteStore({ dataDir })
  t.after(() => store.close())
  return store
}

function refusesToOpen(dataDir: string, message: RegExp): Promise<void> {
  return assert.rejects(openSqliteStore({ dataDir }), { name: 'StoreUnusable', message })
}

/** Runs the writing child, under `sh` so that `limits` may bound it. */
function spawnWriter(
  t: TestContext,
  dataDir: string,
  limits = ':',
): { child: ChildProcess; lines: AsyncIterable<string> } {
  const child = spawn('sh', ['-c', `${limits}; exec "$0" "$1" "$2"`, process.execPath, CHILD, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  assert.ok(child.stdout)
  return { child, lines: createInterface({ input: child.stdout }) }
}

describe('one process owns the directory', () => {
  test('a second opener of the same process is refused, and told by whom', async (t) => {
    const dataDir = await temporaryDirectory(t)
    const store = await openIn(t, dataDir)
    await refusesToOpen(dataDir, new RegExp(`${dataDir} is in use.*process ${process.pid}`))
    store.announce('http://127.0.0.1:4040')
    await refusesToOpen(dataDir, /http:\/\/127\.0\.0\.1:4040/)

    const voucher = aVoucher()
    await store.commit({ vouchers: [voucher] })
    assert.deepEqual(await store.voucher(voucher.id), voucher, 'the refused opener did no harm')
  })

  test('another process owns it until it dies, however it dies', async (t) => {
    const dataDir = await temporaryDirectory(t)
    const { child, lines } = spawnWriter(t, dataDir)
    for await (const line of lines) if (line === 'open') break
    await refusesToOpen(dataDir, new RegExp(`${dataDir} is in use.*process ${child.pid}`))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const store = await openIn(t, dataDir)
    assert.ok(existsSync(join(dataDir, 'owner.json')))
    await store.close()
    assert.equal(existsSync(join(dataDir, 'owner.json')), false)
  })

  test('only the owner of the files may read them', async (t) => {
    const dataDir = join(await temporaryDirectory(t), 'not', 'there')
    const store = await openIn(t, dataDir)
    await store.commit({ vouchers: [aVoucher()] })
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777
    assert.equal(await modeOf(dataDir), 0o700)
    for (const file of ['sixpence.db', 'sixpence.db-wal', 'owner.json']) {
      assert.equal(await modeOf(join(dataDir, file)), 0o600, file)
    }
  })
})

describe('what is not a store of this program is refused, and left as it is', () => {
  test('a store of a newer program', async (t) => {
    const dataDir = await temporaryDirectory(t)
    await (await openSqliteStore({ dataDir })).close()
    const db = new DatabaseSync(join(dataDir, 'sixpence.db'))
    db.exec('PRAGMA user_version = 999')
    db.close()
    await refusesToOpen(dataDir, /newer Sixpence: it has schema 999/)
  })

  test("another program's database", async (t) => {
    const dataDir = await temporaryDirectory(t)
    const db = new DatabaseSync(join(dataDir, 'sixpence.db'))
    db.exec('CREATE TABLE songs (title TEXT)')
    await refusesToOpen(dataDir, /not a Sixpence store/)
    assert.equal(db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables, 1)
    db.close()
  })

  test('a file that is no database', async (t) => {
    const dataDir = await temporaryDirectory(t)
    await writeFile(join(dataDir, 'sixpence.db'), 'Dear diary, '.repeat(1000))
    await refusesToOpen(dataDir, /damaged or not a SQLite database/)
  })

  test('a store that lost its end', async (t) => {
    const dataDir = await temporaryDirectory(t)
    await (await openSqliteStore({ dataDir })).close()
    await truncate(join(dataDir, 'sixpence.db'), 5000)
    await refusesToOpen(dataDir, /damaged or not a SQLite database/)
  })

  test('a directory that cannot be made', async (t) => {
    const directory = await temporaryDirectory(t)
    await writeFile(join(directory, 'data'), '')
    await refusesToOpen(join(directory, 'data'), /cannot be used/)
  })

  test('a directory in the place of the file', async (t) => {
    const dataDir = await temporaryDirectory(t)
    await mkdir(join(dataDir, 'sixpence.db'))
    await refusesToOpen(dataDir, /cannot be used/)
  })
})

describe('group commit', () => {
  test('commits of one turn share a transaction, up to 256', async (t) => {
    const store = await openIn(t, await temporaryDirectory(t))
    const commits = Array.from({ length: 1000 }, () => store.commit({ vouchers: [aVoucher()] }))
    await Promise.all(commits)
    const { commits: count, groups } = store.stats()
    assert.equal(count, 1000)
    // A group also ends by the clock, where the machine is busy.
    assert.ok(groups >= 4 && groups < 100, `${groups} groups`)
  })

  test('commits of other turns are not kept waiting', async (t) => {
    const store = await openIn(t, await temporaryDirectory(t))
    for (let turn = 0; turn < 3; turn++) await store.commit({ vouchers: [aVoucher()] })
    assert.deepEqual(store.stats(), { commits: 3, groups: 3 })
  })

  test('losers are no commits', async (t) => {
    const store = await openIn(t, await temporaryDirectory(t))
    const voucher = aVoucher()
    await Promise.allSettled([store.commit({ vouchers: [voucher] }), store.commit({ vouchers: [voucher] })])
    assert.deepEqual(store.stats(), { commits: 1, groups: 1 })
  })
})

test('an answer is found among many, after many were forgotten, and after a restart', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const store = await openSqliteStore({ dataDir, clock: () => T0 })
  const commitAll = (answers: StoredAnswer[]) => Promise.all(answers.map((answer) => store.commit({ answer })))
  const old = Array.from({ length: 6000 }, () => anAnswer({ expiresAtMs: T0 + 1 }))
  const recent = Array.from({ length: 6000 }, () => anAnswer({ expiresAtMs: T0 + 2 }))
  const next = Array.from({ length: 12_000 }, () => anAnswer({ expiresAtMs: T0 + 3 }))
  await commitAll([...old, ...recent])
  await store.forget(T0 + 1)
  await commitAll(next)

  const assertFound = async (reader: SqliteStore) => {
    for (const answer of old) assert.equal(await reader.answer(answer.scope, T0), null)
    for (const answer of [...recent, ...next]) assert.deepEqual(await reader.answer(answer.scope, T0), answer)
  }
  await assertFound(store)
  await store.close()
  const reopened = await openIn(t, dataDir)
  await assertFound(reopened)
})

test('codes of six digits are dealt neither while in use nor while they rest, also after a restart', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const [live, resting, rested] = [
    aVoucher(),
    discardVoucher(aVoucher(), 'payee', T0 + 1000).voucher,
    discardVoucher(aVoucher(), 'payee', T0).voucher,
  ]
  const contexts = [
    aContext(),
    closeContext(aContext(), null, T0 + MINUTE_MS),
    releaseContextCode(aContext()),
    closeContext(releaseContextCode(aContext()), null, T0 + 60 * MINUTE_MS),
    closeContext(aContext(), null, T0),
  ]
  const before = await openSqliteStore({ dataDir })
  await before.commit({
    vouchers: [live, resting, rested].map((voucher) => ({ ...voucher, version: 1 })),
    contexts: contexts.map((context) => ({ ...context, version: 1 })),
  })
  await before.close()

  const store = await openIn(t, dataDir)
  const dealers = await store.codeDealers(T0 + CODE_REST_MS)
  assert.deepEqual(await notDealt(dealers.voucher, T0 + CODE_REST_MS), [live.code, resting.code])
  assert.deepEqual(
    await notDealt(dealers.context, T0 + CODE_REST_MS),
    contexts.slice(0, 4).map(({ code }) => code),
  )
})

/** Which of the million codes cannot be dealt, in order. */
async function notDealt(dealer: CodeDealer, nowMs: number): Promise<string[]> {
  const dealt = new Uint8Array(1_000_000)
  for (const code of await dealAll(dealer, nowMs)) dealt[Number(code)] = 1
  const left: string[] = []
  for (let code = dealt.indexOf(0); code !== -1; code = dealt.indexOf(0, code + 1)) {
    left.push(String(code).padStart(6, '0'))
  }
  return left
}

test('what was watched before there were notes has one, and notes are read without the vouchers', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const vouchers = watchedRows()
  const before = await openSqliteStore({ dataDir })
  await before.commit({ vouchers })
  const written = await before.watched(10)
  await before.close()
  const db = new DatabaseSync(join(dataDir, 'sixpence.db'))
  db.exec(`DROP INDEX vouchers_watched; ALTER TABLE vouchers DROP COLUMN watch; PRAGMA user_version = 7;
    CREATE INDEX vouchers_settling ON vouchers (settling_since_ms) WHERE settling_since_ms IS NOT NULL`)
  db.close()
  const store = await openSqliteStore({ dataDir })
  assert.deepEqual(await store.watched(10), written)
  await store.close()
  assert.deepEqual(
    written.map(({ id, changedAtMs, ...note }) => note),
    vouchers.map(watchNoteOf),
  )
  const beside = new DatabaseSync(join(dataDir, 'sixpence.db'))
  t.after(() => beside.close())
  const left = beside.prepare('SELECT count(*) AS rows FROM vouchers WHERE watch IS NULL').get()
  assert.equal(left?.rows, 0)
  const { sql, values } = watchedQuery(10, null)
  const plan = JSON.stringify(beside.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values))
  assert.match(plan, /SEARCH vouchers USING INDEX vouchers_watched/)
  assert.doesNotMatch(plan, /TEMP B-TREE/)
})

describe('lists are read by indexes, also where they match nothing', () => {
  const explain = async (t: TestContext) => {
    const dataDir = await temporaryDirectory(t)
    const store = await openSqliteStore({ dataDir })
    await store.close()
    const db = new DatabaseSync(join(dataDir, 'sixpence.db'))
    t.after(() => db.close())
    /** Fails where rows are read in any other order than the list's, or any are read that the index does not tell apart. */
    return ({ sql, values }: Query, columns: (string | false | undefined)[], name: object) => {
      const plan = db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values)
        .map(({ detail }) => `${detail}`)
      const told = `${JSON.stringify(name)}\n${plan.join('\n')}`
      assert.ok(!plan.some((line) => /TEMP B-TREE|SCAN (?!found)/.test(line)), told)
      const searches = plan.filter((line) => /^SEARCH (?!.*PRIMARY KEY)/.test(line))
      assert.ok(searches.length > 0, told)
      const isNarrow = (line: string) => columns.some((column) => column && line.includes(`${column}=?`))
      assert.ok(!columns.some(Boolean) || searches.every(isNarrow), told)
    }
  }
  const times = [{}, { sinceMs: T0 }, { sinceMs: T0, untilMs: T0 + 1 }]
  const some = (value: string) => [null, value]

  test('of vouchers', async (t) => {
    const check = await explain(t)
    const parties = [{ payerId: 'usr' }, { payeeId: 'p' }, { payerId: 'usr', payeeId: 'p' }]
    const statuses = [null, 'RESERVED', 'REDEEMED', 'RESOLVED', 'DISCARDED', 'EXPIRED'] as const
    for (const party of parties)
      for (const status of statuses)
        for (const orderId of some('o'))
          for (const sessionId of some('s'))
            for (const code of some('c'))
              for (const time of times) {
                const filter = { ...WHOLE_LIST, ...time, status, orderId, sessionId, code, nowMs: T0 }
                const query = vouchersQuery({ ...filter, party: { payerId: null, payeeId: null, ...party } })
                const isFew = sessionId !== null || code !== null || orderId !== null
                const few = [sessionId && 'session_id', code && 'code', orderId && 'order_id']
                const columns = isFew ? few : [status !== null && 'status']
                check(
                  query,
                  columns.map((column) => column || false),
                  { party, ...filter },
                )
              }
    for (const party of parties)
      for (const contextId of some('c')) {
        const filter = { ...WHOLE_LIST, contextId }
        check(
          sessionsQuery({ ...filter, party: { payerId: null, payeeId: null, ...party } }),
          [contextId !== null && 'context_id'],
          filter,
        )
      }
  })

  test('of deliveries', async (t) => {
    const check = await explain(t)
    for (const status of [null, ...DELIVERY_STATUSES])
      for (const endpointId of some('e'))
        for (const eventType of some('t'))
          for (const widgetId of some('w'))
            for (const payeeOnly of [false, true])
              for (const time of times) {
                const filter = { ...WHOLE_LIST, ...time, status, endpointId, eventType, widgetId, payeeOnly }
                const rare = widgetId !== null || eventType !== null
                const columns = rare ? [widgetId !== null ? 'widget_id' : 'event_type'] : ['status']
                check(webhookDeliveriesQuery({ ...filter, ownerId: 'usr' }), columns, filter)
                if (!rare && endpointId !== null)
                  check(webhookDeliveriesQuery({ ...filter, ownerId: 'usr' }), ['endpoint_id'], filter)
              }
  })
})

describe('faults', () => {
  test('what was acknowledged before kill -9 is there, whole', { timeout: 60_000 }, async (t) => {
    const dataDir = await temporaryDirectory(t)
    const acknowledged: string[] = []
    for (let kill = 1; kill <= 4; kill++) {
      const { child, lines } = spawnWriter(t, dataDir)
      for await (const line of lines) {
        if (line.startsWith('+')) acknowledged.push(line.slice(1))
        if (acknowledged.length >= kill * 2000) child.kill('SIGKILL')
      }
      assert.ok(acknowledged.length >= kill * 2000)
      await assertWhole(dataDir, acknowledged)
    }
  })

  test('a full disk refuses commits with its own error, and keeps nothing by halves', {
    timeout: 60_000,
  }, async (t) => {
    const dataDir = await temporaryDirectory(t)
    await (await openSqliteStore({ dataDir })).close()
    const blocksOf512 = 4096
    const { lines } = spawnWriter(t, dataDir, `trap '' XFSZ; ulimit -f ${blocksOf512}`)
    const [acknowledged, refused]: [string[], string[]] = [[], []]
    let last = ''
    for await (const line of lines) {
      last = line
      if (line.startsWith('+')) acknowledged.push(line.slice(1))
      if (line.startsWith('-')) refused.push(line.slice(1))
    }
    assert.equal(last, 'readable true')
    assert.ok(acknowledged.length > 0 && refused.length > 0)
    for (const line of refused) assert.match(line, /database or disk is full|disk I\/O error/)
    await assertWhole(dataDir, acknowledged)
    const store = await openIn(t, dataDir)
    for (const line of refused) assert.equal(await store.voucher(line.split(' ')[0] ?? ''), null)
  })
})

/** Each voucher is there with its claim and its event, and no event without its voucher. */
async function assertWhole(dataDir: string, ids: string[]): Promise<void> {
  const store = await openSqliteStore({ dataDir })
  try {
    const told = new Set<string>()
    for (let position: string | null = null; ; ) {
      const page = await store.events(position, 1000)
      for (const { event } of page) {
        assert.notEqual(await store.voucher(event.subjectId), null)
        told.add(event.subjectId)
      }
      const last = page.at(-1)
      if (last === undefined) break
      position = last.position
    }
    const owners = await store.claimOwners(ids)
    const lost = ids.filter((id) => !told.has(id) || owners.get(id) !== id)
    assert.deepEqual(lost, [])
  } finally {
    await store.close()
  }
}
