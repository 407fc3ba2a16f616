import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LogTail } from '../../src/delivery/log-tail.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { anEvent, PAYER_ID } from '../store/rows.ts'
import { eventually } from '../support/server.ts'

const PARTY = { payerId: PAYER_ID, payeeId: null }

async function openIn(t: TestContext): Promise<SqliteStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-tail-'))
  const store = await openSqliteStore({ dataDir })
  t.after(async () => {
    await store.close()
    await rm(dataDir, { recursive: true })
  })
  return store
}

/** The store, whose reading of the log can be made to fail, and counts how often it is done. */
function faulty(store: SqliteStore) {
  const state = { isDown: false, reads: 0 }
  return {
    state,
    endOfLog: () => store.endOfLog(),
    onEvents: (listener: () => void) => store.onEvents(listener),
    events: async (after: string | null, limit: number) => {
      state.reads += 1
      if (state.isDown) throw new StoreUnavailable('The store is down.')
      return store.events(after, limit)
    },
  }
}

const subjectOf = (frame: string): string => /"subject":"([^"]*)"/.exec(frame)?.[1] ?? ''

test('a tail goes on where it was when the store is back', async (t) => {
  const store = await openIn(t)
  const log = faulty(store)
  const errors: unknown[] = []
  const tail = new LogTail(log, (error) => errors.push(error))
  const heard: string[] = []
  const seat = await tail.join(PARTY, (frame) => heard.push(subjectOf(frame)))
  const tell = (subject: string) => store.commit({ events: [anEvent({ data: { subject } })] })
  await tell('before')
  await eventually(async () => heard.length === 1)
  log.state.isDown = true
  await tell('while it was down')
  await eventually(async () => errors.length > 0)
  await assert.rejects(
    tail.join(PARTY, () => undefined),
    StoreUnavailable,
  )
  log.state.isDown = false
  await eventually(async () => heard.length === 2)
  await tell('after')
  await eventually(async () => heard.length === 3)
  assert.deepEqual(heard, ['before', 'while it was down', 'after'])
  seat.leave()
})

test('a tail that nobody listens to reads nothing, and begins anew at the end of the log', async (t) => {
  const store = await openIn(t)
  const log = faulty(store)
  const tail = new LogTail(log, (error) => assert.fail(String(error)))
  const first = await tail.join(PARTY, () => undefined)
  first.leave()
  const { reads } = log.state
  for (let count = 0; count < 5; count += 1) await store.commit({ events: [anEvent()] })
  assert.equal(log.state.reads, reads)
  const heard: string[] = []
  const second = await tail.join(PARTY, (frame) => heard.push(frame))
  assert.equal(second.from, await store.endOfLog())
  await store.commit({ events: [anEvent()] })
  await eventually(async () => heard.length > 0)
  assert.equal(heard.length, 1)
  second.leave()
})
