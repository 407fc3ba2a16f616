import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ReservedView, VoucherView } from '../../src/protocol/schemas.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { startProgram, urlOf } from '../support/program.ts'
import { type Answer, asking, newParties, receiptsOf, token, withToken } from '../support/server.ts'

const KILLS = 3
const CALLERS = 8
/** The kill comes after so many acknowledged writes of a round, so that it always comes under load. */
const WRITES_BEFORE_KILL = 150

const EURC = token('polygon', 'USDC', '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359', 6)

/** What the server has acknowledged of one voucher, and the call that it was killed in, if any. */
type Story = {
  id: string
  acknowledged: 'RESERVED' | 'REDEEMED' | 'RESOLVED'
  unanswered: { path: string; body: unknown; key: string } | null
}

test(`${KILLS} times kill -9 under load: no acknowledged write is lost, no voucher has two ends`, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-kill-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const config = join(dataDir, 'networks.json')
  await writeFile(config, JSON.stringify({ networks: [{ name: 'polygon' }] }))
  const start = () =>
    startProgram(['serve', '--data', dataDir, '--config', config, '--port', '0', '--rate-limits', 'off'])

  let program = start()
  t.after(() => program.end('SIGKILL'))
  const parties = await newParties(await urlOf(program))
  const stories: Story[] = []

  for (let kill = 0; kill < KILLS; kill++) {
    const url = await urlOf(program)
    const payee = withToken(url, parties.payeeToken)
    const payer = withToken(url, parties.payerToken)
    let writes = 0
    const onWrite = () => {
      writes += 1
      if (writes === WRITES_BEFORE_KILL) program.process.kill('SIGKILL')
    }
    const live = async (): Promise<void> => {
      for (;;) {
        const story: Story = { id: '', acknowledged: 'RESERVED', unanswered: null }
        const call = async <Body>(caller: typeof payee, path: string, body: unknown): Promise<Answer<Body>> => {
          const key = randomUUID()
          story.unanswered = { path, body, key }
          const answer = await caller.post<Body>(path, body, { 'idempotency-key': key })
          assert.equal(answer.status, 200, JSON.stringify(answer.body))
          story.unanswered = null
          onWrite()
          return answer
        }
        stories.push(story)
        const reserved = await call<ReservedView>(payee, '/vouchers/reserve-voucher', { code: parties.context.code })
        story.id = reserved.body.id
        const terms = asking('1', EURC)
        const redeemed = await call<VoucherView>(payee, `/vouchers/${story.id}/redeem-voucher`, terms)
        story.acknowledged = 'REDEEMED'
        await call(payer, `/vouchers/${story.id}/resolve-voucher`, receiptsOf(redeemed.body))
        story.acknowledged = 'RESOLVED'
      }
    }
    const outcomes = await Promise.allSettled(Array.from({ length: CALLERS }, live))
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.ok(!(outcome.reason instanceof assert.AssertionError), outcome.reason)
    }
    await program.ended
    program = start()
    await assertNothingLost(await urlOf(program), parties, stories)
  }
  assert.ok(stories.length > KILLS * CALLERS, 'the kills came under load')

  await program.end('SIGTERM')
  await assertEventsComplete(dataDir, stories)
})

const ORDER = ['RESERVED', 'REDEEMED', 'RESOLVED']

/** Every acknowledged state is there or a later one; a call that got no answer is sent again and has one effect. */
async function assertNothingLost(
  url: string,
  parties: { payeeToken: string; payerToken: string },
  stories: Story[],
): Promise<void> {
  const payee = withToken(url, parties.payeeToken)
  const payer = withToken(url, parties.payerToken)
  for (const story of stories.filter(({ unanswered }) => unanswered !== null)) {
    const { path, body, key } = story.unanswered ?? assert.fail()
    const caller = path.endsWith('resolve-voucher') ? payer : payee
    const [once, twice] = [
      await caller.post<VoucherView>(path, body, { 'idempotency-key': key }),
      await caller.post<VoucherView>(path, body, { 'idempotency-key': key }),
    ]
    assert.equal(once.status, 200, JSON.stringify(once.body))
    assert.deepEqual(twice.body, once.body)
    story.id = once.body.id
    story.acknowledged = once.body.status as Story['acknowledged']
    story.unanswered = null
  }
  for (const story of stories) {
    const { status, body } = await payee.get<VoucherView>(`/vouchers/${story.id}`)
    assert.equal(status, 200, `voucher ${story.id} was acknowledged and is gone`)
    assert.equal(ORDER.indexOf(body.status) >= ORDER.indexOf(story.acknowledged), true, `${story.id} went back`)
  }
}

/** Each transition wrote one event, in order. */
async function assertEventsComplete(dataDir: string, stories: Story[]): Promise<void> {
  const store = await openSqliteStore({ dataDir })
  try {
    const told = new Map<string, string[]>()
    for (let position: string | null = null; ; ) {
      const page = await store.events(position, 1000)
      if (page.length === 0) break
      for (const { event } of page) told.set(event.subjectId, [...(told.get(event.subjectId) ?? []), event.type])
      position = page.at(-1)?.position ?? position
    }
    for (const { id, acknowledged } of stories) {
      const expected = ['voucher.reserved', 'voucher.redeemed', 'voucher.resolved']
      assert.deepEqual(told.get(id), expected.slice(0, ORDER.indexOf(acknowledged) + 1), id)
    }
  } finally {
    await store.close()
  }
}
