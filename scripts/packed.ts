import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment } from '../test/support/program.ts'

const COMMAND_LIMIT_MS = 5 * 60_000

/** An empty folder elsewhere, which goes when the process does, however it ends. */
export type Elsewhere = {
  folder: string
  /** Runs a command in the folder, for five minutes at most. @returns what it said */
  run: (command: string, ...args: string[]) => string
}

export function goElsewhere(): Elsewhere {
  const folder = mkdtempSync(join(tmpdir(), 'sixpence-pack-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, {
      cwd: folder,
      env: environment(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: COMMAND_LIMIT_MS,
    })
  return { folder, run }
}

/** Installs packages of the registry, none of whose scripts run, in an empty folder elsewhere. */
export function installElsewhere(...packages: string[]): Elsewhere {
  const elsewhere = goElsewhere()
  writeFileSync(join(elsewhere.folder, 'package.json'), '{"type":"module"}')
  elsewhere.run('npm', 'install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', ...packages)
  return elsewhere
}

/** A package that was packed, and installed from its archive in an empty folder elsewhere. */
export type Packed = Elsewhere & { archive: string; archiveBytes: number }

/**
 * Packs a package and installs it elsewhere.
 * @param source the package's folder
 * @param flags further ones for `npm install`
 */
export function packAndInstall(source: string, ...flags: string[]): Packed {
  const { folder, run } = goElsewhere()
  run('npm', 'pack', '--silent', source)
  const [archive = ''] = readdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  run('npm', 'install', '--silent', '--no-audit', '--no-fund', ...flags, `./${archive}`)
  return { folder, archive, archiveBytes: statSync(join(folder, archive)).size, run }
}
