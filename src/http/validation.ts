import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { onceFor } from './once-for.ts'

/** Checks what came in against its schema. Nothing is converted but the integers of a query, which arrive as text. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  let compiled: ReturnType<typeof compiledFor> | undefined
  const integers = httpPart === 'querystring' ? integersOf(schema) : []
  return (value) => {
    const read = integers.length === 0 ? value : readIntegers(integers, value)
    compiled ??= compiledFor(schema)
    return compiled.Check(read) ? { value: read } : { error: compiled.Errors(read) }
  }
}

const compiledFor = onceFor((schema: TSchema) => Compile(schema))

function integersOf(schema: TSchema): string[] {
  if (!('properties' in schema)) return []
  const properties = Object.entries(schema.properties as Record<string, TSchema>)
  return properties.filter(([, property]) => 'type' in property && property.type === 'integer').map(([name]) => name)
}

/** Plain digits only: general converters would also read "1.5", "0x10" and "true" as integers. */
const DIGITS = /^[0-9]{1,16}$/

function readIntegers(names: string[], query: Record<string, unknown>): Record<string, unknown> {
  const read = { ...query }
  for (const name of names) {
    const text = read[name]
    if (typeof text === 'string' && DIGITS.test(text)) read[name] = Number(text)
  }
  return read
}
