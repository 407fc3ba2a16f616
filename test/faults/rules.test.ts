import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import type { Story } from '../../faults/load.ts'
import {
  acknowledgedWritesAreThere,
  eventsWereDelivered,
  keysHadOneEffect,
  vouchersHaveOneEnd,
} from '../../faults/rules.ts'
import type { Event } from '../../src/domain/event.ts'
import { discardVoucher, type Voucher } from '../../src/domain/voucher.ts'
import type { EventType } from '../../src/protocol/events.ts'
import { newId } from '../../src/protocol/ids.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { voucherView } from '../../src/use-cases/views.ts'
import { aVoucher, T0 } from '../store/rows.ts'

/** The rules of the fault suite must see what is broken. */

let store: Store
let dataDir: string
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sixpence-rules-'))
  store = await openSqliteStore({ dataDir })
})
after(async () => {
  await store.close()
  await rm(dataDir, { recursive: true })
})

async function stored(voucher: Voucher): Promise<Voucher> {
  await store.commit({ vouchers: [voucher] })
  return voucher
}

function storyOf(voucher: Voucher): Story {
  const write = { token: '', path: '', body: {}, key: '' }
  return { contextId: voucher.contextId, voucherId: voucher.id, writes: [{ write, answer: voucherView(voucher) }] }
}

function told({ id, payerId, payeeId, contextId }: Voucher, type: EventType, version: number): Event {
  return {
    id: newId('evt', T0),
    type,
    createdAtMs: T0,
    subjectId: id,
    version,
    payerId,
    payeeId,
    data: { id, contextId },
  }
}

it('an acknowledged voucher that is gone, or went back, is a loss', async () => {
  const kept = await stored(aVoucher())
  const lost = aVoucher()
  const wentBack = await stored(aVoucher())
  const discarded = discardVoucher(wentBack, 'payee', T0).voucher
  const broken = await acknowledgedWritesAreThere(store, [kept, lost, discarded].map(storyOf))
  assert.deepEqual(broken, [
    `${lost.id} was acknowledged as RESERVED and is gone`,
    `${discarded.id} was acknowledged as DISCARDED and is RESERVED`,
  ])
})

it('a voucher that nobody asked for came of a write that was repeated', async () => {
  const [known, stray] = [aVoucher(), aVoucher()]
  const log = [known, stray].map((voucher) => told(voucher, 'voucher.reserved', 1))
  assert.deepEqual(await keysHadOneEffect(log, [storyOf(known)], null), [
    `${stray.id} was reserved by a repeated write`,
  ])
})

it('a voucher is told of by each version once, and has one end', async () => {
  const sound = await stored(aVoucher())
  assert.deepEqual(await vouchersHaveOneEnd(store, [told(sound, 'voucher.reserved', 1)]), [])
  const histories: [EventType, number][][] = [
    [['voucher.reserved', 2]],
    [
      ['voucher.reserved', 1],
      ['voucher.reserved', 1],
    ],
    [
      ['voucher.reserved', 1],
      ['voucher.resolved', 2],
      ['voucher.expired', 3],
    ],
    [
      ['voucher.reserved', 1],
      ['voucher.discarded', 2],
    ],
  ]
  for (const history of histories) {
    const voucher = await stored(aVoucher())
    const log = history.map(([type, version]) => told(voucher, type, version))
    assert.notDeepEqual(await vouchersHaveOneEnd(store, log), [], JSON.stringify(history))
  }
})

it('a stream gives each event once, in order', () => {
  const voucher = aVoucher()
  const { contextId } = voucher
  const log = [told(voucher, 'voucher.reserved', 1), told(voucher, 'voucher.discarded', 2)]
  const streamed = log.map(({ id, type, data }) => ({
    ...{ id: '', type },
    data: { id, type, createdAt: '', data: { ...data, id: voucher.id, version: 0 } },
  }))
  assert.deepEqual(eventsWereDelivered(log, [{ contextId, events: streamed }]), [])
  for (const events of [streamed.slice(1), [...streamed, ...streamed], streamed.toReversed()]) {
    assert.equal(eventsWereDelivered(log, [{ contextId, events }]).length, 1)
  }
})
