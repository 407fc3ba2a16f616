import type { WebhookDelivery } from '../domain/webhook-delivery.ts'
import type {
  WebhookDeliveryQuery,
  WebhookDeliveryView,
  WebhookEndpointQuery,
  WebhookEndpointView,
} from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, User } from './call.ts'
import { findWebhookDelivery, findWebhookEndpoint } from './find.ts'
import { pageOf } from './page.ts'
import { webhookDeliveryView, webhookEndpointView } from './views.ts'
import { webhookBodies, webhookBody } from './webhook-bodies.ts'

/** Bodies that a list shows at most, in bytes, beyond it by the last one; and how many of them are read at once. */
const BODIES_BYTES = 4 * 1024 * 1024
const BODIES_AT_ONCE = 20

type AccountCall = Call<User | KeyHolder>

/** @throws Refusal `not_found` */
export async function getWebhookEndpoint(app: App, call: AccountCall, id: string): Promise<WebhookEndpointView> {
  return webhookEndpointView(await findWebhookEndpoint(app, call, id))
}

/** The endpoints of the caller's account, newest first. */
export async function listWebhookEndpoints(
  app: App,
  { caller }: AccountCall,
  query: WebhookEndpointQuery,
): Promise<WebhookEndpointView[]> {
  const endpoints = await app.store.webhookEndpoints({
    ...pageOf(query),
    ...visibleTo(caller),
    enabled: query.enabled === undefined ? null : query.enabled === 'true',
    widgetId: query.widgetId ?? null,
  })
  return endpoints.map(webhookEndpointView)
}

/** @throws Refusal `not_found` */
export async function getWebhookDelivery(app: App, call: AccountCall, id: string): Promise<WebhookDeliveryView> {
  const delivery = await findWebhookDelivery(app, call, id)
  return webhookDeliveryView(delivery, await webhookBody(app, delivery))
}

/** What went, or is to go, to the endpoints of the caller's account, newest first. */
export async function listWebhookDeliveries(
  app: App,
  { caller }: AccountCall,
  query: WebhookDeliveryQuery,
): Promise<WebhookDeliveryView[]> {
  const deliveries = await app.store.webhookDeliveries({
    ...pageOf(query),
    ...visibleTo(caller),
    endpointId: query.endpointId ?? null,
    status: query.status ?? null,
    eventType: query.eventType ?? null,
    widgetId: query.widgetId ?? null,
  })
  return withBodies(app, deliveries)
}

/** Each with what is sent for it. The bodies come from the log some at a time, and the page ends where they are many. */
async function withBodies(app: App, deliveries: WebhookDelivery[]): Promise<WebhookDeliveryView[]> {
  const views: WebhookDeliveryView[] = []
  let left = BODIES_BYTES
  for (let first = 0; first < deliveries.length && left > 0; first += BODIES_AT_ONCE) {
    const some = deliveries.slice(first, first + BODIES_AT_ONCE)
    const bodies = await webhookBodies(app, some)
    for (const [index, delivery] of some.entries()) {
      if (left <= 0) break
      const body = bodies[index] ?? null
      views.push(webhookDeliveryView(delivery, body))
      left -= Buffer.byteLength(body ?? '')
    }
  }
  return views
}

/** An API key never acts as payer. */
function visibleTo(caller: User | KeyHolder): { ownerId: string; payeeOnly: boolean } {
  return { ownerId: caller.accountId, payeeOnly: caller.kind === 'key' }
}
