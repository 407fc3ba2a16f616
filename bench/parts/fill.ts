import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { endedVoucher, FIRST_CHANGE, reservation } from '../floor-rows.ts'
import { servePart } from '../part.ts'

/** Fills a store with vouchers as they pile up in use: nearly all have ended, and each has left an event and an answer. */

export type FillPart = typeof handlers

/** One in so many of the first ones still lives. */
const LIVE_SHARE = 100
const AT_ONCE = 1000

/** So many are written by the store itself. The rest are copies of them, which the engine makes five times as fast. */
const ORIGINALS = 100_000

const handlers = {
  fill: async ({ dataDir, rows }: { dataDir: string; rows: number }): Promise<void> => {
    const originals = Math.min(rows, ORIGINALS)
    const store = await openSqliteStore({ dataDir })
    await store.commit(FIRST_CHANGE)
    for (let first = 1; first <= originals; first += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, originals - first + 1) }, (_, index) => first + index)
      const changes = numbers.map((nth) => (nth % LIVE_SHARE === 0 ? reservation(nth).change : endedVoucher(nth)))
      await Promise.all(changes.map((change) => store.commit(change)))
    }
    await store.close()
    if (rows > originals) copyRows(join(dataDir, 'sixpence.db'), originals, rows)
  },
}

/** Copies the ended vouchers, the events and the answers of the first rows until there are so many. */
function copyRows(file: string, originals: number, rows: number): void {
  const db = new DatabaseSync(file)
  for (let copied = originals; copied < rows; copied += originals) {
    db.exec('BEGIN')
    copy(db, 'vouchers', 'row', `row <= ${originals} AND ended_at_ms IS NOT NULL`, {
      id: `'vch_' || printf('%036x', row + ${copied})`,
      body: `replace(body, id, 'vch_' || printf('%036x', row + ${copied}))`,
    })
    copy(db, 'events', 'position', `position <= ${originals}`, {})
    copy(db, 'answers', 'row', `row <= ${originals}`, {
      scope: `printf('%064x', row + ${copied})`,
      fingerprint: 'abs(random()) % 4294967296',
    })
    db.exec('COMMIT')
  }
  db.close()
}

/** @param changed what a copy has in place of the original's columns, as SQL */
function copy(db: DatabaseSync, table: string, key: string, where: string, changed: Record<string, string>): void {
  const columns = db
    .prepare(`SELECT name FROM pragma_table_info('${table}')`)
    .all()
    .map(({ name }) => String(name))
    .filter((name) => name !== key)
  const values = columns.map((name) => changed[name] ?? name)
  db.exec(`INSERT INTO ${table} (${columns.join(', ')}) SELECT ${values.join(', ')} FROM ${table} WHERE ${where}`)
}

servePart(handlers)
