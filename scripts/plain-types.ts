import type { TSchema } from 'typebox'

/** A schema as JSON Schema has it, which is what it is at run time. */
type JsonSchema = {
  type?: string
  description?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: JsonSchema[]
  /** A list is a tuple's. */
  items?: JsonSchema | JsonSchema[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  patternProperties?: Record<string, JsonSchema>
}

/**
 * Writes schemas as TypeScript types that need no library to be read, with their descriptions as comments.
 * @param schemas by the name of the type
 */
export function plainTypes(schemas: Record<string, TSchema>): string {
  return Object.entries(schemas)
    .map(([name, schema]) => declare(name, schema))
    .join('\n')
}

function declare(name: string, schema: JsonSchema): string {
  const type = typeOf(schema)
  return type.startsWith('{') ? `export interface ${name} ${type}\n` : `export type ${name} = ${type}\n`
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ')
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(' | ')
  if ('const' in schema) return JSON.stringify(schema.const)
  switch (schema.type) {
    case 'array':
      return Array.isArray(schema.items) ? `[${schema.items.map(typeOf)}]` : `Array<${typeOf(schema.items ?? {})}>`
    case 'object':
      return schema.patternProperties ? recordOf(schema.patternProperties) : objectOf(schema)
    case 'integer':
    case 'number':
      return 'number'
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    case undefined:
      return 'unknown'
    default:
      throw new Error(`no type is known for the schema ${JSON.stringify(schema)}`)
  }
}

function recordOf(patternProperties: Record<string, JsonSchema>): string {
  return `{ [name: string]: ${Object.values(patternProperties).map(typeOf).join(' | ')} }`
}

function objectOf({ properties = {}, required = [] }: JsonSchema): string {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const comment = schema.description === undefined ? '' : `/** ${schema.description} */\n`
    return `${comment}${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}\n`
  })
  return `{\n${fields.join('')}}`
}
