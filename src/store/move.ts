import { Checksum } from './move/checksum.ts'
import { checksumOf, MoveSource, type SourceTable } from './move/source.ts'
import { MoveTarget } from './move/target.ts'
import { messageOf } from './postgres/failures.ts'
import { StoreUnusable } from './store.ts'

/** Rows that one transaction carries over. */
const BATCH_SIZE = 1000

export type MoveOptions = {
  /** The data directory to move. No server may run on it. Its rows are left as they are. */
  from: string
  /** The PostgreSQL database to move it to, empty or holding an unfinished move of the same store. */
  to: string
  /** What the servers on the store alone know; null where none ever ran. */
  secretText: string | null
  /** Told of each table as it begins, and after each batch. */
  onProgress: (progress: MoveProgress) => void
}

export type MoveProgress = { table: string; rows: number; ofRows: number }

/** One table at both ends: counts, and checksums of 64 hex digits. */
export type Arrival = { table: string; sent: Checksum; arrived: Checksum }

/**
 * Carries an embedded store over to PostgreSQL. Ended in any way, it goes on where it stopped when it is run again. When
 * all is there, both ends are read and compared; only if they agree may servers start on the target.
 * @throws StoreUnusable
 */
export async function moveStore(options: MoveOptions): Promise<Arrival[]> {
  const target = new MoveTarget(options.to)
  const source = new MoveSource(options.from, options.secretText)
  try {
    await target.begin({ identity: source.identity, secretText: options.secretText })
    for (const table of source.tables) await carryOver(table, target, options.onProgress)
    const arrivals = await compare(source, target, options.secretText)
    if (arrivals.every(isWhole)) await target.end(source.tables.map(({ name }) => name))
    return arrivals
  } catch (error) {
    if (error instanceof StoreUnusable) throw error
    throw new StoreUnusable(
      `The move to ${target.name} stopped: ${messageOf(error)}. Run it again to go on where it stopped.`,
      { cause: error },
    )
  } finally {
    await target.close()
    source.close()
  }
}

/** Whether all that was sent has arrived. */
export function isWhole({ sent, arrived }: Arrival): boolean {
  return sent.rows === arrived.rows && sent.sum === arrived.sum
}

async function carryOver(table: SourceTable, target: MoveTarget, onProgress: MoveOptions['onProgress']): Promise<void> {
  let reached = target.reached(table.name)
  let rows = table.rowsUpTo(reached)
  const report = () => onProgress({ table: table.name, rows, ofRows: table.rows })
  report()
  for (let batch = table.after(reached, BATCH_SIZE); batch !== null; batch = table.after(reached, BATCH_SIZE)) {
    await target.add(table.name, table.columns, batch.rows, batch.reached)
    reached = batch.reached
    rows += batch.rows.length
    report()
  }
}

async function compare(source: MoveSource, target: MoveTarget, secretText: string | null): Promise<Arrival[]> {
  const arrivals = [{ table: 'secrets', sent: ofText(secretText), arrived: ofText(await target.secretText()) }]
  for (const table of source.tables) {
    const arrived = await target.checksumOf(table.name, table.columns, BATCH_SIZE)
    arrivals.push({ table: table.name, sent: checksumOf(table, BATCH_SIZE), arrived })
  }
  return arrivals
}

function ofText(text: string | null): Checksum {
  const checksum = new Checksum()
  if (text !== null) checksum.add([text])
  return checksum
}
