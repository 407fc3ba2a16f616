import { Type } from 'typebox'
import {
  CreateWebhookEndpointBody,
  NewSecretView,
  UpdateWebhookEndpointBody,
  WebhookDeliveryQuery,
  WebhookDeliveryView,
  WebhookEndpointQuery,
  WebhookEndpointView,
} from '../../protocol/schemas.ts'
import { asAccount } from '../../use-cases/call.ts'
import { createWebhookEndpoint } from '../../use-cases/create-webhook-endpoint.ts'
import {
  deleteWebhookEndpoint,
  disableWebhookEndpoint,
  enableWebhookEndpoint,
  rotateEndpointSecret,
  updateWebhookEndpoint,
} from '../../use-cases/manage-webhook-endpoints.ts'
import {
  getWebhookDelivery,
  getWebhookEndpoint,
  listWebhookDeliveries,
  listWebhookEndpoints,
} from '../../use-cases/read-webhooks.ts'
import { retryWebhookDelivery } from '../../use-cases/retry-webhook-delivery.ts'
import { sendList } from '../lists.ts'
import { ACCOUNTS } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

const WRITE = { callers: ACCOUNTS, limit: 'write' } as const
const WRITE_SECRET = { ...WRITE, secretAnswer: true } as const
const READ = { callers: ACCOUNTS, limit: 'read' } as const

const EndpointPath = Type.Object({ endpointId: Type.String() })
const OF_ENDPOINT = { params: EndpointPath, response: { 200: WebhookEndpointView } }
const DeliveryPath = Type.Object({ deliveryId: Type.String() })
const OF_DELIVERY = { params: DeliveryPath, response: { 200: WebhookDeliveryView } }

/** The historical prefix of the public API, and none. */
const PREFIXES = ['/widgets', '']

export function webhookRoutes(api: Routes, context: RouteContext): void {
  for (const prefix of PREFIXES) {
    endpointRoutes(api, context, `${prefix}/webhook-endpoints`)
    transitionRoutes(api, context, `${prefix}/webhook-endpoints/:endpointId`)
    deliveryRoutes(api, context, `${prefix}/webhook-deliveries`)
  }
}

function endpointRoutes(api: Routes, { app, answers }: RouteContext, path: string): void {
  api.post(
    path,
    { config: WRITE_SECRET, schema: { body: CreateWebhookEndpointBody, response: { 200: NewSecretView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => createWebhookEndpoint(app, asAccount(call), request.body)),
  )

  api.get(
    path,
    {
      config: READ,
      schema: { querystring: WebhookEndpointQuery, response: { 200: Type.Array(WebhookEndpointView) } },
    },
    async (request, reply) =>
      sendList(request, reply, await listWebhookEndpoints(app, asAccount(request.call), request.query)),
  )

  api.get(`${path}/:endpointId`, { config: READ, schema: OF_ENDPOINT }, ({ call, params }) =>
    getWebhookEndpoint(app, asAccount(call), params.endpointId),
  )

  api.patch(
    `${path}/:endpointId`,
    { config: WRITE, schema: { ...OF_ENDPOINT, body: UpdateWebhookEndpointBody } },
    ({ call, params, body }) => updateWebhookEndpoint(app, asAccount(call), params.endpointId, body),
  )

  api.delete(`${path}/:endpointId`, { config: WRITE, schema: OF_ENDPOINT }, ({ call, params }) =>
    deleteWebhookEndpoint(app, asAccount(call), params.endpointId),
  )
}

function transitionRoutes(api: Routes, { app, answers }: RouteContext, path: string): void {
  api.post(
    `${path}/rotate-endpoint-secret`,
    { config: WRITE_SECRET, schema: { params: EndpointPath, response: { 200: NewSecretView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => rotateEndpointSecret(app, asAccount(call), request.params.endpointId)),
  )

  api.post(`${path}/enable`, { config: WRITE, schema: OF_ENDPOINT }, (request, reply) =>
    answers.once(request, reply, (call) => enableWebhookEndpoint(app, asAccount(call), request.params.endpointId)),
  )

  api.post(`${path}/disable`, { config: WRITE, schema: OF_ENDPOINT }, (request, reply) =>
    answers.once(request, reply, (call) => disableWebhookEndpoint(app, asAccount(call), request.params.endpointId)),
  )
}

function deliveryRoutes(api: Routes, { app, answers }: RouteContext, path: string): void {
  api.get(
    path,
    {
      config: READ,
      schema: { querystring: WebhookDeliveryQuery, response: { 200: Type.Array(WebhookDeliveryView) } },
    },
    async (request, reply) =>
      sendList(request, reply, await listWebhookDeliveries(app, asAccount(request.call), request.query)),
  )

  api.get(`${path}/:deliveryId`, { config: READ, schema: OF_DELIVERY }, ({ call, params }) =>
    getWebhookDelivery(app, asAccount(call), params.deliveryId),
  )

  api.post(`${path}/:deliveryId/retry`, { config: WRITE, schema: OF_DELIVERY }, (request, reply) =>
    answers.once(request, reply, (call) => retryWebhookDelivery(app, asAccount(call), request.params.deliveryId)),
  )
}
