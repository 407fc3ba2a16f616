import { execFileSync } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { extname, join } from 'node:path'

/**
 * Writes the program as JavaScript into `lib`, for `npm pack`: below node_modules Node reads no types. `lib` lies where
 * `src` does, so that modules find their files, the pages and the version from there just as well.
 */

const ROOT = join(import.meta.dirname, '..')
const SRC = join(ROOT, 'src')
const LIB = join(ROOT, 'lib')
const PAGES = join(SRC, 'web')

/** What modules read as they run; folders have no ending. */
const DATA = ['.json', '.sql', '']

await rm(LIB, { recursive: true, force: true })
execFileSync('tsc', ['-p', join(import.meta.dirname, 'tsconfig.package.json')], { stdio: 'inherit' })
await cp(SRC, LIB, { recursive: true, filter: (path) => path !== PAGES && DATA.includes(extname(path)) })
