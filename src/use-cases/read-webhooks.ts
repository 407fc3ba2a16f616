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
  return webhookDeliveryView(await findWebhookDelivery(app, call, id))
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
  return deliveries.map(webhookDeliveryView)
}

/** An API key never acts as payer. */
function visibleTo(caller: User | KeyHolder): { ownerId: string; payeeOnly: boolean } {
  return { ownerId: caller.accountId, payeeOnly: caller.kind === 'key' }
}
