/**
 * Builds the pages into dist/pages, where the server finds them: `npm ci` and `npm run build:pages` run this.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import scalar from '@scalar/fastify-api-reference'
import Fastify from 'fastify'
import { build } from 'vite'

const SOURCES = import.meta.dirname
const PAGES = join(SOURCES, '../../dist/pages')

/** What is worth compressing: text. */
const TEXT = /\.(html|js|css|svg)$/

const script = await scriptOfScalar()
const SCALAR = `assets/scalar-${createHash('sha256').update(script).digest('hex').slice(0, 8)}.js`

await build({
  root: SOURCES,
  configFile: false,
  publicDir: false,
  logLevel: 'warn',
  define: { SCALAR: JSON.stringify(`/${SCALAR}`) },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: PAGES,
    emptyOutDir: true,
    // The pages' policy allows no data: URLs and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: join(SOURCES, 'index.html'),
        docs: join(SOURCES, 'docs/index.html'),
        register: join(SOURCES, 'register/index.html'),
        wallet: join(SOURCES, 'wallet/index.html'),
      },
      output: {
        codeSplitting: {
          groups: [
            // First, because it takes what asks for other scripts: that must not be in one that is asked for.
            { name: 'design', test: /node_modules\/(preact|@preact|uqr)\/|src\/web\/design\/|vite\/preload-helper/ },
            // Asked for when a page first talks to a chain: it weighs more than all the rest.
            { name: 'chain', test: /node_modules\/(viem|ox|abitype|@noble|@scure)\// },
          ],
        },
      },
    },
  },
})
await writeFile(join(PAGES, SCALAR), script)
await compressAll(PAGES)

/** Puts a .gz and a .br beside each file of text: compressed once, as well as can be, rather than at each request. */
async function compressAll(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true })
  await Promise.all(files.filter((file) => TEXT.test(file)).map((file) => compress(join(folder, file))))
}

async function compress(file: string): Promise<void> {
  const text = await readFile(file)
  const [gzipped, brotli] = await Promise.all([
    promisify(gzip)(text, { level: 9 }),
    promisify(brotliCompress)(text, brotliOf(text)),
  ])
  await Promise.all([writeFile(`${file}.gz`, gzipped), writeFile(`${file}.br`, brotli)])
}

/** At its best, brotli takes seconds for a few megabytes. */
function brotliOf({ length }: Buffer) {
  return { params: { [constants.BROTLI_PARAM_QUALITY]: length > 1_000_000 ? 9 : constants.BROTLI_MAX_QUALITY } }
}

/** Scalar comes as a plugin that keeps its script in memory and serves it; here it does so once. */
async function scriptOfScalar(): Promise<Buffer> {
  const http = Fastify()
  await http.register(scalar, { routePrefix: '/docs', configuration: { url: '/openapi.json' } })
  const { rawPayload, statusCode } = await http.inject('/docs/js/scalar.js')
  if (statusCode !== 200) throw new Error('the plugin of Scalar serves its script elsewhere')
  return rawPayload
}
