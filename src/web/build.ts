/**
 * Builds the pages into dist/pages, where the server finds them: `npm ci` and `npm run build:pages` run this.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build, type Plugin } from 'vite'
import baseline from './baseline.json' with { type: 'json' }
import { piecesOf } from './markdown.ts'

const SOURCES = import.meta.dirname
const PAGES = join(SOURCES, '../../dist/pages')

/** What is worth compressing: text. */
const TEXT = /\.(html|js|css|svg)$/

/** Checksums of addresses, and the hash below them. */
const ADDRESSES =
  /node_modules\/(ox\/_esm\/core\/(Address|Bytes|Caches|Errors|Hash|Hex|Json|PublicKey|internal\/(bytes|errors|hex|lru))\.js|ox\/_esm\/(version|core\/version)|@noble\/hashes\/esm\/(sha3|_u64|utils|_assert|crypto)\.js)/

/** Guides become what the page shows of them, here and once. */
const guides: Plugin = {
  name: 'guides',
  enforce: 'pre',
  transform(text, id) {
    if (!/\/docs\/guides\/[\w-]+\.(md|sh)$/.test(id)) return null
    const pieces = id.endsWith('.md')
      ? piecesOf(text)
      : [
          ['h2', {}, 'What the guides share'],
          ['pre', {}, text.trim()],
        ]
    return { code: `export default ${JSON.stringify(pieces)}`, map: null }
  },
}

await build({
  root: SOURCES,
  configFile: false,
  publicDir: false,
  logLevel: 'warn',
  plugins: [guides],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: PAGES,
    emptyOutDir: true,
    // Syntax of later days is written anew; what else is newer, scripts/check-baseline.ts finds.
    target: baseline.browsers,
    // The pages' policy allows no data: URLs and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: join(SOURCES, 'index.html'),
        docs: join(SOURCES, 'docs/index.html'),
        notFound: join(SOURCES, 'not-found/index.html'),
        register: join(SOURCES, 'register/index.html'),
        wallet: join(SOURCES, 'wallet/index.html'),
      },
      output: {
        codeSplitting: {
          groups: [
            // What checks addresses: not all pages do.
            { name: 'address', test: ADDRESSES },
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
    promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }),
  ])
  await Promise.all([writeFile(`${file}.gz`, gzipped), writeFile(`${file}.br`, brotli)])
}
