import { seal } from '../auth/seal.ts'
import { newSigningSecret } from '../delivery/webhooks/sign.ts'
import { Refusal } from '../domain/refusal.ts'
import { createEndpoint, freePlace, MOST_ENDPOINTS } from '../domain/webhook-endpoint.ts'
import { newId } from '../protocol/ids.ts'
import type { CreateWebhookEndpointBody, NewSecretView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, KeyHolder, User } from './call.ts'
import { decideAndCommit } from './commit.ts'
import { partyOf } from './find.ts'
import { readEventTypes, readWebhookUrl } from './read-webhook-target.ts'
import { webhookEndpointView } from './views.ts'

/**
 * An account asks to be told of its events from now on, and gets the secret that they are signed with, this once.
 * @throws Refusal `validation_failed`
 */
export async function createWebhookEndpoint(
  app: App,
  call: Call<User | KeyHolder>,
  body: CreateWebhookEndpointBody,
): Promise<NewSecretView> {
  const signingSecret = newSigningSecret()
  const given = {
    id: newId('wh', call.nowMs),
    ownerId: call.caller.accountId,
    ...partyOf(call.caller),
    url: readWebhookUrl(app, body.url),
    description: body.description ?? '',
    events: readEventTypes(body.events ?? []),
    widgetId: body.widgetId ?? null,
    sealedSecret: seal(signingSecret, app.secrets.sealKey),
    nowMs: call.nowMs,
  }
  return decideAndCommit(app, call.idempotency, async () => {
    const endpoint = createEndpoint({ ...given, place: await findPlace(app, given.ownerId) })
    return { change: { webhookEndpoints: [endpoint] }, answer: { ...webhookEndpointView(endpoint), signingSecret } }
  })
}

async function findPlace(app: App, ownerId: string): Promise<number> {
  const slice = { limit: MOST_ENDPOINTS, offset: 0, sinceMs: null, untilMs: null }
  const endpoints = await app.store.webhookEndpoints({
    ...slice,
    ownerId,
    payeeOnly: false,
    enabled: null,
    widgetId: null,
  })
  const place = freePlace(endpoints)
  if (place !== null) return place
  throw new Refusal(
    'validation_failed',
    `An account may have ${MOST_ENDPOINTS} webhook endpoints. Delete one that is of no use any more.`,
  )
}
