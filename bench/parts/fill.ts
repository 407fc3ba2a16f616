import { openSqliteStore } from '../../src/store/sqlite.ts'
import { endedVoucher, FIRST_CHANGE, reservation } from '../floor-rows.ts'
import { servePart } from '../part.ts'

/** Fills a store with vouchers as they pile up in use: nearly all have ended, and each has left an event and an answer. */

export type FillPart = typeof handlers

/** One in so many still lives. */
const LIVE_SHARE = 100
const AT_ONCE = 1000

const handlers = {
  fill: async ({ dataDir, rows }: { dataDir: string; rows: number }): Promise<void> => {
    const store = await openSqliteStore({ dataDir })
    await store.commit(FIRST_CHANGE)
    for (let first = 1; first <= rows; first += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, rows - first + 1) }, (_, index) => first + index)
      const changes = numbers.map((nth) => (nth % LIVE_SHARE === 0 ? reservation(nth).change : endedVoucher(nth)))
      await Promise.all(changes.map((change) => store.commit(change)))
    }
    await store.close()
  },
}

servePart(handlers)
