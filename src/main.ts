#!/usr/bin/env -S node --max-semi-space-size=4 --max-old-space-size=1024
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { Command, CommanderError, Option } from 'commander'
import { DEMO_SETTINGS, MOVE_SETTINGS, readConfig, SETTINGS, type Setting } from './config.ts'
import { plainText } from './protocol/plain-text.ts'

/**
 * The command line: what it offers, and how it ends. Flags mean what `SETTINGS` says of them. A command's code is loaded
 * when the command is run, so that help and wrong flags answer at once.
 */

const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

const EXIT = { failure: 1, usage: 2 }

type Flags = Record<string, unknown>

/** Whatever is in a line, it stays one line, and steers no terminal. */
const print = (line: string) => console.log(plainText(line))
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
    async (flags: Flags) => (await import('./commands/play-demo.ts')).playDemo(flags, process.env, print),
  )
  withSettings(sixpence.command('move').description('move an embedded store to PostgreSQL'), MOVE_SETTINGS).action(
    async (flags: Flags) => (await import('./commands/move.ts')).move(flags, process.env, print),
  )
  addKeyCommands(sixpence.command('keys').description('manage the API keys of payees'))
  return sixpence
}

function addKeyCommands(keys: Command): void {
  const load = () => import('./commands/keys.ts')
  const location = { data: SETTINGS.data, databaseUrl: SETTINGS.databaseUrl, config: SETTINGS.config }
  withSettings(keys.command('create').description('make an API key; it is shown once'), location)
    .requiredOption('--name <name>', 'what the key is for')
    .option('--owner <account id>', 'the account that the key acts for (default: a new one)')
    .action(async ({ name, owner, ...flags }: Flags & { name: string; owner?: string }) =>
      (await load()).createKey(configOf(flags), name, owner, print),
    )
  withSettings(keys.command('list').description('list API keys by prefix'), location).action(async (flags: Flags) =>
    (await load()).listKeys(configOf(flags), print),
  )
  withSettings(keys.command('revoke').description('end an API key at once').argument('<key id>'), location).action(
    async (keyId: string, flags: Flags) => (await load()).revokeKey(configOf(flags), keyId, print),
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
  print(`Sixpence ${VERSION} is starting.`)
  const { describeServing, serve } = await import('./commands/serve.ts')
  const serving = await serve(config, (step) => print(`starting   ${step}`))
  for (const line of [`Sixpence ${VERSION} is up.`, '', ...describeServing(serving, config)]) print(line)
  stopOnSignals(serving.stop)
}

/** The first signal ends everything gently; a second one ends it at once. */
function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false
  const onSignal = async () => {
    if (stopping) process.exit(EXIT.failure)
    stopping = true
    print('')
    print('Stopping.')
    await stop()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void onSignal())
}

/** What goes wrong for reasons that the operator can mend, by the error's name, and how the program then ends. */
const OPERATOR_ERRORS: Record<string, number> = {
  ConfigError: EXIT.usage,
  WrongChainId: EXIT.usage,
  StoreUnusable: EXIT.failure,
  SecretsUnusable: EXIT.failure,
  AnvilUnusable: EXIT.failure,
  PortTakenError: EXIT.failure,
  ProblemError: EXIT.failure,
  ConnectionError: EXIT.failure,
  TimeoutError: EXIT.failure,
  NotPaidError: EXIT.failure,
  SixpenceError: EXIT.failure,
}

/** Operators read one line that says what is wrong; programs read the exit code. */
function end(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT.usage)
  const code = error instanceof Error ? (OPERATOR_ERRORS[error.name] ?? listenFailure(error)) : undefined
  const lines = code !== undefined && error instanceof Error ? [`error: ${oneLine(error.message)}`] : linesOf(error)
  for (const line of lines) console.error(plainText(line))
  process.exit(code ?? EXIT.failure)
}

function listenFailure(error: Error): number | undefined {
  return 'syscall' in error && error.syscall === 'listen' ? EXIT.failure : undefined
}

function oneLine(text: string): string {
  return plainText(text.trim().replaceAll(/\s*\n\s*/g, ' '))
}

/** An error that nobody expected, with all that is known of it. */
function linesOf(error: unknown): string[] {
  return inspect(error).split('\n')
}

try {
  await program().parseAsync()
} catch (error) {
  end(error)
}
