import type { LoggedEvent } from '../store/store.ts'
import { eventView } from '../use-cases/views.ts'

/** A piece of an event stream, as HTML defines them (Server-Sent Events): it ends with an empty line. */
export type Frame = string

/** What readers ignore: it shows that the stream lives. */
export const HEARTBEAT: Frame = ': \n\n'

const RECONNECT_AFTER_MS = 1000

/** Tells the reader when to come back after a break, and from where if nothing came before it. */
export function openingFrame(position: string): Frame {
  return `retry: ${RECONNECT_AFTER_MS}\nid: ${position}\n\n`
}

/** One event: its place in the log, its type, and the snapshot of its subject. JSON has no line breaks of its own. */
export function eventFrame({ position, event }: LoggedEvent): Frame {
  return `id: ${position}\nevent: ${event.type}\ndata: ${JSON.stringify(eventView(event))}\n\n`
}
