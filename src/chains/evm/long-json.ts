import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** Beside this file, as TypeScript or as what the package makes of it. */
const WORKER = new URL(`./long-json-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** What the other thread has read: `list` of `result` is empty, and comes after it, `count` items in all. */
export type ReadLong =
  | { answer: { result: Record<string, unknown> }; list: string; count: number }
  | { answer: unknown }

/**
 * Parses a long answer of a node in another thread, and takes its longest list over slice by slice, between which others have
 * their turns: tens of megabytes would keep the event loop for a tenth of a second and more.
 * @param bytes JSON in UTF-8; they are handed over, and empty afterwards
 * @throws SyntaxError where it is no JSON
 */
export async function parseLong(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const worker = new Worker(WORKER, { workerData: bytes, transferList: [bytes.buffer] })
  // Whoever waits hears of it; nobody is to fall over it in between.
  worker.on('error', () => undefined)
  try {
    const [read] = (await once(worker, 'message')) as [ReadLong]
    if ('list' in read) {
      const items: unknown[] = []
      while (items.length < read.count) {
        const slice = once(worker, 'message')
        worker.postMessage('more')
        items.push(...(await slice).flat())
      }
      read.answer.result[read.list] = items
    }
    return read.answer
  } finally {
    void worker.terminate()
  }
}
