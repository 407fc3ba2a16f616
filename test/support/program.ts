import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** The program as its users run it, in a process of its own. */
export type Program = {
  process: ChildProcess
  /** All that it has said so far, on both outputs. */
  said: () => string
  /** Resolves with the first match in what it says. @throws when it ends without saying so */
  says: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Sends a signal and waits for the end. @returns the exit code, null where the signal ended it */
  end: (signal: NodeJS.Signals) => Promise<number | null>
  /** Waits for the end. */
  ended: Promise<number | null>
}

/** Starts `sixpence` with these arguments. No setting of the environment leaks in. */
export function startProgram(args: string[], env: Record<string, string> = {}): Program {
  return followProgram(spawn(process.execPath, [MAIN, ...args], { env: { ...environment(), ...env } }))
}

/** The environment without settings of the program. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SIXPENCE_')))
}

/** Hears what a program says that was started in another way. */
export function followProgram(child: ChildProcessWithoutNullStreams): Program {
  let said = ''
  let isOver = false
  const hearing = new EventEmitter()
  const ended = once(child, 'close').then(([code]) => {
    isOver = true
    hearing.emit('more')
    return code as number | null
  })
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      said += text
      hearing.emit('more')
    })
  }
  const says = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(said)
      if (found) return found
      if (isOver) throw new Error(`the program ended without saying ${pattern}; it said: ${said}`)
      await once(hearing, 'more')
    }
  }
  return {
    process: child,
    said: () => said,
    says,
    ended,
    end: (signal) => {
      child.kill(signal)
      return ended
    },
  }
}

/** Runs `sixpence` to its end. */
export async function runProgram(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; said: string }> {
  const program = startProgram(args, env)
  const code = await program.ended
  return { code, said: program.said() }
}

/** The address of a server that is starting. */
export async function urlOf(program: Program): Promise<string> {
  const [, url = ''] = await program.says(/API +(http:\/\/[^/]+)\/api\/v1/)
  return url
}
