/** A process that starts the sandbox in the given directory on the given port, and is killed by a test. */
import { startSandboxChain } from '../../src/sandbox/sandbox-chain.ts'

const [dataDir = '', port = ''] = process.argv.slice(2)
const { rpcUrl } = await startSandboxChain({ dataDir, port: Number(port), log: (line) => process.stderr.write(line) })
process.stdout.write(`${rpcUrl}\n`)
