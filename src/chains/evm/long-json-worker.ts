import { parentPort, workerData } from 'node:worker_threads'
import type { ReadLong } from './long-json.ts'

/** Items that are handed over at a time. */
const SLICE_SIZE = 500

const answer: unknown = JSON.parse(new TextDecoder().decode(workerData))
const { result, ...rest } = isRecord(answer) ? answer : {}
const found = isRecord(result) ? longListIn(result) : null
if (isRecord(result) && found !== null) {
  const [list, items] = found
  let given = 0
  parentPort?.on('message', () => {
    parentPort?.postMessage(items.slice(given, given + SLICE_SIZE))
    given += SLICE_SIZE
  })
  hand({ answer: { ...rest, result: { ...result, [list]: [] } }, list, count: items.length })
} else {
  hand({ answer })
}

function hand(read: ReadLong): void {
  parentPort?.postMessage(read)
}

function longListIn(result: Record<string, unknown>): [string, unknown[]] | null {
  for (const [name, value] of Object.entries(result)) {
    if (Array.isArray(value) && value.length > SLICE_SIZE) return [name, value]
  }
  return null
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
