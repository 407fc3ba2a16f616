import fastJson, { type Schema } from 'fast-json-stringify'
import type { FastifySerializerCompiler } from 'fastify'
import { onceFor } from './once-for.ts'

/** Writes answers as their schemas say, by Fastify's own serializer. */
export const compileSerializer: FastifySerializerCompiler<Schema> = ({ schema }) => {
  let serialize: ReturnType<typeof serializerFor> | undefined
  return (answer) => {
    serialize ??= serializerFor(schema)
    return serialize(answer)
  }
}

const serializerFor = onceFor((schema: Schema) => fastJson(schema))
