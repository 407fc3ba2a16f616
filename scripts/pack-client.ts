import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { packAndInstall } from './packed.ts'

/** Packs the SDK, installs it in an empty folder elsewhere, and sees that it runs there and that its types are whole. */

const ROOT = join(import.meta.dirname, '..')

const USE = `import { createPayee, ProblemError, viemWallet, type Payee, type VoucherView } from '@sixpence/client'
const payee: Payee = createPayee({ url: 'http://127.0.0.1:1', contextCode: 'A1B2C3', retries: 0 })
export async function status(id: string): Promise<'RESOLVED' | null> {
  const voucher: VoucherView = await payee.getVoucher(id)
  for await (const event of payee.events()) if (event.type === 'voucher.settled') return event.data.status === 'RESOLVED' ? 'RESOLVED' : null
  return voucher.status === 'RESOLVED' ? voucher.status : null
}
status('vch_1').catch((error) => console.log(error instanceof ProblemError, error.code, typeof viemWallet))
`

/** As docs/sdk.md states it, bundled and gzipped. */
const MOST_BYTES = 12_000

const COMPILE = '--strict --module esnext --moduleResolution bundler --target es2024 --lib es2024,dom use.ts'

async function gzippedBytes(): Promise<number> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: true,
      lib: { entry: join(ROOT, 'packages/client/dist/client/index.js'), formats: ['es'] },
    },
  })
  const [bundle] = Array.isArray(built) ? built : []
  const [chunk] = bundle?.output ?? []
  if (chunk?.type !== 'chunk') throw new Error('nothing was bundled')
  return gzipSync(chunk.code).length
}

const { folder, archive, run } = packAndInstall(join(ROOT, 'packages/client'), '--offline')
writeFileSync(join(folder, 'use.ts'), USE)
run(process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), ...COMPILE.split(' '))
const said = run(process.execPath, 'use.js')
if (said !== 'false connection function\n') throw new Error(`the package does not run: ${said}`)
const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))
if (installed.join() !== '@sixpence') throw new Error(`it brought along ${installed.join()}`)
const bytes = await gzippedBytes()
if (bytes > MOST_BYTES)
  throw new Error(`bundled and gzipped it has ${bytes} bytes; docs/sdk.md says fewer than ${MOST_BYTES}`)
console.log(`${archive} runs and its types are whole; all of it, bundled and gzipped: ${bytes} bytes`)
