import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import './build-client.ts'

/** Packs the SDK, installs it in an empty folder elsewhere, and sees that it runs there and that its types are whole. */

const ROOT = join(import.meta.dirname, '..')
const FOLDER = mkdtempSync(join(tmpdir(), 'sixpence-pack-'))

const USE = `import { createPayee, ProblemError, viemWallet, type Payee, type VoucherView } from '@sixpence/client'
const payee: Payee = createPayee({ url: 'http://127.0.0.1:1', contextCode: 'A1B2C3', retries: 0 })
export async function status(id: string): Promise<'RESOLVED' | null> {
  const voucher: VoucherView = await payee.getVoucher(id)
  for await (const event of payee.events()) if (event.type === 'voucher.settled') return event.data.status === 'RESOLVED' ? 'RESOLVED' : null
  return voucher.status === 'RESOLVED' ? voucher.status : null
}
status('vch_1').catch((error) => console.log(error instanceof ProblemError, error.code, typeof viemWallet))
`

const COMPILE = '--strict --module esnext --moduleResolution bundler --target es2024 --lib es2024,dom use.ts'

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

async function gzippedBytes(): Promise<number> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: true, lib: { entry: join(ROOT, 'dist/client/client/index.js'), formats: ['es'] } },
  })
  const [bundle] = Array.isArray(built) ? built : []
  const [chunk] = bundle?.output ?? []
  if (chunk?.type !== 'chunk') throw new Error('nothing was bundled')
  return gzipSync(chunk.code).length
}

try {
  run('npm', 'pack', '--silent', join(ROOT, 'dist/client'))
  const [archive = ''] = readdirSync(FOLDER)
  writeFileSync(join(FOLDER, 'package.json'), '{"type":"module"}')
  run('npm', 'install', '--offline', '--silent', '--no-audit', '--no-fund', join(FOLDER, archive))
  writeFileSync(join(FOLDER, 'use.ts'), USE)
  run(process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), ...COMPILE.split(' '))
  const said = run(process.execPath, 'use.js')
  if (said !== 'false connection function\n') throw new Error(`the package does not run: ${said}`)
  const installed = readdirSync(join(FOLDER, 'node_modules')).filter((name) => !name.startsWith('.'))
  if (installed.join() !== '@sixpence') throw new Error(`it brought along ${installed.join()}`)
  console.log(`${archive} runs and its types are whole; all of it, bundled and gzipped: ${await gzippedBytes()} bytes`)
} finally {
  rmSync(FOLDER, { recursive: true })
}
