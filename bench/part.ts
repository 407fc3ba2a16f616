import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a part answers to: each question has one input and one answer, both plain data. */
export type Handlers = Record<string, (input: never) => unknown>

/** A piece of the bench that runs in a process of its own. */
export type Part<H extends Handlers> = {
  ask<Q extends keyof H & string>(question: Q, input: Parameters<H[Q]>[0]): Promise<Awaited<ReturnType<H[Q]>>>
  /** Lets the process clean up and end; one that does not is killed. */
  stop(): Promise<void>
  /** Ends the process at once. */
  kill(): void
}

type Question = { number: number; question: string; input: never }
type Reply = { number: number; answer?: unknown; error?: string }

const STOP_PATIENCE_MS = 10_000

/**
 * Starts `parts/<name>.ts`.
 * @param execArgv options for that process's Node, such as `--cpu-prof`
 */
export function startPart<H extends Handlers>(name: string, execArgv: string[] = []): Part<H> {
  const file = fileURLToPath(new URL(`parts/${name}.ts`, import.meta.url))
  const child = fork(file, { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const ended = once(child, 'exit')
  let asked = 0

  child.on('message', ({ number, answer, error }: Reply) => {
    const asker = waiting.get(number)
    waiting.delete(number)
    if (error === undefined) asker?.resolve(answer)
    else asker?.reject(new Error(`${name}: ${error}`))
  })
  child.on('exit', (code, signal) => {
    for (const asker of waiting.values()) asker.reject(new Error(`${name} ended early (${signal ?? code})`))
  })

  return {
    ask: (question, input) => {
      const asker = Promise.withResolvers<unknown>()
      asked += 1
      waiting.set(asked, asker)
      child.send({ number: asked, question, input })
      // The other end of the pipe is `servePart` with these very handlers.
      return asker.promise as ReturnType<Part<H>['ask']>
    },
    stop: async () => {
      if (child.connected) child.disconnect()
      const killing = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS)
      if (child.exitCode === null && child.signalCode === null) await ended
      clearTimeout(killing)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

/**
 * Answers the process that started this one, and ends with it.
 * @param stop cleans up before this process ends
 */
export function servePart(handlers: Handlers, stop: () => Promise<void> = async () => undefined): void {
  const reply = (answer: Reply) => process.send?.(answer)
  process.on('message', async ({ number, question, input }: Question) => {
    try {
      reply({ number, answer: await handlers[question]?.(input) })
    } catch (error) {
      reply({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  process.on('disconnect', () => void stop().finally(() => process.exit()))
  // Whoever interrupts the bench interrupts its first process, which then disconnects from this one.
  process.on('SIGINT', () => undefined)
}
