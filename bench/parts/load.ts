import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from '../connection.ts'
import { servePart } from '../part.ts'
import { CALLS, type Caller } from '../requests.ts'
import { doSideBySide, type LoadResult } from '../side-by-side.ts'

/**
 * The load generator: so many connections, each with one request under way, until all are answered.
 *
 * It speaks HTTP over plain sockets. autocannon, on the same two cores and against a server that does nothing, made 29 000
 * requests a second; this makes more than twice as many, and hands the id of one answer on to the next request.
 */

export type LoadPart = typeof handlers

/** What to send, to whom, and how often. */
export type LoadOptions = {
  /** One server, or nodes that share the connections. */
  urls: string[]
  caller: Caller
  /** `redeem` redeems what the last `reserve` at these URLs has reserved. */
  workload: keyof typeof WORKLOADS
  count: number
  concurrency: number
}

/** One unit of work on one connection. `item` counts them within a run. */
type Work = (run: Run, item: number, connection: Connection) => Promise<void>

type Run = { caller: Caller; reservedIds: string[] }

const WORKLOADS = {
  reserve: async (run, item, connection) => {
    run.reservedIds[item] = await reserve(run, connection)
  },
  redeem: async (run, item, connection) => {
    await redeem(run, connection, run.reservedIds[item] ?? '')
  },
  flow: async (run, _item, connection) => {
    const id = await reserve(run, connection)
    await redeem(run, connection, id)
    await answerOf(connection, CALLS.get(run.caller, id))
  },
} satisfies Record<string, Work>

/** By URLs: what the last run reserved there. */
const reserved = new Map<string, string[]>()

const handlers = { run }

async function run({ urls, caller, workload, count, concurrency }: LoadOptions): Promise<LoadResult> {
  const reservedIds = workload === 'redeem' ? (reserved.get(urls.join()) ?? []) : []
  const places = Array.from({ length: concurrency }, (_, index) => urls[index % urls.length] ?? '')
  const connections = await Promise.all(places.map((url) => Connection.open(url)))
  const work: Work = WORKLOADS[workload]
  const items = Array.from({ length: count }, (_, item) => item)
  const workers = connections.map((connection) => (item: number) => work({ caller, reservedIds }, item, connection))
  const result = await doSideBySide(items, workers)
  for (const connection of connections) connection.close()
  if (workload === 'reserve') reserved.set(urls.join(), reservedIds)
  return result
}

let keys = 0

/** As long as a UUID, which is what clients use. */
function newKey(): string {
  keys += 1
  return `${process.pid}-`.padEnd(24, 'k') + String(keys).padStart(12, '0')
}

const RETRY_AFTER_MS = 100

const VOUCHER_ID = /"id":"(vch_[^"]+)"/

async function reserve({ caller }: Run, connection: Connection): Promise<string> {
  const body = await answerOf(connection, CALLS.reserve(caller, newKey()))
  return VOUCHER_ID.exec(body)?.[1] ?? ''
}

async function redeem({ caller }: Run, connection: Connection, id: string): Promise<void> {
  await answerOf(connection, CALLS.redeem(caller, newKey(), id, keys))
}

/** Who is told to come back does, and the time that it takes counts. */
async function answerOf(connection: Connection, request: string): Promise<string> {
  for (;;) {
    const { status, body } = await connection.send(request)
    if (status === 200) return body
    if (status !== 503) throw new Error(`${request}\nwas answered with ${status}: ${body}`)
    await delay(RETRY_AFTER_MS)
  }
}

servePart(handlers)
