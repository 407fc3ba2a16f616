import { seal } from '../auth/seal.ts'
import { newSigningSecret } from '../delivery/webhooks/sign.ts'
import {
  deleteEndpoint,
  disableEndpoint,
  enableEndpoint,
  rotateSecret,
  updateEndpoint,
  type WebhookEndpoint,
} from '../domain/webhook-endpoint.ts'
import type { NewSecretView, UpdateWebhookEndpointBody, WebhookEndpointView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, User } from './call.ts'
import { decideAndCommit } from './commit.ts'
import { findWebhookEndpoint } from './find.ts'
import { readEventTypes, readWebhookUrl } from './read-webhook-target.ts'
import { webhookEndpointView } from './views.ts'

type AccountCall = Call<User | KeyHolder>

/** Changes what the body names. @throws Refusal `not_found`, `validation_failed` */
export async function updateWebhookEndpoint(
  app: App,
  call: AccountCall,
  endpointId: string,
  { url, description, events }: UpdateWebhookEndpointBody,
): Promise<WebhookEndpointView> {
  const changes = {
    ...(url !== undefined && { url: readWebhookUrl(app, url) }),
    ...(description !== undefined && { description }),
    ...(events !== undefined && { events: readEventTypes(events) }),
  }
  return change(app, call, endpointId, (endpoint) => updateEndpoint(endpoint, changes, call.nowMs))
}

/** Signs with a new secret, shown this once, and for a day with the old one too. @throws Refusal `not_found` */
export async function rotateEndpointSecret(app: App, call: AccountCall, endpointId: string): Promise<NewSecretView> {
  const signingSecret = newSigningSecret()
  const sealed = seal(signingSecret, app.secrets.sealKey)
  return decideAndCommit(app, call.idempotency, async () => {
    const rotated = rotateSecret(await findWebhookEndpoint(app, call, endpointId), sealed, call.nowMs)
    return { change: { webhookEndpoints: [rotated] }, answer: { ...webhookEndpointView(rotated), signingSecret } }
  })
}

/** Sends again, what waits first. Enabled already, it forgets its failures. @throws Refusal `not_found` */
export async function enableWebhookEndpoint(
  app: App,
  call: AccountCall,
  endpointId: string,
): Promise<WebhookEndpointView> {
  return change(app, call, endpointId, (endpoint) => enableEndpoint(endpoint, call.nowMs))
}

/** Sends nothing more, and notes no further events. @throws Refusal `not_found` */
export async function disableWebhookEndpoint(
  app: App,
  call: AccountCall,
  endpointId: string,
): Promise<WebhookEndpointView> {
  return change(app, call, endpointId, (endpoint) => disableEndpoint(endpoint, null, call.nowMs))
}

/** Ends an endpoint, with all that waits for it. @throws Refusal `not_found` */
export async function deleteWebhookEndpoint(
  app: App,
  call: AccountCall,
  endpointId: string,
): Promise<WebhookEndpointView> {
  return change(app, call, endpointId, (endpoint) => deleteEndpoint(endpoint, call.nowMs))
}

function change(
  app: App,
  call: AccountCall,
  endpointId: string,
  transition: (endpoint: WebhookEndpoint) => WebhookEndpoint,
): Promise<WebhookEndpointView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const next = transition(await findWebhookEndpoint(app, call, endpointId))
    return { change: { webhookEndpoints: [next] }, answer: webhookEndpointView(next) }
  })
}
