import type { EventView } from '../protocol/events.ts'
import type { CallOptions, Client } from './client.ts'
import { ConnectionError, isPassing, retryAfterMsOf } from './errors.ts'
import { abortBy, backoffMs, pause } from './pause.ts'

/** An event and its place in the log, from which a later stream goes on. */
export type SixpenceEvent = EventView & { position: string }

export type EventsOptions = CallOptions & {
  /** The position of an earlier event: the stream begins with the one after it. Without it, with the next that happens. */
  after?: string
  /** A stream that says nothing for this long, not even that it lives, is taken for broken; otherwise 45 s. */
  silenceMs?: number
  /**
   * Hears when the stream is open, and when it has broken. What is listed once it is open misses nothing that the stream
   * does not tell; what happens while it is broken is told as soon as it is open again.
   */
  onState?: (isOpen: boolean) => void
}

/** Says that the stream is open (again), so that from here on nothing is missed. */
const OPENED = 'opened'

/** The server says every 15 s that the stream lives. */
const SILENCE_MS = 45_000

/** How soon a stream that has ended is asked for again, at the least: what the server asks browsers for. */
const RECONNECT_AFTER_MS = 1000

/**
 * All that the caller may see, as it happens. A stream that breaks is taken up where it broke: nothing is missed, and
 * nothing comes twice. It ends when the signal aborts or the loop is left.
 * @throws ProblemError where the server will not have it, and what `get` throws where it cannot be reached at first
 */
export async function* events(client: Client, options: EventsOptions = {}): AsyncGenerator<SixpenceEvent, void> {
  for await (const told of follow(client, options)) {
    if (told !== OPENED) yield told
  }
}

async function* follow(client: Client, options: EventsOptions): AsyncGenerator<SixpenceEvent | typeof OPENED, void> {
  const { signal, onState } = options
  let position = options.after
  let hasOpened = false
  let failures = 0
  while (!signal?.aborted) {
    let leastPauseMs = RECONNECT_AFTER_MS
    try {
      for await (const { id, data } of connect(client, position, options)) {
        hasOpened = true
        failures = 0
        position = id ?? position
        onState?.(true)
        yield data === undefined ? OPENED : { ...JSON.parse(data), position }
      }
    } catch (error) {
      if (signal?.aborted) return
      if (!isPassing(error) || (!hasOpened && failures >= client.retries)) throw error
      leastPauseMs = Math.max(leastPauseMs, retryAfterMsOf(error))
    }
    onState?.(false)
    await pause(leastPauseMs + backoffMs(failures++), signal).catch(() => undefined)
  }
}

/** One connection, until it ends. */
async function* connect(
  client: Client,
  position: string | undefined,
  { signal, silenceMs = SILENCE_MS }: EventsOptions,
): AsyncGenerator<Frame, void> {
  const ending = new AbortController()
  const unlink = abortBy(ending, signal)
  const listen = () => setTimeout(() => ending.abort(new ConnectionError('the event stream fell silent')), silenceMs)
  let silence = listen()
  try {
    const headers: Record<string, string> = position === undefined ? {} : { 'last-event-id': position }
    const { body } = await client.open('/events', headers, ending.signal)
    if (body === null) return
    yield* readFrames(body, () => {
      clearTimeout(silence)
      silence = listen()
    })
  } finally {
    clearTimeout(silence)
    unlink()
    ending.abort()
  }
}

/** A piece of an event stream. One without data only says where the reader stands. */
type Frame = { id?: string; data?: string }

/**
 * Reads Server-Sent Events. A piece that breaks off in the middle does not count.
 * @param onSign called with everything that comes
 * @throws ConnectionError
 */
async function* readFrames(body: ReadableStream<Uint8Array>, onSign: () => void): AsyncGenerator<Frame, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let frame: Frame = {}
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read().catch((cause) => {
      throw new ConnectionError('the event stream broke off', { cause })
    })
    if (done) return
    onSign()
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, name, text = ''] = /^([^:]*)(?:: ?(.*?))?\r?$/s.exec(line) ?? []
      if (name === 'id') frame.id = text
      if (name === 'data') frame.data = frame.data === undefined ? text : `${frame.data}\n${text}`
      if (line.trim() !== '') continue
      if (frame.id !== undefined) yield frame
      frame = {}
    }
  }
}

type Listener = (told: SixpenceEvent | typeof OPENED) => void

/** One stream for all who wait at a client: browsers have few connections, and the server gives a caller few streams. */
export type Hub = {
  isOpen: () => boolean
  /** Hears of what happens from now on, and when the stream has been opened. @returns what ends the listening */
  listen: (listener: Listener) => () => void
}

export function createHub(client: Client): Hub {
  const listeners = new Set<Listener>()
  let isOpen = false
  let ending: AbortController | null = null

  const run = async (signal: AbortSignal) => {
    for await (const told of follow(client, { signal })) {
      isOpen = !signal.aborted
      for (const listener of listeners) listener(told)
    }
  }

  const start = () => {
    const own = new AbortController()
    ending = own
    // Who waits also looks from time to time: without a stream that is all they do.
    run(own.signal)
      .catch(() => undefined)
      .finally(() => {
        if (ending === own) stop()
      })
  }

  const stop = () => {
    ending?.abort()
    ending = null
    isOpen = false
  }

  return {
    isOpen: () => isOpen,
    listen: (listener) => {
      listeners.add(listener)
      if (ending === null) start()
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) stop()
      }
    },
  }
}
