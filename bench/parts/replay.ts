import { Connection } from '../connection.ts'
import { servePart } from '../part.ts'
import { doSideBySide, type LoadResult } from '../side-by-side.ts'

/** Sends given requests to a server, one a connection at a time. */

export type ReplayPart = typeof handlers

/** @param work.requests whole HTTP/1.1 requests, in ASCII */
type Work = { url: string; requests: string[]; concurrency: number }

const handlers = { replay }

async function replay({ url, requests, concurrency }: Work): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: concurrency }, () => Connection.open(url)))
  const workers = connections.map((connection) => async (request: string) => {
    const { status, body } = await connection.send(request)
    if (status !== 200) throw new Error(`${request}\nwas answered with ${status}: ${body}`)
  })
  try {
    return await doSideBySide(requests, workers)
  } finally {
    for (const connection of connections) connection.close()
  }
}

servePart(handlers)
