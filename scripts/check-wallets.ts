import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../test/support/free-port.ts'
import { startProgram, urlOf } from '../test/support/program.ts'
import { packAndInstall } from './packed.ts'

/** Pays with the packed SDK and each library that wallets are made with, of the versions below, in the sandbox of a real server. */

const ROOT = join(import.meta.dirname, '..')
const PROGRAM = 'wallets-program.js'
const LIBRARIES = ['ethers@6.17.0', 'web3@4.16.0', '@wagmi/core@3.6.5']
const LONGEST_RUN_MS = 5 * 60_000

setTimeout(() => {
  console.error(`the check has run for ${LONGEST_RUN_MS / 60_000} minutes and gives up`)
  process.exit(1)
}, LONGEST_RUN_MS).unref()

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const { folder, run } = packAndInstall(join(ROOT, 'packages/client'), '--offline')
const libraries = [...LIBRARIES, `viem@${dependencies.viem}`]
run('npm', 'install', '--silent', '--no-audit', '--no-fund', '--no-save', ...libraries)
copyFileSync(join(import.meta.dirname, PROGRAM), join(folder, PROGRAM))

const chainPort = await freePort()
const settings = ['--sandbox', '--port', '0', '--chain-port', String(chainPort), '--data', join(folder, 'data')]
const server = startProgram(['serve', ...settings])
process.once('exit', () => server.process.kill('SIGINT'))
console.log(libraries.join(', '))
console.log(run(process.execPath, PROGRAM, await urlOf(server), `http://127.0.0.1:${chainPort}`))
await server.end('SIGINT')
