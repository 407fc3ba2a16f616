import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { TSchema } from 'typebox'
import ts from 'typescript'
import * as protocol from '../src/protocol/schemas.ts'
import { plainTypes } from './plain-types.ts'

/**
 * Builds the SDK into its package: modules, their types, nothing that they depend on. `npm ci` and `npm run build:client`
 * run this; `npm pack` with `--check-types`, which also looks whether all types are right.
 */

const ROOT = join(import.meta.dirname, '..')
const SRC = join(ROOT, 'src')
const PACKAGE = join(ROOT, 'packages/client')
const OUT = join(PACKAGE, 'dist')
const SCHEMAS = join(SRC, 'protocol/schemas.ts')
const PLAIN = join(SRC, 'protocol/plain.ts')
const CHECK = join(SRC, 'protocol/check.ts')

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2024.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: true,
  declaration: true,
  skipLibCheck: true,
  rootDir: SRC,
  outDir: OUT,
}

/** A program in which some files are not what lies on the disk. */
function programOf(root: string, options: ts.CompilerOptions, texts: Record<string, string>): ts.Program {
  const host = ts.createCompilerHost(options)
  const { readFile: readDisk, fileExists, getSourceFile } = host
  host.fileExists = (path) => path in texts || fileExists(path)
  host.readFile = (path) => texts[path] ?? readDisk(path)
  host.getSourceFile = (path, language, ...rest) => {
    const text = texts[path]
    return text === undefined ? getSourceFile(path, language, ...rest) : ts.createSourceFile(path, text, language, true)
  }
  return ts.createProgram([root], options, host)
}

/** @throws Error that lists what is wrong with the types */
function assertTypes(program: ts.Program): void {
  const faults = ts.getPreEmitDiagnostics(program)
  const host = { getCurrentDirectory: () => ROOT, getCanonicalFileName: (name: string) => name, getNewLine: () => '\n' }
  if (faults.length > 0) throw new Error(ts.formatDiagnostics(faults, host))
}

/** The types that go out must be those that the server is built with. */
function assertSameTypes(plain: string): void {
  const same = Object.keys(schemas).map((name) => `is<Plain.${name}, typeof Real.${name}>()`)
  const check = `import type { Static, TSchema } from 'typebox'
    import type * as Plain from './plain.ts'
    import type * as Real from './schemas.ts'
    declare function is<A, S extends TSchema>(
      ...no: [A] extends [Static<S>] ? ([Static<S>] extends [A] ? [] : [wider: A]) : [narrower: A]): void
    ${same.join('\n')}`
  assertTypes(programOf(CHECK, { ...OPTIONS, noEmit: true }, { [PLAIN]: plain, [CHECK]: check }))
}

/** What of a module is needed at run time is found by following the imports of what was written. */
async function emit(plain: string, isChecked: boolean): Promise<void> {
  const entry = join(SRC, 'client/index.ts')
  const written = new Map<string, string>()
  const program = programOf(entry, OPTIONS, { [SCHEMAS]: plain })
  if (isChecked) assertTypes(program)
  program.emit(undefined, (path, text) => {
    written.set(
      path,
      path.endsWith('.d.ts') ? text.replace(/(from |import\()(['"])(\.[^'"]*)\.ts\2/g, '$1$2$3.js$2') : text,
    )
  })
  const wanted = reachable(join(OUT, 'client/index.js'), written)
  for (const [path, text] of written) {
    if (path.endsWith('.js') && !wanted.has(path)) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
}

function reachable(path: string, written: Map<string, string>, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found
  found.add(path)
  for (const [, module = ''] of (written.get(path) ?? '').matchAll(/from ['"](.+)['"]/g)) {
    if (!module.startsWith('.')) throw new Error(`${relative(OUT, path)} depends on ${module}`)
    reachable(join(dirname(path), module), written, found)
  }
  return found
}

/** What the archive has beside the modules. */
async function copyDocuments(): Promise<void> {
  await copyFile(join(ROOT, 'docs/sdk.md'), join(PACKAGE, 'sdk.md'))
  await copyFile(join(ROOT, 'LICENSE'), join(PACKAGE, 'LICENSE'))
}

/** The module also says how long things may be. */
const schemas = Object.fromEntries(
  Object.entries<TSchema | number>(protocol).filter(
    (entry): entry is [string, TSchema] => typeof entry[1] === 'object',
  ),
)

const isChecked = process.argv.includes('--check-types')
const plain = plainTypes(schemas)
await rm(OUT, { recursive: true, force: true })
if (isChecked) assertSameTypes(plain)
await emit(plain, isChecked)
await copyDocuments()
console.log(`built ${relative(ROOT, OUT)}`)
