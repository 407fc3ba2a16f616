import type { WebhookDelivery } from '../domain/webhook-delivery.ts'
import type { App } from './app.ts'
import { eventView } from './views.ts'

/**
 * What is sent for a delivery, to the byte the same at every attempt: the event as the log has it. Deliveries of older
 * versions hold it themselves.
 * @returns null where the event is not in the log any more
 */
export async function webhookBody(app: App, delivery: WebhookDelivery): Promise<string | null> {
  const [body] = await webhookBodies(app, [delivery])
  return body ?? null
}

/** The same for several deliveries, in their order. They are held at once: ask for a few at a time. */
export async function webhookBodies(app: App, deliveries: WebhookDelivery[]): Promise<(string | null)[]> {
  const positions = deliveries.flatMap(({ requestBody, eventPosition }) =>
    requestBody === undefined && eventPosition !== undefined ? [eventPosition] : [],
  )
  const events = await app.store.eventsAt(positions)
  const bodies = new Map([...events].map(([position, event]) => [position, JSON.stringify(eventView(event))]))
  return deliveries.map(({ requestBody, eventPosition = '' }) => requestBody ?? bodies.get(eventPosition) ?? null)
}
