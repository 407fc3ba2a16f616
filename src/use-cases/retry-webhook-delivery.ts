import { retryDelivery } from '../domain/webhook-delivery.ts'
import { endPause } from '../domain/webhook-endpoint.ts'
import type { WebhookDeliveryView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, User } from './call.ts'
import { decideAndCommit } from './commit.ts'
import { findWebhookDelivery, findWebhookEndpoint } from './find.ts'
import { webhookDeliveryView } from './views.ts'
import { webhookBody } from './webhook-bodies.ts'

/**
 * Sends a delivery once more, whatever became of it, as soon as its endpoint is enabled; a rest of the endpoint ends.
 * @throws Refusal `not_found`
 */
export async function retryWebhookDelivery(
  app: App,
  call: Call<User | KeyHolder>,
  deliveryId: string,
): Promise<WebhookDeliveryView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const delivery = await findWebhookDelivery(app, call, deliveryId)
    const endpoint = await findWebhookEndpoint(app, call, delivery.endpointId)
    const due = retryDelivery(delivery, call.nowMs)
    const change = {
      ...(due !== delivery && { webhookDeliveries: [due] }),
      ...(endpoint.health.pausedUntilMs !== null && { webhookEndpoints: [endPause(endpoint)] }),
    }
    return { change, answer: webhookDeliveryView(due, await webhookBody(app, due)) }
  })
}
