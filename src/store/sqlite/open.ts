import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreUnusable } from '../store.ts'
import { APPLICATION_ID, migrate, SCHEMA_VERSION } from './migrations.ts'
import { numberOf, Statements, sqlitePrimaryCode } from './statements.ts'

const DATABASE_FILE = 'sixpence.db'
/** Says who holds the directory; the lock on the database decides it. */
const OWNER_FILE = 'owner.json'

const PAGE_CACHE_KIB = 8 * 1024

/** SQLite result codes: https://sqlite.org/rescode.html */
const BUSY = 5
const CORRUPT = 11
const NOT_A_DATABASE = 26

/** Whether a store was ever opened in a data directory. */
export function hasDatabase(dataDir: string): boolean {
  return existsSync(join(dataDir, DATABASE_FILE))
}

/**
 * Opens the database of a data directory, which this process then owns alone, and brings it to the current schema.
 * @throws StoreUnusable
 */
export function openDatabase(dataDir: string): DatabaseSync {
  let db: DatabaseSync | null = null
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    const file = join(dataDir, DATABASE_FILE)
    db = new DatabaseSync(file)
    chmodSync(file, 0o600)
    takeOwnership(db)
    prepare(db, dataDir)
    writeOwner(dataDir, null)
    return db
  } catch (error) {
    db?.close()
    throw unusable(dataDir, error)
  }
}

/** Gives the directory back. The owner's name goes first: after the lock is gone, the file may be somebody else's. */
export function closeDatabase(db: DatabaseSync, dataDir: string): void {
  rmSync(join(dataDir, OWNER_FILE), { force: true })
  db.close()
}

/** Takes the lock and keeps it until the connection closes. Nothing is written. */
function takeOwnership(db: DatabaseSync): void {
  db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
}

function prepare(db: DatabaseSync, dataDir: string): void {
  const schema = schemaOf(db, dataDir)
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -${PAGE_CACHE_KIB};
    PRAGMA mmap_size = 0;
    PRAGMA temp_store = MEMORY;
  `)
  migrate(db, schema)
}

/** @returns the schema version of the file; 0 where it is new */
function schemaOf(db: DatabaseSync, dataDir: string): number {
  const sql = new Statements(db)
  const pragma = (name: string) => numberOf(sql.get(`PRAGMA ${name}`), name)
  const version = pragma('user_version')
  if (pragma('application_id') !== APPLICATION_ID) {
    const isNew = version === 0 && sql.get('SELECT 1 FROM sqlite_schema LIMIT 1') === null
    if (isNew) return 0
    throw new StoreUnusable(`${join(dataDir, DATABASE_FILE)} is not a Sixpence store. Choose another data directory.`)
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreUnusable(
      `The store in ${dataDir} was written by a newer Sixpence: it has schema ${version}, and this program knows schemas up to ${SCHEMA_VERSION}. Start the newer program.`,
    )
  }
  return version
}

/** Puts what went wrong while opening into words for the operator. */
export function unusable(dataDir: string, error: unknown): unknown {
  if (error instanceof StoreUnusable || !(error instanceof Error)) return error
  switch (sqlitePrimaryCode(error)) {
    case BUSY:
      return new StoreUnusable(
        `The data directory ${dataDir} is in use by another Sixpence${ownerOf(dataDir)}. Stop it first, or choose another directory with --data.`,
        { cause: error },
      )
    case CORRUPT:
    case NOT_A_DATABASE:
      return new StoreUnusable(
        `${join(dataDir, DATABASE_FILE)} is damaged or not a SQLite database: ${error.message}.`,
        {
          cause: error,
        },
      )
    default:
      return new StoreUnusable(`The data directory ${dataDir} cannot be used: ${error.message}.`, { cause: error })
  }
}

/** Says who owns the directory, for whoever finds it taken. */
export function writeOwner(dataDir: string, note: string | null): void {
  writeFileSync(join(dataDir, OWNER_FILE), JSON.stringify({ pid: process.pid, note }), { mode: 0o600 })
}

/** Who wrote the owner file, in words; empty where nobody can tell. */
function ownerOf(dataDir: string): string {
  const owner = readOwner(dataDir)
  if (owner === null) return ''
  return owner.note === null ? ` (process ${owner.pid})` : ` (process ${owner.pid}, ${owner.note})`
}

/**
 * What the owner of a data directory, or the last one that ended without a word, says of itself.
 * @returns null where nobody says anything
 */
export function readOwner(dataDir: string): { pid: number; note: string | null } | null {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(dataDir, OWNER_FILE), 'utf8'))
    if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('note' in owner)) return null
    if (typeof owner.pid !== 'number') return null
    return { pid: owner.pid, note: typeof owner.note === 'string' ? owner.note : null }
  } catch {
    return null
  }
}
