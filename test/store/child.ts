import { openSqliteStore } from '../../src/store/sqlite.ts'
import { aClaim, anAnswer, anEvent, aVoucher } from './rows.ts'

/**
 * A process that owns a store and writes into it without end, telling its parent each voucher that was acknowledged
 * (`+id`), and each that was refused (`-id message`); it ends itself at the first refusal, after one more read.
 */

const CALLERS = 32

const store = await openSqliteStore({ dataDir: process.argv[2] ?? '' })
process.stdout.write('open\n')

async function write(): Promise<void> {
  for (;;) {
    const voucher = aVoucher({ code: Math.random().toString().slice(2, 14) })
    const claim = aClaim({ key: voucher.id, ownerId: voucher.id })
    const event = anEvent({ subjectId: voucher.id })
    try {
      await store.commit({ vouchers: [voucher], claims: [claim], events: [event], answer: anAnswer() })
      process.stdout.write(`+${voucher.id}\n`)
    } catch (error) {
      process.stdout.write(`-${voucher.id} ${error}\n`)
      return
    }
  }
}

await Promise.all(Array.from({ length: CALLERS }, write))
const [first] = await store.events(null, 1)
process.stdout.write(`readable ${first !== undefined}\n`)
