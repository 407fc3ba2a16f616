import type {
  CreateWebhookEndpointBody,
  NewSecretView,
  UpdateWebhookEndpointBody,
  WebhookDeliveryQuery,
  WebhookDeliveryView,
  WebhookEndpointQuery,
  WebhookEndpointView,
} from '../protocol/schemas.ts'
import { type CallOptions, type Client, type PostOptions, path } from './client.ts'

/** Where an account wants its events sent. For users and API keys; a payee by context code has no account. */
export function webhookActions(client: Client) {
  return {
    /** The answer holds the signing secret, this once. */
    createWebhookEndpoint: (body: CreateWebhookEndpointBody, options?: PostOptions) =>
      client.post<NewSecretView>('/webhook-endpoints', body, options),

    getWebhookEndpoint: (endpointId: string, options?: CallOptions) =>
      client.get<WebhookEndpointView>(path`/webhook-endpoints/${endpointId}`, options),

    listWebhookEndpoints: (query?: WebhookEndpointQuery, options?: CallOptions) =>
      client.list<WebhookEndpointView>('/webhook-endpoints', { ...options, query }),

    updateWebhookEndpoint: (endpointId: string, body: UpdateWebhookEndpointBody, options?: CallOptions) =>
      client.patch<WebhookEndpointView>(path`/webhook-endpoints/${endpointId}`, body, options),

    deleteWebhookEndpoint: (endpointId: string, options?: CallOptions) =>
      client.delete<WebhookEndpointView>(path`/webhook-endpoints/${endpointId}`, options),

    enableWebhookEndpoint: (endpointId: string, options?: PostOptions) =>
      client.post<WebhookEndpointView>(path`/webhook-endpoints/${endpointId}/enable`, {}, options),

    disableWebhookEndpoint: (endpointId: string, options?: PostOptions) =>
      client.post<WebhookEndpointView>(path`/webhook-endpoints/${endpointId}/disable`, {}, options),

    /** The answer holds the new secret, this once. For 24 hours deliveries are signed with the old one too. */
    rotateEndpointSecret: (endpointId: string, options?: PostOptions) =>
      client.post<NewSecretView>(path`/webhook-endpoints/${endpointId}/rotate-endpoint-secret`, {}, options),

    getWebhookDelivery: (deliveryId: string, options?: CallOptions) =>
      client.get<WebhookDeliveryView>(path`/webhook-deliveries/${deliveryId}`, options),

    listWebhookDeliveries: (query?: WebhookDeliveryQuery, options?: CallOptions) =>
      client.list<WebhookDeliveryView>('/webhook-deliveries', { ...options, query }),

    /** Sends one once more. */
    retryWebhookDelivery: (deliveryId: string, options?: PostOptions) =>
      client.post<WebhookDeliveryView>(path`/webhook-deliveries/${deliveryId}/retry`, {}, options),
  }
}
