import { readSecretText } from '../auth/secrets-file.ts'
import { ConfigError, MOVE_SETTINGS, readSetting } from '../config.ts'
import { type Arrival, isWhole, type MoveProgress, moveStore } from '../store/move.ts'
import { StoreUnusable } from '../store/store.ts'

type Print = (line: string) => void

const PRINT_INTERVAL_MS = 1_000

/** Enough of a checksum for eyes to compare. */
const SHOWN_DIGITS = 16

/**
 * Moves the store of a data directory to PostgreSQL, and prints how far it is and whether all has arrived.
 * @throws ConfigError, StoreUnusable, SecretsUnusable
 */
export async function move(flags: Record<string, unknown>, env: NodeJS.ProcessEnv, print: Print): Promise<void> {
  const from = readSetting(MOVE_SETTINGS.from, { flags, env })
  const to = readSetting(MOVE_SETTINGS.to, { flags, env })
  if (to === null) throw new ConfigError(`--to must be ${MOVE_SETTINGS.to.expected}`)
  const secretText = readSecretText({ dataDir: from })
  const arrivals = await moveStore({ from, to, secretText, onProgress: progressPrinter(print) })
  for (const line of describeArrivals(arrivals)) print(line)
  const lost = arrivals.filter((arrival) => !isWhole(arrival)).map(({ table }) => table)
  if (lost.length > 0) {
    throw new StoreUnusable(
      `What arrived is not what was sent: ${lost.join(', ')}. No server starts on the database; drop its schema and move again.`,
    )
  }
  print('')
  print('All of it has arrived. Next: start servers with --database-url, and none on the directory any more.')
}

/** A line as a table begins and ends, and one a second between. */
function progressPrinter(print: Print): (progress: MoveProgress) => void {
  let printedAtMs = 0
  return ({ table, rows, ofRows }) => {
    const isDue = performance.now() - printedAtMs >= PRINT_INTERVAL_MS
    if (rows !== 0 && rows !== ofRows && !isDue) return
    printedAtMs = performance.now()
    const percent = ofRows === 0 ? 100 : Math.floor((100 * rows) / ofRows)
    print(`${table.padEnd(20)} ${rows} of ${ofRows} rows, ${percent} %`)
  }
}

function describeArrivals(arrivals: Arrival[]): string[] {
  const lines = arrivals.map((arrival) => {
    const { table, sent, arrived } = arrival
    const sums = [sent, arrived].map(({ sum }) => sum.slice(0, SHOWN_DIGITS)).join('  ')
    const rows = `${String(sent.rows).padStart(12)} ${String(arrived.rows).padStart(12)}`
    return `${table.padEnd(20)} ${rows}  ${sums}  ${isWhole(arrival) ? 'same' : 'DIFFERENT'}`
  })
  const head = `${'table'.padEnd(20)} ${'rows sent'.padStart(12)} ${'arrived'.padStart(12)}  checksum sent     arrived`
  return ['', head, ...lines]
}
