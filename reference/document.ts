import type { TSchema } from 'typebox'
import { CALLS_A_MINUTE } from '../src/auth/rate-limits.ts'
import { Refusal } from '../src/domain/refusal.ts'
import type { ServedRoute } from '../src/http/routes.ts'
import { PROBLEMS, type ProblemCode } from '../src/protocol/problems.ts'
import type { CallerKind } from '../src/use-cases/call.ts'
import { problemView } from '../src/use-cases/views.ts'
import { componentSchemas, isObject, shown } from './components.ts'
import type { Example, Recording } from './examples.ts'
import type { Json, JsonObject } from './json.ts'
import { OPERATIONS, type Operation, TAGS } from './operations.ts'
import { PARAMETERS, parametersOf } from './parameters.ts'
import { webhooks } from './webhooks.ts'

const PREFIX = '/api/v1'

/** The historical prefix of the webhook routes: the same routes once more. */
const WIDGETS = '/widgets'

const INTRODUCTION = `Pay with six characters: a payer opens a context and tells its code to a payee, who reserves a voucher with it and
states what it expects; the payer's wallet signs, and the server checks the chain.

Amounts are decimal strings in whole units of the token, times are ISO 8601 in UTC, ids are opaque, and every success is a 200.
Every error is a problem (RFC 9457) whose \`code\` is a word from the tables. Unknown fields of a body are ignored.`

/**
 * The OpenAPI document of what is served: the schemas are those that the routes validate and answer with, the examples
 * are calls that were made.
 * @throws Error where a route lacks its words or its examples, or words stand for no route
 */
export function makeDocument(routes: readonly ServedRoute[], recording: Recording, version: string): JsonObject {
  const served = routes.filter(({ path }) => path.startsWith(`${PREFIX}/`)).map(describedRoute)
  assertComplete(served, recording)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sixpence',
      version,
      summary: 'A self-hosted payment server: pay with six characters.',
      description: INTRODUCTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: PREFIX, description: 'The server that this document is from' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: pathsOf(served, recording),
    webhooks: webhooks(recording),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      parameters: PARAMETERS,
      headers: HEADERS,
      schemas: componentSchemas(),
      examples: problemExamples(recording),
    },
  }
}

const SECURITY_SCHEMES = {
  token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'What sign-in answers' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'A key of a payee' },
}

const HEADERS = {
  RequestId: { description: 'Names the call in the logs of the server', schema: { type: 'string' } },
  RetryAfter: { description: 'Seconds to wait', schema: { type: 'integer', minimum: 1 } },
  Link: {
    description:
      'Where there is more than this page: `<?…>; rel="next"`, the address of the next page relative to this one (RFC 8288). A page ends at its limit, or before it at 2 MiB',
    schema: { type: 'string' },
  },
}

/** A route and the words for it. */
type Described = ServedRoute & { key: string; words: Operation; sameAs?: string }

function describedRoute(route: ServedRoute): Described {
  const key = `${route.method} ${route.path.slice(PREFIX.length)}`
  const own = OPERATIONS[key]
  if (own) return { ...route, key, words: own }
  const twin = OPERATIONS[key.replace(` ${WIDGETS}/`, ' /')]
  if (!twin) throw new Error(`nothing is said of the route ${key}`)
  const words = {
    ...twin,
    operationId: `${twin.operationId}OfWidgets`,
    summary: `${twin.summary} (historical path)`,
    description: `${twin.description} The same as the path without \`${WIDGETS}\`.`,
  }
  return { ...route, key, words, sameAs: twin.operationId }
}

function assertComplete(served: Described[], { calls }: Recording): void {
  const keys = new Set(served.map(({ key }) => key))
  const shownRoutes = new Set(calls.map(({ route }) => route))
  for (const key of Object.keys(OPERATIONS)) if (!keys.has(key)) throw new Error(`there is no route ${key}`)
  for (const key of keys) if (!shownRoutes.has(key)) throw new Error(`no example shows the route ${key}`)
}

function pathsOf(served: Described[], { calls }: Recording): JsonObject {
  const paths: Record<string, JsonObject> = {}
  for (const route of served) {
    const path = route.key.replace(/^\S+ /, '').replaceAll(/:(\w+)/g, '{$1}')
    const examples = calls.filter((call) => call.route === route.key)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, examples) }
  }
  return paths
}

function operationOf(route: Described, examples: Example[]): JsonObject {
  const { callers, limit, words } = route
  const who = callers.length === 0 ? 'Anybody may call it.' : `For ${callers.map((kind) => CALLERS[kind]).join(', ')}.`
  return {
    operationId: words.operationId,
    tags: [words.tag],
    summary: words.summary,
    description: `${words.description}\n\n${who}`,
    security: securityOf(callers),
    ...(route.sameAs !== undefined && { 'x-same-as': route.sameAs }),
    ...(limit !== null && { 'x-rate-limit-group': limit }),
    ...present('parameters', parametersOf({ ...route, querystring: route.schema.querystring as TSchema }, examples)),
    ...bodyOf(route, examples),
    responses: { '200': successOf(route, examples), ...problemsOf(route) },
  }
}

const CALLERS: Record<CallerKind, string> = {
  user: 'registered users',
  payee: 'payees with the token of a context code',
  key: 'API keys',
  operator: 'the operator',
  anonymous: 'anybody',
}

function securityOf(callers: readonly CallerKind[]): Json {
  if (callers.length === 0) return []
  return [{ token: [] }, ...(callers.includes('key') ? [{ apiKey: [] }] : [])]
}

function present(name: string, list: Json[]): JsonObject {
  return list.length === 0 ? {} : { [name]: list }
}

function bodyOf({ method, schema, words }: Described, examples: Example[]): JsonObject {
  if (schema.body === undefined) return method === 'POST' ? EMPTY_BODY : {}
  const shownBodies = examples.filter(({ body }) => body !== undefined)
  return {
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: shown(words.body ?? (schema.body as TSchema)),
          examples: Object.fromEntries(
            shownBodies.map(({ title, body = null }) => [slug(title), { summary: title, value: body }]),
          ),
        },
      },
    },
  }
}

/** Clients of the protocol send `{}` where a POST needs nothing: gateways that validate must let that through. */
const EMPTY_BODY: JsonObject = {
  requestBody: {
    required: false,
    description: 'Nothing is read of it: `{}`, or no body at all',
    content: { 'application/json': { schema: { type: 'object' }, example: {} } },
  },
}

function successOf({ schema, words }: Described, examples: Example[]): JsonObject {
  const answers = schema.response as Record<string, TSchema> | undefined
  const answer = answers?.['200']
  const type = answer === undefined && words.tag === 'Events' ? 'text/event-stream' : 'application/json'
  const whole = answer === undefined ? { type: type === 'application/json' ? 'object' : 'string' } : shown(answer)
  return {
    description: 'OK',
    headers: {
      'x-request-id': { $ref: '#/components/headers/RequestId' },
      ...(isPaged(schema) && { link: { $ref: '#/components/headers/Link' } }),
    },
    content: {
      [type]: {
        schema: whole,
        examples: Object.fromEntries(
          examples.map(({ title, answer }) => [slug(title), { summary: title, value: answer }]),
        ),
      },
    },
  }
}

function isPaged({ querystring }: ServedRoute['schema']): boolean {
  const { properties = {} } = querystring === undefined ? {} : shown(querystring as TSchema)
  return isObject(properties) && 'offset' in properties
}

function slug(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}

/** The problems of a route by their status. */
function problemsOf(route: Described): JsonObject {
  const byStatus = Map.groupBy(problemCodesOf(route), (code) => PROBLEMS[code].status)
  const statuses = [...byStatus].sort(([one], [other]) => one - other)
  return Object.fromEntries(statuses.map(([status, codes]) => [String(status), problemOf(codes, route)]))
}

/** What a route may be refused with: what the nature of the route brings, and what its words add. */
function problemCodesOf({ method, callers, limit, schema, path, words }: Described): ProblemCode[] {
  const takesBody = method === 'POST' || method === 'PATCH'
  const takesInput = takesBody || schema.querystring !== undefined || path.includes(':')
  return [
    ...new Set<ProblemCode>([
      ...(takesInput ? ['validation_failed' as const] : []),
      ...words.problems,
      ...(callers.length > 0 ? (['unauthorized', 'forbidden'] as const) : []),
      ...(path.includes(':') ? ['not_found' as const] : []),
      ...(takesBody ? (['payload_too_large', 'unsupported_media_type'] as const) : []),
      ...(method === 'POST' ? ['idempotency_conflict' as const] : []),
      ...(limit === null ? [] : ['rate_limit' as const]),
      'overloaded',
      'unexpected',
    ]),
  ]
}

function problemOf(codes: ProblemCode[], { limit }: Described): JsonObject {
  const waits = codes.some((code) => code === 'rate_limit' || PROBLEMS[code].status === 503)
  const limited =
    codes.includes('rate_limit') && limit !== null
      ? ` More than ${CALLS_A_MINUTE.standard[limit]} calls of the group \`${limit}\` in a minute, where the operator sets no other limit.`
      : ''
  return {
    description: `${codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('. ')}.${limited}`,
    'x-problem-codes': codes,
    headers: {
      'x-request-id': { $ref: '#/components/headers/RequestId' },
      ...(waits && { 'retry-after': { $ref: '#/components/headers/RetryAfter' } }),
    },
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  }
}

/** What the recording could not meet, in the words in which it comes. */
const RARE: Partial<Record<ProblemCode, string>> = {
  different_network: 'The payee asks for a payment on polygon: it cannot be made from base.',
  rate_limit: 'There were too many calls. Slow down, and wait before the next.',
  codes_exhausted: 'All codes are in use right now. Try again in a minute.',
  overloaded: 'The server cannot reach its store. Try again.',
  unexpected: '',
}

function problemExamples({ problems }: Recording): JsonObject {
  const codes = Object.keys(PROBLEMS) as ProblemCode[]
  return Object.fromEntries(
    codes.map((code) => [code, { summary: PROBLEMS[code].title, value: problems[code] ?? rareProblem(code) }]),
  )
}

function rareProblem(code: ProblemCode): Json {
  const detail = RARE[code]
  if (detail === undefined) throw new Error(`no example shows the problem ${code}`)
  return { ...problemView(new Refusal(code, detail)) } as JsonObject
}
