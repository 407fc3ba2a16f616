import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { CODE_REST_MS, type CodeDealer } from '../../src/domain/code-dealer.ts'
import { closeContext } from '../../src/domain/context.ts'
import { discardVoucher, type ReservedVoucher } from '../../src/domain/voucher.ts'
import { CodeStock } from '../../src/store/postgres/code-stock.ts'
import { codesInUse, VOUCHER_CODES } from '../../src/store/postgres/codes.ts'
import { Connections } from '../../src/store/postgres/connections.ts'
import { encodeChange } from '../../src/store/postgres/encode.ts'
import { targetOf } from '../../src/store/postgres/target.ts'
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres.ts'
import { Conflict } from '../../src/store/store.ts'
import { eventually } from '../chains/eventually.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import { aContext, aVoucher, T0 } from './rows.ts'

let cluster: TestCluster
before(async () => {
  // Nothing here is about durability, and much is written and compared.
  cluster = await startPostgres({ fsync: 'off', work_mem: '128MB' })
})
after(() => cluster.stop())

type Node = { store: PostgresStore; dealer: CodeDealer }

/** A database, nodes on it that deal voucher codes, and a connection of our own. */
async function openNodes(t: TestContext, count: number): Promise<{ nodes: Node[]; sql: Client; url: string }> {
  const url = await cluster.createDatabase()
  const nodes: Node[] = []
  for (let node = 0; node < count; node++) {
    const store = await openPostgresStore({ url })
    t.after(() => store.close())
    nodes.push({ store, dealer: (await store.codeDealers()).voucher })
  }
  const sql = new Client({ connectionString: url })
  await sql.connect()
  t.after(() => sql.end())
  await sql.query('SET search_path = sixpence')
  return { nodes, sql, url }
}

async function openNode(t: TestContext) {
  const { nodes, sql, url } = await openNodes(t, 1)
  const [node] = nodes
  assert.ok(node)
  return { ...node, sql, url }
}

/** Puts the lowest so many codes into use. */
async function hold(sql: Client, count: number): Promise<void> {
  // Without the indexes of lists this takes half the time.
  await sql.query('DROP INDEX vouchers_payer, vouchers_payee, vouchers_payer_status, vouchers_payee_status')
  await sql.query(
    `INSERT INTO vouchers (id, version, status, code, payer_id, payee_id, created_at_ms, body)
      SELECT 'held_' || lpad(n::text, 6, '0'), 1, 'RESERVED', lpad(n::text, 6, '0'), 'usr_held', 'held', 0, '{}'
      FROM generate_series(0, $1 - 1) AS n`,
    [count],
  )
}

/** Deals a code and takes it, until one is taken or none is left. */
async function take({ store, dealer }: Node, nowMs: number): Promise<ReservedVoucher | null> {
  for (;;) {
    const code = await dealer.deal(nowMs)
    if (code === null) return null
    const voucher = aVoucher({ code, nowMs })
    try {
      await store.commit({ vouchers: [voucher] })
      return voucher
    } catch (error) {
      if (!(error instanceof Conflict && error.kind === 'code')) throw error
    }
  }
}

/** Takes codes on all nodes at once until none is left. */
async function takeAll(nodes: Node[], nowMs: number): Promise<ReservedVoucher[]> {
  const taken: ReservedVoucher[] = []
  const takeSome = async (node: Node) => {
    for (let voucher = await take(node, nowMs); voucher !== null; voucher = await take(node, nowMs)) taken.push(voucher)
  }
  await Promise.all(nodes.flatMap((node) => Array.from({ length: 4 }, () => takeSome(node))))
  return taken
}

const codesOf = (vouchers: { code: string }[]) => vouchers.map(({ code }) => code).toSorted()

describe('a code that rests', () => {
  test('is refused to vouchers and contexts, and given again when it has rested', async (t) => {
    const { store } = await openNode(t)
    const [voucher, context] = [aVoucher(), aContext()]
    await store.commit({ vouchers: [voucher], contexts: [context] })
    await store.commit({
      vouchers: [discardVoucher(voucher, 'payee', T0 + 5).voucher],
      contexts: [closeContext(context, null, T0 + 5)],
    })
    const at = (nowMs: number) => ({
      voucher: { vouchers: [aVoucher({ code: voucher.code, nowMs })] },
      context: { contexts: [aContext({ code: context.code, nowMs })] },
    })
    const tooSoon = at(T0 + 5 + CODE_REST_MS - 1)
    await assert.rejects(store.commit(tooSoon.voucher), new Conflict('code', voucher.code))
    await assert.rejects(store.commit(tooSoon.context), new Conflict('code', context.code))
    const rested = at(T0 + 5 + CODE_REST_MS)
    await store.commit(rested.voucher)
    await store.commit(rested.context)
  })

  test('of letters does not rest: there are enough of them', async (t) => {
    const { store } = await openNode(t)
    const context = aContext({ code: 'K7M2QX', format: 'alphanum' })
    await store.commit({ contexts: [context] })
    await store.commit({ contexts: [closeContext(context, null, T0)] })
    await store.commit({ contexts: [aContext({ code: 'K7M2QX', format: 'alphanum' })] })
  })

  test('is refused to who waited for its end', async (t) => {
    const { store, sql } = await openNode(t)
    const first = aVoucher()
    await store.commit({ vouchers: [first] })
    await sql.query('BEGIN')
    await sql.query('SELECT commit_change($1, $2)', [
      encodeChange({ vouchers: [discardVoucher(first, 'payee', T0).voucher] }),
      T0,
    ])
    const taking = store.commit({ vouchers: [aVoucher({ code: first.code })] }).catch((error: unknown) => error)
    await eventually('a wait', async () => (await sql.query('SELECT FROM pg_locks WHERE NOT granted')).rowCount === 1)
    await sql.query('COMMIT')
    assert.deepEqual(await taking, new Conflict('code', first.code))
  })
})

describe('dealing', () => {
  test('codes come from all over, in no order', async (t) => {
    const { dealer } = await openNode(t)
    const codes: string[] = []
    for (let deal = 0; deal < 200; deal++) codes.push((await dealer.deal(T0)) ?? assert.fail())
    assert.equal(new Set(codes).size, 200)
    for (const code of codes) assert.match(code, /^[0-9]{6}$/)
    for (let digit = 0; digit <= 9; digit++) assert.ok(codes.some((code) => code.startsWith(String(digit))))
    assert.notDeepEqual(codes, codes.toSorted())
  })

  test('two nodes deal to the very last code, each code once, and again when codes have rested', async (t) => {
    const { nodes, sql, url } = await openNodes(t, 2)
    await hold(sql, 999_000)
    const taken = await takeAll(nodes, T0)
    const codes = codesOf(taken)
    assert.deepEqual([codes.length, new Set(codes).size, codes[0], codes[999]], [1000, 1000, '999000', '999999'])
    for (const { dealer } of nodes) assert.equal(await dealer.deal(T0), null)
    await assertReadOnce(t, url)

    const ended = taken.slice(0, 5)
    await nodes[0]?.store.commit({ vouchers: ended.map((voucher) => discardVoucher(voucher, 'payee', T0 + 1).voucher) })
    assert.deepEqual(await takeAll(nodes, T0 + CODE_REST_MS), [], 'they rest')
    const again = await takeAll(nodes, T0 + CODE_REST_MS + A_MINUTE_MS)
    assert.deepEqual(codesOf(again), codesOf(ended))
  })
})

const A_MINUTE_MS = 60_000

/** However many ask for a code of those that are used up, the database is read once in a while. */
async function assertReadOnce(t: TestContext, url: string): Promise<void> {
  const connections = new Connections(targetOf(url).config, 4)
  t.after(() => connections.end())
  const inUse = codesInUse(connections, VOUCHER_CODES)
  let reads = 0
  const allFree = (restingSinceMs: number) => {
    reads += 1
    return inUse.allFree(restingSinceMs)
  }
  const dealer = new CodeStock({ ...inUse, allFree })
  const flood = () => Promise.all(Array.from({ length: 500 }, () => dealer.deal(T0)))
  assert.deepEqual(new Set([...(await flood()), ...(await flood())]), new Set([null]))
  assert.equal(reads, 1)
  assert.equal(await dealer.liveCount(), 1_000_000)
}
