import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { eventually } from './server.ts'

/** An event as a reader gets it. `id` is its place in the stream, `data.id` its own. */
export type ReceivedEvent = {
  id: string
  type: string
  data: { id: string; type: string; createdAt: string; data: Record<string, unknown> & { id: string; version: number } }
}

/** Asks for the stream on a connection of its own, and reads nothing of it yet. */
export async function openEvents(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const ask = url.startsWith('https:') ? getSecurely : get
  const [response]: IncomingMessage[] = await once(ask(`${url}/api/v1/events`, { headers, agent: false }), 'response', {
    signal: AbortSignal.timeout(60_000),
  })
  if (response?.statusCode !== 200) throw new Error(`no stream, but ${response?.statusCode}`)
  return response
}

/** Opens the stream and reads whatever comes. */
export async function readEvents(
  url: string,
  headers: Record<string, string>,
  lastEventId: string | null = null,
): Promise<EventReader> {
  const resuming: Record<string, string> = lastEventId === null ? {} : { 'last-event-id': lastEventId }
  const reader = new EventReader(await openEvents(url, { ...headers, ...resuming }))
  await eventually(async () => reader.lastEventId !== '')
  return reader
}

/** Reads an event stream as browsers do. */
export class EventReader {
  readonly response: IncomingMessage
  readonly events: ReceivedEvent[] = []
  /** How many comments came. */
  heartbeats = 0
  /** What to resume from: the newest id that came, with an event or without. */
  lastEventId = ''
  /** The server has ended the stream, or the connection is broken. */
  hasEnded = false
  #text = ''

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8')
    response.on('data', (text: string) => this.#read(text))
    response.on('error', () => undefined)
    response.on('close', () => {
      this.hasEnded = true
    })
  }

  /** Waits for that many events in all. */
  received(count: number): Promise<ReceivedEvent[]> {
    return eventually(async () => this.events.length >= count && this.events)
  }

  ended(): Promise<true> {
    return eventually(async () => this.hasEnded)
  }

  close(): void {
    this.response.destroy()
  }

  #read(text: string): void {
    const frames = (this.#text + text).split('\n\n')
    this.#text = frames.pop() ?? ''
    for (const frame of frames) this.#take(frame)
  }

  #take(frame: string): void {
    if (frame.startsWith(':')) {
      this.heartbeats += 1
      return
    }
    const { id, event = '', data } = Object.fromEntries(frame.split('\n').map(fieldOf))
    if (id === undefined) throw new Error(`a frame without an id: ${frame}`)
    this.lastEventId = id
    if (data !== undefined) this.events.push({ id, type: event, data: JSON.parse(data) })
  }
}

function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(': ')
  return [line.slice(0, colon), line.slice(colon + 2)]
}
