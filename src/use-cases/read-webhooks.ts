import type {
  WebhookDeliveryQuery,
  WebhookDeliveryView,
  WebhookEndpointQuery,
  WebhookEndpointView,
} from '../protocol/schemas.ts'
import type { Page } from '../store/store.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, User } from './call.ts'
import { findWebhookDelivery, findWebhookEndpoint } from './find.ts'
import { type Listed, listPage } from './page.ts'
import { webhookDeliveryView, webhookEndpointView } from './views.ts'
import { webhookBodies, webhookBody } from './webhook-bodies.ts'

type AccountCall = Call<User | KeyHolder>

/** @throws Refusal `not_found` */
export async function getWebhookEndpoint(app: App, call: AccountCall, id: string): Promise<WebhookEndpointView> {
  return webhookEndpointView(await findWebhookEndpoint(app, call, id))
}

/** A page of the endpoints of the caller's account, newest first: each is a WebhookEndpointView. */
export async function listWebhookEndpoints(
  app: App,
  { caller }: AccountCall,
  query: WebhookEndpointQuery,
): Promise<Listed> {
  const filter = {
    ...visibleTo(caller),
    enabled: query.enabled === undefined ? null : query.enabled === 'true',
    widgetId: query.widgetId ?? null,
  }
  const read = (page: Page) => app.store.webhookEndpoints({ ...page, ...filter })
  return app.lists.run(caller.accountId, () => listPage(query, read, webhookEndpointView))
}

/** @throws Refusal `not_found` */
export async function getWebhookDelivery(app: App, call: AccountCall, id: string): Promise<WebhookDeliveryView> {
  const delivery = await findWebhookDelivery(app, call, id)
  return webhookDeliveryView(delivery, await webhookBody(app, delivery))
}

/** A page of what went, or is to go, to the endpoints of the caller's account, newest first: each is a WebhookDeliveryView. */
export async function listWebhookDeliveries(
  app: App,
  { caller }: AccountCall,
  query: WebhookDeliveryQuery,
): Promise<Listed> {
  const filter = {
    ...visibleTo(caller),
    endpointId: query.endpointId ?? null,
    status: query.status ?? null,
    eventType: query.eventType ?? null,
    widgetId: query.widgetId ?? null,
  }
  const read = async (page: Page) => {
    const deliveries = await app.store.webhookDeliveries({ ...page, ...filter })
    const bodies = await webhookBodies(app, deliveries)
    return deliveries.map((delivery, index) => ({
      createdAtMs: delivery.createdAtMs,
      view: webhookDeliveryView(delivery, bodies[index] ?? null),
    }))
  }
  return app.lists.run(caller.accountId, () => listPage(query, read, ({ view }) => view))
}

/** An API key never acts as payer. */
function visibleTo(caller: User | KeyHolder): { ownerId: string; payeeOnly: boolean } {
  return { ownerId: caller.accountId, payeeOnly: caller.kind === 'key' }
}
