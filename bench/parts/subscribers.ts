import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { Connection } from '../connection.ts'
import { servePart } from '../part.ts'
import { CALLS } from '../requests.ts'
import { percentile } from '../statistics.ts'

/** Payees who each hold an event stream open at one node while some of them reserve at another. */

export type SubscribersPart = typeof handlers

const AT_ONCE = 16
const CONNECT_AT_ONCE = 50

const VOUCHER_ID = /vch_[0-9a-z]+/g
const RESERVED_ID = /"id":"(vch_[^"]+)"/

/** When each voucher's first event came, and who waits for it. */
const cameAt = new Map<string, number>()
const waiting = new Map<string, (atMs: number) => void>()
const streams: IncomingMessage[] = []

const handlers = {
  /** Opens a stream for each token. */
  open: async ({ url, tokens }: { url: string; tokens: string[] }): Promise<void> => {
    for (let first = 0; first < tokens.length; first += CONNECT_AT_ONCE) {
      await Promise.all(tokens.slice(first, first + CONNECT_AT_ONCE).map((token) => openStream(url, token)))
    }
  },

  /** Milliseconds from the answer to a reservation, which its commit precedes, to its event. */
  measure: async (options: { url: string; tokens: string[]; contextCode: string; count: number }) => {
    const { url, tokens, contextCode, count } = options
    const delaysMs = new Float64Array(count)
    let next = 0
    const worker = async () => {
      const connection = await Connection.open(url)
      for (let item = next++; item < count; item = next++) {
        const token = tokens[(item * 37) % tokens.length] ?? ''
        const { body } = await connection.send(CALLS.reserve({ token, contextCode }, newKey()))
        const answeredAt = performance.now()
        const id = RESERVED_ID.exec(body)?.[1]
        if (id === undefined) throw new Error(`a reservation was answered with ${body}`)
        delaysMs[item] = Math.max(0, (await arrival(id)) - answeredAt)
      }
      connection.close()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    delaysMs.sort()
    return { p50Ms: percentile(delaysMs, 50), p99Ms: percentile(delaysMs, 99) }
  },
}

let keys = 0

function newKey(): string {
  keys += 1
  return `event-${process.pid}-${keys}`
}

async function openStream(url: string, token: string): Promise<void> {
  const request = get(`${url}/api/v1/events`, { agent: false, headers: { authorization: `Bearer ${token}` } })
  const [stream] = (await once(request, 'response')) as [IncomingMessage]
  if (stream.statusCode !== 200) throw new Error(`a stream was answered with ${stream.statusCode}`)
  streams.push(stream)
  stream.setEncoding('utf8').on('data', (text: string) => {
    const nowMs = performance.now()
    for (const [id] of text.matchAll(VOUCHER_ID)) note(id, nowMs)
  })
  await once(stream, 'data')
}

function note(id: string, nowMs: number): void {
  if (cameAt.has(id)) return
  cameAt.set(id, nowMs)
  waiting.get(id)?.(nowMs)
  waiting.delete(id)
}

function arrival(id: string): Promise<number> {
  const came = cameAt.get(id)
  return came === undefined ? new Promise((resolve) => waiting.set(id, resolve)) : Promise.resolve(came)
}

servePart(handlers, async () => {
  for (const stream of streams) stream.destroy()
})
