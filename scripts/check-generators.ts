import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { installElsewhere } from './packed.ts'
import { startSandbox } from './sandbox.ts'

/**
 * Makes a client of the OpenAPI document with each of three generators, compiles a program that uses it as strictly as
 * TypeScript can, and takes a payment with it from a server with its sandbox. `npm run generators:check`
 */

const ROOT = join(import.meta.dirname, '..')
const PROGRAMS = join(import.meta.dirname, 'generators')
const BROUGHT = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', '@hey-api/openapi-ts@0.99.0', 'orval@8.38.0']

const COMPILER_OPTIONS = {
  ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noImplicitReturns: true },
  ...{ module: 'esnext', moduleResolution: 'bundler', target: 'es2024', lib: ['es2024', 'dom', 'dom.iterable'] },
  ...{ noEmit: true, skipLibCheck: true, types: ['node'] },
}

/** What hey-api puts beside every client does not compile so, whatever the document: nothing in these folders is made of it. */
const NOT_OF_THE_DOCUMENT = /^hey-api\/(client|core)\//

const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const { folder, run } = installElsewhere(...BROUGHT, `@types/node@${devDependencies['@types/node']}`)
copyFileSync(join(ROOT, 'src/http/reference/openapi.json'), join(folder, 'openapi.json'))
for (const file of readdirSync(PROGRAMS)) copyFileSync(join(PROGRAMS, file), join(folder, file))

const sandbox = await startSandbox(join(folder, 'data'))

const brought = (name: string) => join(folder, 'node_modules/.bin', name)
const ORVAL = { target: './orval/client.ts', client: 'fetch', baseUrl: `${sandbox.url}/api/v1` }
writeFileSync(
  join(folder, 'orval.config.mjs'),
  `export default ${JSON.stringify({ sixpence: { input: './openapi.json', output: ORVAL } })}`,
)
run(brought('openapi-typescript'), 'openapi.json', '--output', 'openapi-typescript/schema.d.ts')
run(brought('openapi-ts'), '--input', 'openapi.json', '--output', 'hey-api')
run(brought('orval'), '--config', 'orval.config.mjs')

for (const name of ['openapi-typescript', 'hey-api', 'orval']) {
  const known = compile(name)
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: `${name}.ts`,
      outDir: `built-${name}`,
      rolldownOptions: { output: { entryFileNames: 'program.js' } },
    },
  })
  const said = run(process.execPath, `built-${name}/program.js`, sandbox.url, sandbox.rpcUrl).trim()
  console.log(
    `${name}: compiles${known === 0 ? '' : ` (but for ${known} errors of its own)`}, and its payment ended ${said}`,
  )
}
await sandbox.stop()

/** @returns how many errors the generator brings along @throws Error where there are others */
function compile(name: string): number {
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: [`${name}.ts`] }),
  )
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [compiler, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' })
  const errors = stdout.split('\n').filter((line) => line.includes('error TS'))
  const wrong = errors.filter((line) => !NOT_OF_THE_DOCUMENT.test(line))
  if (wrong.length > 0) throw new Error(`what ${name} makes does not compile:\n${wrong.join('\n')}`)
  return errors.length
}
