import { isAbsolute, join, relative } from 'node:path'
import { SETTINGS } from '../config.ts'

/** What operators are told to type next: commands that work where the program was started, and never ask a registry. */

const ROOT = join(import.meta.dirname, '../..')

/** Where this module is TypeScript, the program runs in a checkout. */
const IS_CHECKOUT = import.meta.filename.endsWith('.ts')

/** Where a server is that was told nothing else. */
export const USUAL_URL = `http://${SETTINGS.host.default}:${SETTINGS.port.default}`

/**
 * How the program is called again from the folder that it was started in.
 * @param started the folder, and the script that Node was given
 */
export function callAgain(started: { folder: string; script: string }): string {
  if (IS_CHECKOUT && started.folder === ROOT) return 'npm run sixpence --'
  const path = relative(started.folder, started.script)
  return quotedForShell(path.startsWith('..') || isAbsolute(path) ? started.script : `./${path}`)
}

/** The flags that lead `keys` to the store of a server. The URL of a database may hold a password, so it is left out. */
export function storeFlags({ dataDir, databaseUrl }: { dataDir: string; databaseUrl: string | null }): string {
  if (databaseUrl !== null) return ' --database-url …'
  return dataDir === SETTINGS.data.default ? '' : ` --data ${quotedForShell(dataDir)}`
}

function quotedForShell(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
