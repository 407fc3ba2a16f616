#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { SecretsUnusable } from './auth/secrets.ts'
import { WrongChainId } from './chains/evm/evm-chain.ts'
import { ApiError } from './commands/api.ts'
import { createKey, listKeys, revokeKey } from './commands/keys.ts'
import { playDemo } from './commands/play-demo.ts'
import { describeServing, serve } from './commands/serve.ts'
import { ConfigError, DEMO_SETTINGS, readConfig, SETTINGS, type Setting } from './config.ts'
import { AnvilUnusable } from './sandbox/anvil-process.ts'
import { StoreUnusable } from './store/store.ts'

/** The command line: what it offers, and how it ends. Flags mean what `SETTINGS` says of them. */

const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

const EXIT = { failure: 1, usage: 2 }

type Flags = Record<string, unknown>

const print = (line: string) => console.log(line)
const configOf = (flags: Flags) =>
  readConfig({ flags, env: process.env, readFile: (path) => readFileSync(path, 'utf8') })

function program(): Command {
  const sixpence = new Command('sixpence')
    .description('A self-hosted payment server: pay with six characters.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${oneLine(text)}\n`) })
  withSettings(sixpence.command('serve').description('run the server'), SETTINGS).action(runServer)
  withSettings(sixpence.command('demo').description('play payer and payee of one session'), DEMO_SETTINGS).action(
    (flags: Flags) => playDemo(flags, process.env, print),
  )
  addKeyCommands(sixpence.command('keys').description('manage the API keys of payees'))
  return sixpence
}

function addKeyCommands(keys: Command): void {
  const location = { data: SETTINGS.data, config: SETTINGS.config }
  withSettings(keys.command('create').description('make an API key; it is shown once'), location)
    .requiredOption('--name <name>', 'what the key is for')
    .option('--owner <account id>', 'the account that the key acts for (default: a new one)')
    .action(({ name, owner, ...flags }: Flags & { name: string; owner?: string }) =>
      createKey(configOf(flags), name, owner, print),
    )
  withSettings(keys.command('list').description('list API keys by prefix'), location).action((flags: Flags) =>
    listKeys(configOf(flags), print),
  )
  withSettings(keys.command('revoke').description('end an API key at once').argument('<key id>'), location).action(
    (keyId: string, flags: Flags) => revokeKey(configOf(flags), keyId, print),
  )
}

/** Gives a command the flags of some settings. Their values are read and checked by the config, not here. */
function withSettings(command: Command, settings: Record<string, Setting>): Command {
  for (const { flag, env, description, default: fallback } of Object.values(settings)) {
    const byDefault = fallback === null || fallback === 'false' ? '' : ` (default: ${fallback})`
    command.addOption(new Option(flag, `${description}${byDefault} [${env}]`))
  }
  return command.version(VERSION, '-V, --version', 'print the version')
}

async function runServer(flags: Flags): Promise<void> {
  const config = configOf(flags)
  const serving = await serve(config)
  print(`Sixpence ${VERSION} is up.\n`)
  for (const line of describeServing(serving, config)) print(line)
  stopOnSignals(serving.stop)
}

/** The first signal ends everything gently; a second one ends it at once. */
function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false
  const onSignal = async () => {
    if (stopping) process.exit(EXIT.failure)
    stopping = true
    print('\nStopping.')
    await stop()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void onSignal())
}

/** Operators read one line that says what is wrong; programs read the exit code. */
function end(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT.usage)
  const usage = error instanceof ConfigError || error instanceof WrongChainId
  const known =
    usage ||
    [StoreUnusable, SecretsUnusable, AnvilUnusable, ApiError].some((kind) => error instanceof kind) ||
    isListenError(error)
  console.error(known && error instanceof Error ? `error: ${oneLine(error.message)}` : error)
  process.exit(usage ? EXIT.usage : EXIT.failure)
}

function isListenError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'listen'
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}

try {
  await program().parseAsync()
} catch (error) {
  end(error)
}
