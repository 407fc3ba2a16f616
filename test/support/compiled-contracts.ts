import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { CompiledContract } from '../../src/sandbox/contracts/compile.ts'

const ROOT = new URL('../../', import.meta.url)
const KEPT = new URL('node_modules/.cache/sixpence/', ROOT)

/** What else the code of a contract depends on: how it is compiled, and the versions of the compiler and of what it imports. */
const CIRCUMSTANCES = ['src/sandbox/contracts/compile.ts', 'package-lock.json'].map((path) => new URL(path, ROOT))

/**
 * Compiles Solidity files in one go, or reads what came of it the last time: loading the compiler and running it takes
 * longer than most tests.
 * @returns every contract of these files by its name
 */
export async function compiledContracts(files: URL[]): Promise<Map<string, CompiledContract>> {
  const kept = new URL(`contracts-${digestOf([...CIRCUMSTANCES, ...files])}.json`, KEPT)
  const known = readKept(kept)
  if (known !== null) return new Map(known)
  const { compileContracts } = await import('../../src/sandbox/contracts/compile.ts')
  const compiled = compileContracts(files)
  keep(kept, [...compiled])
  return compiled
}

function digestOf(files: URL[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(JSON.stringify([basename(file.pathname), readFileSync(file, 'utf8')]))
  return hash.digest('hex')
}

function readKept(file: URL): [string, CompiledContract][] | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** Other test processes may read it at any time, so it appears whole. */
function keep(file: URL, contracts: [string, CompiledContract][]): void {
  mkdirSync(KEPT, { recursive: true })
  const draft = new URL(`${file.href}.${process.pid}`)
  writeFileSync(draft, JSON.stringify(contracts))
  renameSync(draft, file)
}
