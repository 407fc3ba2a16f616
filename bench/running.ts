import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNodeStub } from './network.ts'
import { type Handlers, type Part, startPart } from './part.ts'

/** What `npm start` tells Node about memory. */
export const SERVER_FLAGS = startFlags()

/** A run of the bench: its processes, its directory, and the node of its network. Nothing of it outlives `end`. */
export class Running {
  readonly workDir: string
  readonly rpcUrl: string
  readonly #parts: Part<Handlers>[] = []
  readonly #stopNode: () => void

  static async begin(): Promise<Running> {
    return new Running(await mkdtemp(join(tmpdir(), 'sixpence-bench-')), await startNodeStub())
  }

  private constructor(workDir: string, node: { url: string; stop: () => void }) {
    this.workDir = workDir
    this.rpcUrl = node.url
    this.#stopNode = node.stop
  }

  /** Starts `parts/<name>.ts`. */
  start<H extends Handlers>(name: string, execArgv: string[] = []): Part<H> {
    const part = startPart<H>(name, execArgv)
    this.#parts.push(part)
    return part
  }

  /** A directory for one store. */
  directory(name: string): string {
    return join(this.workDir, name)
  }

  async end(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop()))
    this.#stopNode()
    await rm(this.workDir, { recursive: true, force: true })
  }

  /** Ends the processes at once. */
  kill(): void {
    for (const part of this.#parts) part.kill()
  }
}

function startFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return String(scripts.start).match(/--max-\S+/g) ?? []
}
