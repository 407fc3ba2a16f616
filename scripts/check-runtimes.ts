import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packAndInstall } from './packed.ts'
import { limitRun, startSandbox } from './sandbox.ts'

/**
 * Runs one program with the packed SDK in Node, Deno and Bun, against a real server with its sandbox. Deno may do nothing
 * but use the network. The runtimes are those that npm has now, and go when the check ends.
 */

const ROOT = join(import.meta.dirname, '..')
const PROGRAM = 'runtime-program.js'
/** Node 20 is the oldest that the package names. */
const BROUGHT = ['node@20', 'deno', 'bun']
const LONGEST_RUN_MS = 5 * 60_000

limitRun(LONGEST_RUN_MS)

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const { folder, run } = packAndInstall(join(ROOT, 'packages/client'), '--offline')
run('npm', 'install', '--silent', '--no-audit', '--no-fund', '--no-save', `viem@${dependencies.viem}`, ...BROUGHT)
copyFileSync(join(import.meta.dirname, PROGRAM), join(folder, PROGRAM))

const brought = (name: string) => join(folder, 'node_modules/.bin', name)
const RUNTIMES = [
  { name: 'node', program: process.execPath, flags: [] },
  { name: 'node', program: brought('node'), flags: [] },
  { name: 'deno', program: brought('deno'), flags: ['run', '--no-prompt', '--allow-net'] },
  { name: 'bun', program: brought('bun'), flags: ['run'] },
]

const sandbox = await startSandbox(join(folder, 'data'))

for (const { name, program, flags } of RUNTIMES) {
  const [version = ''] = /\d[\d.]+/.exec(run(program, '--version')) ?? []
  const startedAtMs = performance.now()
  const said = run(program, ...flags, PROGRAM, sandbox.url, sandbox.rpcUrl)
  console.log(`${[name, ...flags].join(' ')}, version ${version}, ${Math.round(performance.now() - startedAtMs)} ms`)
  console.log(said.replaceAll(/^(?=.)/gm, '  '))
}
await sandbox.stop()
