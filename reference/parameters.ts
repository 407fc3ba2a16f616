import type { TSchema } from 'typebox'
import { PageQuery } from '../src/protocol/schemas.ts'
import { isObject, shown } from './components.ts'
import type { Example } from './examples.ts'
import type { Json, JsonObject } from './json.ts'

const PAGE = {
  limit: 'How many at most; 100 by default',
  offset: 'How many of the newest to leave out',
  since: 'Made at this time or later, in Unix milliseconds',
  until: 'Made before this time, in Unix milliseconds',
}

/** The parameters that many routes share. */
export const PARAMETERS: JsonObject = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same key, caller, route and body within 24 hours get the stored answer again',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    example: '6f2b7c1e-0a55-4d0e-9d52-0f4a4c1d9b1e',
  },
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'Where the reader was: the stream goes on after it',
    schema: { type: 'string' },
  },
  ...Object.fromEntries(
    Object.entries(PAGE).map(([name, description]) => [
      name,
      { name, in: 'query', description, schema: shown(PageQuery.properties[name as keyof typeof PAGE]) },
    ]),
  ),
}

const IN_PATH: Record<string, string> = {
  contextId: 'The id of the context',
  voucherId: 'The id of the voucher',
  sessionId: 'The id of the session',
  keyId: 'The id of the API key',
  endpointId: 'The id of the endpoint',
  deliveryId: 'The id of the delivery',
}

/** Where a schema does not say it itself. */
const IN_QUERY: Record<string, string> = {
  contextId: 'Of this context only',
  sessionId: 'Of this session only',
  orderId: "With this order's id, which the payee gave",
  code: 'With this voucher code',
  status: 'In this state',
  wallet: "The payer's address that is to pay; the first of the context where it is left out",
  id: 'The id of the payment',
  paymentIndex: 'Which of the payments, from 0; the first where neither this nor `id` is given',
  vid: 'The id of the voucher once more',
  network: 'This network only',
  srcNetwork: 'What can be paid from this network',
  dstNetwork: 'What can be paid for on this network',
  symbol: 'With this symbol',
  address: 'At this address; empty for the native coin',
  srcSymbol: 'What can be paid with a currency of this symbol',
  dstSymbol: 'What can pay for a currency of this symbol',
  srcAddress: 'What can be paid with the currency at this address',
  dstAddress: 'What can pay for the currency at this address',
  lastEventId: 'As the header `Last-Event-ID`, for readers that cannot set it',
  enabled: 'Whether it is enabled',
  widgetId: 'With this `widgetId`',
  endpointId: 'Of this endpoint only',
  eventType: 'Of this type of event only',
}

/**
 * The parameters of a route, each with an example where there is one.
 * @param route.path with `:name` where a parameter stands
 * @throws Error where nothing is said of a parameter
 */
export function parametersOf(
  { method, path, querystring }: { method: string; path: string; querystring: TSchema | undefined },
  examples: Example[],
): Json[] {
  const query = querystring === undefined ? {} : shown(querystring)
  const properties = isObject(query.properties) ? query.properties : {}
  return [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name = '']) => pathParameter(name, examples)),
    ...Object.entries(properties).map(([name, property]) => queryParameter(name, property, examples)),
    ...(method === 'POST' ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
    ...(path.endsWith('/events') ? [{ $ref: '#/components/parameters/LastEventId' }] : []),
  ]
}

function pathParameter(name: string, [example]: Example[]): Json {
  const description = IN_PATH[name] ?? unsaid(name)
  return {
    ...{ name, in: 'path', required: true, description, schema: { type: 'string' } },
    example: example?.params[name] ?? '',
  }
}

function queryParameter(name: string, property: Json, examples: Example[]): Json {
  const own = isObject(property) ? property : {}
  const isShared = name in PAGE && (own.description === undefined || 'description' in sharedSchema(name))
  if (isShared) return { $ref: `#/components/parameters/${name}` }
  const { description = IN_QUERY[name] ?? unsaid(name), ...schema } = own
  const given = examples.find(({ query }) => query[name] !== undefined)?.query[name]
  return {
    ...{ name, in: 'query', description, schema },
    ...(given !== undefined && { example: schema.type === 'integer' ? Number(given) : given }),
  }
}

function sharedSchema(name: string): object {
  return PageQuery.properties[name as keyof typeof PAGE]
}

function unsaid(name: string): never {
  throw new Error(`nothing is said of the parameter ${name}`)
}
