import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import solc from 'solc'
import type { Abi } from 'viem'
import type { Hex } from '../../domain/payment.ts'

export type CompiledContract = { compiler: string; abi: Abi; bytecode: Hex }

type SolcOutput = {
  errors?: { severity: string; formattedMessage: string }[]
  contracts?: Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>>
}

const OPENZEPPELIN = import.meta.resolve('@openzeppelin/contracts/package.json')

const SETTINGS = {
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 200 },
  // Without a hash of the sources' metadata the bytecode depends on nothing but code and compiler.
  metadata: { appendCBOR: false, bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
}

/**
 * Compiles Solidity files in one go.
 * @returns every contract of these files (not of what they import) by its name
 */
export function compileContracts(files: URL[]): Map<string, CompiledContract> {
  const sources = Object.fromEntries(files.map((file) => [sourceName(file), { content: readFileSync(file, 'utf8') }]))
  const input = JSON.stringify({ language: 'Solidity', sources, settings: SETTINGS })
  const output: SolcOutput = JSON.parse(solc.compile(input, { import: readImport }))
  const errors = output.errors?.filter(({ severity }) => severity === 'error') ?? []
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join('\n'))

  const contracts = Object.keys(sources).flatMap((source) => Object.entries(output.contracts?.[source] ?? {}))
  return new Map(
    contracts.map(([name, { abi, evm }]) => [
      name,
      { compiler: solc.version(), abi, bytecode: `0x${evm.bytecode.object}` },
    ]),
  )
}

/** The contracts that the sandbox puts at fixed addresses. */
type SandboxContract = 'SandboxToken' | 'SandboxAccount'

export function compileSandboxContract(name: SandboxContract): CompiledContract {
  const contract = compileContracts([new URL(`${name}.sol`, import.meta.url)]).get(name)
  if (contract === undefined) throw new Error(`${name}.sol holds no contract ${name}`)
  return contract
}

/** What a relayer makes of permits, by name: code that is put into transactions and calls, never deployed. */
export function compileRelayContracts(): Record<string, Pick<CompiledContract, 'compiler' | 'bytecode'>> {
  const compiled = compileContracts([new URL('../../chains/evm/relay/Relay.sol', import.meta.url)])
  const contracts = ['OneTransfer', 'PermitThenTransfer', 'Rehearsal', 'SignatureProbe'].map((name) => {
    const contract = compiled.get(name)
    if (contract === undefined) throw new Error(`Relay.sol holds no contract ${name}`)
    return [name, { compiler: contract.compiler, bytecode: contract.bytecode }]
  })
  return Object.fromEntries(contracts)
}

function sourceName(file: URL): string {
  return basename(file.pathname)
}

function readImport(path: string): { contents: string } | { error: string } {
  try {
    return { contents: readFileSync(new URL(path.replace(/^@openzeppelin\/contracts\//, './'), OPENZEPPELIN), 'utf8') }
  } catch (error) {
    return { error: String(error) }
  }
}

function writeArtifact(path: string, content: unknown): void {
  writeFileSync(new URL(path, import.meta.url), `${JSON.stringify(content, null, 2)}\n`)
}

if (import.meta.main) {
  writeArtifact('sandbox-token.artifact.json', compileSandboxContract('SandboxToken'))
  writeArtifact('sandbox-account.artifact.json', compileSandboxContract('SandboxAccount'))
  writeArtifact('../../chains/evm/relay/relay.artifact.json', compileRelayContracts())
}
