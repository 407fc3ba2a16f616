import { Connection } from '../connection.ts'
import { servePart } from '../part.ts'
import { percentile } from '../statistics.ts'
import type { LoadResult } from './load.ts'

/** Sends given requests: so many units side by side, the requests of a unit one after the other. */

export type ReplayPart = typeof handlers

export type Replay = {
  url: string
  /** Whole HTTP/1.1 requests, in ASCII. */
  units: string[][]
  concurrency: number
}

const handlers = { replay }

async function replay({ url, units, concurrency }: Replay): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: concurrency }, () => Connection.open(url)))
  const latenciesMs = new Float64Array(units.length)
  const waiting = units.entries()
  const worker = async (connection: Connection) => {
    for (const [index, unit] of waiting) {
      const startedAt = performance.now()
      for (const request of unit) await succeed(connection, request)
      latenciesMs[index] = performance.now() - startedAt
    }
  }
  const startedAt = performance.now()
  await Promise.all(connections.map(worker))
  const seconds = (performance.now() - startedAt) / 1000
  for (const connection of connections) connection.close()
  latenciesMs.sort()
  return { perSecond: units.length / seconds, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) }
}

async function succeed(connection: Connection, request: string): Promise<void> {
  const { status, body } = await connection.send(request)
  if (status !== 200) throw new Error(`${request}\nwas answered with ${status}: ${body}`)
}

servePart(handlers)
