import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packAndInstall } from './packed.ts'
import { limitRun, startSandbox } from './sandbox.ts'

/** Pays with the packed SDK and each library that wallets are made with, of the versions below, in the sandbox of a real server. */

const ROOT = join(import.meta.dirname, '..')
const PROGRAM = 'wallets-program.js'
const LIBRARIES = ['ethers@6.17.0', 'web3@4.16.0', '@wagmi/core@3.6.5']
const LONGEST_RUN_MS = 5 * 60_000

limitRun(LONGEST_RUN_MS)

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const { folder, run } = packAndInstall(join(ROOT, 'packages/client'), '--offline')
const libraries = [...LIBRARIES, `viem@${dependencies.viem}`]
run('npm', 'install', '--silent', '--no-audit', '--no-fund', '--no-save', ...libraries)
copyFileSync(join(import.meta.dirname, PROGRAM), join(folder, PROGRAM))

const sandbox = await startSandbox(join(folder, 'data'))
console.log(libraries.join(', '))
console.log(run(process.execPath, PROGRAM, sandbox.url, sandbox.rpcUrl))
await sandbox.stop()
