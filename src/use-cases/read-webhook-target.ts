import { urlFault } from '../delivery/webhooks/target.ts'
import { EVENT_TYPES, isEventType } from '../domain/event.ts'
import { invalidField } from '../domain/refusal.ts'
import type { EventType } from '../protocol/events.ts'
import type { App } from './app.ts'
import { ALL_EVENTS } from './views.ts'

/** @throws Refusal `validation_failed` where webhooks may not go there */
export function readWebhookUrl(app: App, url: string): string {
  const fault = urlFault(url, app.webhookPolicy)
  if (fault !== null) throw invalidField('/url', `cannot be used: ${fault}`)
  return url
}

/**
 * What an endpoint wants to hear of.
 * @returns an empty list for everything
 * @throws Refusal `validation_failed` that names what is no type of event
 */
export function readEventTypes(words: string[]): EventType[] {
  const types = new Set<EventType>()
  for (const [index, word] of words.entries()) {
    if (isEventType(word)) types.add(word)
    else if (word !== ALL_EVENTS) {
      throw invalidField(`/events/${index}`, `must be "${ALL_EVENTS}" or one of ${EVENT_TYPES.join(', ')}`)
    }
  }
  return words.includes(ALL_EVENTS) ? [] : [...types]
}
