import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { Client } from 'pg'
import type { NewApiKeyView, SessionView, VoucherView } from '../../src/protocol/schemas.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { anEvent, aVoucher } from '../store/rows.ts'
import { readEvents } from '../support/event-reader.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import { runProgram, startProgram } from '../support/program.ts'
import {
  asking,
  callerOf,
  eventually,
  newParties,
  openSession,
  receiptsOf,
  redeem,
  startTestServer,
  type TestServer,
  withToken,
} from '../support/server.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startPostgres()
})
after(() => cluster.stop())

async function newDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sixpence-move-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function serverOn(t: TestContext, dataDir: string, databaseUrl?: string): Promise<TestServer> {
  const server = await startTestServer({ dataDir, ...(databaseUrl !== undefined && { databaseUrl }) })
  t.after(() => server.stop())
  return server
}

function move(from: string, to: string) {
  return runProgram(['move', '--from', from, '--to', to])
}

const ALL_ARRIVED = /All of it has arrived/

test('what callers had, they have after the move: tokens, keys, vouchers, sessions, answers', async (t) => {
  const directory = await newDirectory(t)
  const url = await cluster.createDatabase()
  const before = await serverOn(t, directory)
  const refused = await move(directory, url)
  assert.equal(refused.code, 1)
  assert.match(refused.said, /^error: The data directory .* is in use by another Sixpence \(process \d+.*\)\..*\n$/)

  const parties = await newParties(before.url)
  const voucher = await redeem(parties, asking('5'))
  const resolvePath = `/vouchers/${voucher.id}/resolve-voucher`
  const receipts = receiptsOf(voucher)
  const key = { 'idempotency-key': 'resolve-once' }
  const resolved = await parties.payer.post<VoucherView>(resolvePath, receipts, key)
  assert.equal(resolved.body.status, 'RESOLVED')
  const session = await openSession(parties)
  const { body: apiKey } = await parties.payer.post<NewApiKeyView>('/auth/api-keys', { name: 'till' })
  const stream = await readEvents(before.url, parties.payer.headers, '0')
  const [opened, ...sinceOpened] = await stream.received(5)
  stream.close()
  const shown = await parties.payee.get<VoucherView>(`/vouchers/${voucher.id}`)
  await before.stop()

  const moved = await move(directory, url)
  assert.equal(moved.code, 0, moved.said)
  assert.match(moved.said, /vouchers +1 of 1 rows, 100 %/)
  assert.match(moved.said, ALL_ARRIVED)

  const after = await serverOn(t, await newDirectory(t), url)
  const payer = withToken(after.url, parties.payerToken)
  const payee = withToken(after.url, parties.payeeToken)
  assert.deepEqual((await payee.get<VoucherView>(`/vouchers/${voucher.id}`)).body, shown.body)
  assert.deepEqual((await payer.get<SessionView>(`/vouchers/sessions/${session.id}`)).body.code, session.code)
  const again = await payer.post<VoucherView>(resolvePath, receipts, key)
  assert.deepEqual([again.headers.get('idempotency-replayed'), again.body], ['true', resolved.body])
  const byKey = callerOf(after.url, { 'x-api-key': apiKey.key })
  assert.equal((await byKey.get('/vouchers/')).status, 200)
  const resumed = await readEvents(after.url, payer.headers, opened?.id)
  t.after(() => resumed.close())
  const next = await redeem({ ...parties, payer, payee }, asking('6'))
  assert.equal(next.status, 'REDEEMED')
  const told = (await resumed.received(sinceOpened.length + 2)).map(({ type, data }) => [type, data.data.id])
  assert.deepEqual(told, [
    ...sinceOpened.map(({ type, data }) => [type, data.data.id]),
    ['voucher.reserved', next.id],
    ['voucher.redeemed', next.id],
  ])
})

test('a move that is killed goes on when it is run again, and its server starts only then', async (t) => {
  const directory = await newDirectory(t)
  const url = await cluster.createDatabase()
  const rows = 40_000
  await fill(directory, rows)
  const client = new Client({ connectionString: url })
  await client.connect()
  t.after(() => client.end())
  const arrived = async () => {
    try {
      const { rows } = await client.query('SELECT (SELECT count(*) FROM sixpence.events)::int AS arrived')
      return Number(rows[0].arrived)
    } catch {
      return 0
    }
  }
  for (const killAt of [rows / 4, rows / 2]) {
    const program = startProgram(['move', '--from', directory, '--to', url])
    t.after(() => program.end('SIGKILL'))
    await eventually(async () => (await arrived()) >= killAt, 60_000)
    await program.end('SIGKILL')
    assert.ok((await arrived()) < rows, 'it was killed midway')
    const serve = await runProgram(['keys', 'list', '--database-url', url, '--data', directory])
    assert.deepEqual([serve.code, /^error: .*not all of it has arrived.*\n$/.test(serve.said)], [1, true], serve.said)
  }
  const { code, said } = await move(directory, url)
  assert.equal(code, 0, said)
  assert.match(said, ALL_ARRIVED)
  const [, begun = '0'] = /events +(\d+) of 40000 rows/.exec(said) ?? []
  assert.ok(Number(begun) >= rows / 2, `it began with ${begun} events`)
  assert.equal(await arrived(), rows)
})

test('what is wrong with a move is said in one line', async (t) => {
  const directory = join(await newDirectory(t), 'data')
  const wrong: [string[], number][] = [
    [['--from', directory], 2],
    [['--from', directory, '--to', 'mysql://127.0.0.1/shop'], 2],
    [['--from', directory, '--to', 'nowhere'], 2],
    [['--from', '', '--to', 'postgres://127.0.0.1:1/shop'], 2],
    [['--nonsense'], 2],
    [['--from', directory, '--to', 'postgres://till:s3cret@127.0.0.1:1/shop'], 1],
  ]
  for (const [args, expected] of wrong) {
    const { code, said } = await runProgram(['move', ...args])
    assert.equal(code, expected, `${args.join(' ')}: ${said}`)
    assert.match(said, /^error: [^\n]+\n$/)
    assert.doesNotMatch(said, /s3cret/)
  }
  await assert.rejects(stat(directory), 'nothing was made')
})

async function fill(directory: string, rows: number): Promise<void> {
  const store = await openSqliteStore({ dataDir: directory })
  const atOnce = 1000
  for (let filled = 0; filled < rows; filled += atOnce) {
    await store.commit({ events: Array.from({ length: atOnce }, () => anEvent()) })
  }
  await store.commit({ vouchers: [aVoucher()] })
  await store.close()
}
