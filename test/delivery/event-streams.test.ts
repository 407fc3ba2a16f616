import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { EventStreams, MAX_STREAMS } from '../../src/delivery/event-streams.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { anEvent } from '../store/rows.ts'

const PARTY = { payerId: 'usr_reader', payeeId: null }
const EVENT_CHARACTERS = 60_000

test('streams that nobody reads hold a page each, and together no more than a node can bear', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sixpence-streams-'))
  const store = await openSqliteStore({ dataDir })
  const stopping = new AbortController()
  const onError = (error: unknown) => assert.fail(String(error))
  const streams = new EventStreams({ store, heartbeatMs: 60_000, stopping: stopping.signal, onError })
  t.after(async () => {
    stopping.abort()
    await store.close()
    await rm(dataDir, { recursive: true })
  })
  const text = 'x'.repeat(EVENT_CHARACTERS)
  for (let nth = 0; nth < 30; nth++) await store.commit({ events: [anEvent({ ...PARTY, data: { text } })] })

  const open = async () => {
    const stream = streams.open([], '192.0.2.1', { party: PARTY, after: '0', isStillAllowed: async () => true })
    const frames = stream.frames()
    await frames.next()
    await frames.next()
    return { stream, frames }
  }
  const first = await open()
  assert.ok(streams.heldCharacters > EVENT_CHARACTERS)
  assert.ok(streams.heldCharacters < 3 * EVENT_CHARACTERS, 'no more is read than one page')
  const second = await open()
  const others = []
  for (let nth = 0; nth < 600; nth++) {
    others.push(await open())
    // One reader takes what it is given: it is not to be blamed.
    if (nth % 100 === 0) await second.frames.next()
  }
  assert.ok(streams.heldCharacters <= 32 * 1024 * 1024, String(streams.heldCharacters))
  assert.ok(streams.cutCount > 0 && streams.cutCount < 600, String(streams.cutCount))
  assert.equal(first.stream.ended.aborted, true, 'whoever has taken nothing for longest is cut')
  assert.equal(second.stream.ended.aborted, false)
  assert.equal(others.at(-1)?.stream.ended.aborted, false)
  for (const { stream } of others) stream.end()
  second.stream.end()
  assert.equal(streams.heldCharacters, 0)
})

test('whoever has all streams by many accounts gives some up to readers of other addresses', () => {
  const stopping = new AbortController()
  const store = {
    eventsOf: async () => [],
    events: async () => [],
    endOfLog: async () => '0',
    onEvents: () => () => undefined,
  }
  const onError = (error: unknown) => assert.fail(String(error))
  const streams = new EventStreams({ store, heartbeatMs: 60_000, stopping: stopping.signal, onError })
  const open = (from: string) => streams.open([], from, { party: PARTY, after: '0', isStillAllowed: async () => true })
  const taken = Array.from({ length: MAX_STREAMS }, () => open('192.0.2.1'))
  assert.throws(() => open('192.0.2.1'), { code: 'overloaded' })
  const shop = [open('198.51.100.7'), open('198.51.100.7')]
  assert.equal(streams.openCount, MAX_STREAMS)
  assert.deepEqual(
    taken.slice(0, 3).map(({ ended }) => ended.aborted),
    [true, true, false],
  )
  assert.throws(() => open('192.0.2.1'), { code: 'overloaded' })
  assert.ok(shop.every(({ ended }) => !ended.aborted))
  stopping.abort()
  assert.equal(streams.openCount, 0)
})
