/** What the page reads of an OpenAPI 3.1 document, as far as this server's document goes. */

export type Schema = {
  $ref?: string
  type?: string | string[]
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  prefixItems?: Schema[]
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  examples?: unknown[]
}

type Example = { summary: string; value: unknown }

type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  description?: string
  schema: Schema
  example?: unknown
}

type Media = { schema: Schema; examples?: Record<string, Example> }
type Response = { description: string; content?: Record<string, Media>; 'x-problem-codes'?: string[] }
type Ref = { $ref: string }

type Operation = {
  operationId: string
  tags: string[]
  summary: string
  description: string
  security: Record<string, string[]>[]
  parameters?: (Parameter | Ref)[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Response>
  /** The operation of which this is another path. */
  'x-same-as'?: string
}

type Document = {
  info: { version: string; description: string }
  servers: { url: string }[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<
    string,
    { post: { summary: string; description: string; requestBody: { content: Record<string, Media> } } }
  >
  components: {
    securitySchemes: Record<string, { description: string }>
    parameters: Record<string, Parameter>
    schemas: Record<string, Schema>
    examples: Record<string, Example>
  }
}

export type Problem = { code: string; status: number; title: string; detail: string }

/** A route as the page shows it. */
export type Route = {
  id: string
  method: string
  /** With `{name}` where a parameter stands, from the root of the server. */
  path: string
  /** The same at other paths, and the ids of those. */
  also: { id: string; path: string }[]
  tag: string
  summary: string
  description: string
  needsToken: boolean
  parameters: Parameter[]
  body: Schema | null
  answer: Schema
  answerType: string
  /** One call each: what was sent, where there is a body, and what came back. */
  calls: { title: string; body: unknown; answer: unknown }[]
  problems: Problem[]
  /** From how many calls on it is refused, in a sentence. */
  limit: string
  /** What a search looks through, in lower case. */
  text: string
}

export type Reference = {
  version: string
  introduction: string
  base: string
  tags: { name: string; description: string }[]
  routes: Route[]
  events: { type: string; summary: string; example: unknown }[]
  problems: Problem[]
  /** The schema that a reference names, and the name. */
  resolve: (schema: Schema) => { name: string | null; schema: Schema }
}

/** @throws Error where the document cannot be had */
export async function loadReference(): Promise<Reference> {
  const response = await fetch('/api/v1/openapi.json')
  if (!response.ok) throw new Error(`${response.status}`)
  return readDocument(await response.json())
}

function readDocument(document: Document): Reference {
  const { info, servers, tags, paths, webhooks, components } = document
  const base = servers[0]?.url ?? ''
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      operation,
      method: method.toUpperCase(),
      path: base + path,
    })),
  )
  const routes = operations
    .filter(({ operation }) => operation['x-same-as'] === undefined)
    .map(({ operation, ...place }) => {
      const twins = operations.filter((other) => other.operation['x-same-as'] === operation.operationId)
      const also = twins.map((twin) => ({ id: twin.operation.operationId, path: twin.path }))
      return readOperation(operation, { ...place, also }, components)
    })
  return {
    ...{ version: info.version, introduction: info.description, base, tags, routes },
    events: Object.entries(webhooks).map(([type, { post }]) => readEvent(type, post)),
    problems: Object.keys(components.examples).map((code) => readProblem(code, components.examples)),
    resolve: (schema) => resolveIn(components.schemas, schema),
  }
}

function readEvent(type: string, { summary, requestBody }: Document['webhooks'][string]['post']) {
  const [example] = Object.values(requestBody.content['application/json']?.examples ?? {})
  return { type, summary, example: example?.value }
}

function resolveIn(schemas: Record<string, Schema>, schema: Schema): { name: string | null; schema: Schema } {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? { name: null, schema } : { name, schema: schemas[name] ?? {} }
}

function readOperation(
  operation: Operation,
  place: Pick<Route, 'method' | 'path' | 'also'>,
  components: Document['components'],
): Route {
  const { operationId, summary, description, responses, requestBody } = operation
  const [answerType = '', answer] = Object.entries(responses['200']?.content ?? {})[0] ?? []
  const body = requestBody?.content['application/json']
  const parameters = (operation.parameters ?? []).map((one) => readParameter(one, components.parameters))
  const codes = Object.values(responses).flatMap((response) => response['x-problem-codes'] ?? [])
  const fields = [...fieldsOf(body?.schema, components.schemas), ...fieldsOf(answer?.schema, components.schemas)]
  const paths = [place.path, ...place.also.map(({ path }) => path)]
  const words = [operationId, place.method, ...paths, summary, description, ...codes, ...fields]
  return {
    ...place,
    ...{ id: operationId, tag: operation.tags[0] ?? '', summary, description, parameters, answerType },
    needsToken: operation.security.length > 0,
    body: body?.schema ?? null,
    answer: answer?.schema ?? {},
    calls: Object.entries(answer?.examples ?? {}).map(([name, { summary: title, value }]) => ({
      ...{ title, answer: value },
      body: body?.examples?.[name]?.value,
    })),
    problems: codes.map((code) => readProblem(code, components.examples)),
    limit: responses['429']?.description.replace(/^[^.]*\. /, '') ?? '',
    text: [...words, ...parameters.map(({ name }) => name)].join(' ').toLowerCase(),
  }
}

function readParameter(given: Parameter | Ref, named: Record<string, Parameter>): Parameter {
  if (!('$ref' in given)) return given
  const parameter = named[given.$ref.split('/').at(-1) ?? '']
  if (!parameter) throw new Error(`the document has no ${given.$ref}`)
  return parameter
}

function readProblem(code: string, examples: Record<string, Example>): Problem {
  const { status = 0, title = '', detail = '' } = (examples[code]?.value ?? {}) as Partial<Problem>
  return { code, status, title, detail }
}

/** The names of all fields within, each schema once. */
function fieldsOf(schema: Schema | undefined, schemas: Record<string, Schema>, seen = new Set<Schema>()): string[] {
  if (schema === undefined) return []
  const whole = resolveIn(schemas, schema).schema
  if (seen.has(whole)) return []
  seen.add(whole)
  const parts = [...Object.values(whole.properties ?? {}), ...(whole.anyOf ?? []), ...(whole.prefixItems ?? [])]
  if (whole.items) parts.push(whole.items)
  return [...Object.keys(whole.properties ?? {}), ...parts.flatMap((part) => fieldsOf(part, schemas, seen))]
}
