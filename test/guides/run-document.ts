import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { eventually } from '../support/server.ts'
import { type Block, useOf } from './blocks.ts'
import { differencesBetween } from './expect.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What a reader of the documents has in the folder where the commands are typed. `npm ci` has put the SDK into `node_modules`. */
const CHECKOUT = ['package.json', 'node_modules', 'src', 'docs']

/** Where the documents say that the server and its chain are, and what else listens. */
const USUAL = { server: '127.0.0.1:4040', chain: '127.0.0.1:8545', sparePort: '4041' }

export type Place = { url: string; rpcUrl: string; dataDir: string }

/**
 * Runs the blocks of a document as its reader would, in one shell in one folder, and compares what is shown of what
 * they print. Only the addresses of the server and of its chain are other ones.
 * @throws AssertionError that names the line of the block
 */
export async function runDocument(blocks: Block[], place: Place): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sixpence-guide-'))
  try {
    for (const name of CHECKOUT) await symlink(join(ROOT, name), join(folder, name))
    const sparePort = await freePort()
    const moved = blocks.map((block) => ({ ...block, text: movedTo(place, sparePort, block.text) }))
    await saveFiles(moved, folder)
    const printed = await runScript(scriptOf(moved), folder, place, {
      beforeEnd: async () => {
        for (const shown of shownOutputs(moved)) if (shown.isOtherWindow) await waitFor(shown, folder)
      },
    })
    for (const { shown, by, isOtherWindow } of shownOutputs(moved)) {
      if (isOtherWindow) continue
      assert.deepEqual(differencesBetween(printed.get(by.line) ?? '', shown), [], `what line ${by.line} printed`)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function movedTo({ url, rpcUrl }: Place, sparePort: number, text: string): string {
  return text
    .replaceAll(USUAL.server, new URL(url).host)
    .replaceAll(USUAL.chain, new URL(rpcUrl).host)
    .replaceAll(USUAL.sparePort, String(sparePort))
}

async function saveFiles(blocks: Block[], folder: string): Promise<void> {
  for (const block of blocks) {
    const use = useOf(block)
    if (use.kind === 'run' && use.isOtherWindow) await writeFile(join(folder, script(block)), `${block.text}\n`)
    if (use.kind !== 'file') continue
    const file = join(folder, use.name)
    await (use.isAdded ? appendFile : writeFile)(file, `${block.text}\n`)
  }
}

/** How long a document may take. */
const PATIENCE_MS = 60_000
const OTHER_WINDOW_PATIENCE_MS = 10_000

/** Another window knows the folder, and nothing of what was typed in this one. */
const otherWindow = ({ line }: Block) => `other-window-${line}`
const script = (block: Block) => `${otherWindow(block)}.sh`

const MARK = '\u0001'

/** The blocks one after the other; each says first where it stands. What fails ends the script. */
function scriptOf(blocks: Block[]): string {
  const parts = blocks.flatMap((block) => {
    const use = useOf(block)
    if (use.kind !== 'run') return []
    const text = use.isOtherWindow ? `bash -e ${script(block)} >${otherWindow(block)} 2>&1 &` : block.text
    return [`printf '\\n${MARK}${block.line}\\n'`, text]
  })
  return [...PRELUDE, ...parts, ''].join('\n')
}

const PRELUDE = [
  'set -eo pipefail',
  // An answer that is a problem ends the script, as it would stop a reader.
  'curl() { command curl --fail-with-body --retry 20 --retry-connrefused --retry-delay 1 --retry-max-time 20 "$@"; }',
]

/** Where readers' shells look for programs: npm alone puts those of the project first, and Node 24 is one of them. */
export function pathOfReaders(): string {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.endsWith('node_modules/.bin'))
  return [...folders, join(ROOT, 'node_modules/.bin')].join(delimiter)
}

async function runScript(
  script: string,
  folder: string,
  place: Place,
  { beforeEnd }: { beforeEnd: () => Promise<void> },
): Promise<Map<number, string>> {
  const own = {
    PATH: pathOfReaders(),
    SIXPENCE_URL: place.url,
    SIXPENCE_RPC: place.rpcUrl,
    SIXPENCE_DATA: place.dataDir,
  }
  const shell = spawn('bash', ['-s'], { cwd: folder, env: { ...process.env, ...own }, detached: true })
  let output = ''
  let said = ''
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  shell.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  shell.stdin.end(script)
  const closed = once(shell, 'close')
  const impatience = setTimeout(() => endGroup(shell, 'SIGKILL'), PATIENCE_MS)
  const [code] = await once(shell, 'exit')
  clearTimeout(impatience)
  try {
    if (code === 0) await beforeEnd()
  } finally {
    endGroup(shell, 'SIGKILL')
    await eventually(async () => !endGroup(shell, 0))
    await closed
  }
  const printed = printedBy(output)
  const [line, last] = [...printed].at(-1) ?? []
  assert.equal(code, 0, `line ${line}: ${last}${said}`)
  return printed
}

/** What each block has printed, by its line. */
function printedBy(output: string): Map<number, string> {
  const parts = output.split(`\n${MARK}`).slice(1)
  return new Map(parts.map((part) => [Number.parseInt(part, 10), part.slice(part.indexOf('\n') + 1)]))
}

/** Signals the shell and all that it has started. @returns whether any of it is there */
function endGroup({ pid = 0 }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

type Shown = { shown: Block; by: Block; isOtherWindow: boolean }

/** What the document shows, and the block that has to print it. */
function shownOutputs(blocks: Block[]): Shown[] {
  const last: { here: Block | null; there: Block | null } = { here: null, there: null }
  const found: Shown[] = []
  for (const shown of blocks) {
    const use = useOf(shown)
    if (use.kind === 'run') last[use.isOtherWindow ? 'there' : 'here'] = shown
    if (use.kind !== 'output') continue
    const by = use.isOtherWindow ? last.there : last.here
    assert.ok(by, `line ${shown.line}: nothing has run that could have printed this`)
    found.push({ shown, by, isOtherWindow: use.isOtherWindow })
  }
  return found
}

/** Waits until the other window shows what it should. */
async function waitFor({ shown, by }: Shown, folder: string): Promise<void> {
  let printed = ''
  const isThere = eventually(async () => {
    printed = await readFile(join(folder, otherWindow(by)), 'utf8')
    return differencesBetween(printed, shown).length === 0
  }, OTHER_WINDOW_PATIENCE_MS)
  await isThere.catch(() => assert.fail(`line ${by.line} printed ${printed}`))
}
