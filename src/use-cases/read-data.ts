import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { Refusal } from '../domain/refusal.ts'
import { fieldErrorsOf } from '../protocol/field-errors.ts'

/**
 * Reads the `data` of a sign-up or sign-in, whose shape depends on its `type`.
 * @throws Refusal `validation_failed` that names each wrong field
 */
export function readData<T extends TSchema>(schema: T, data: unknown): Static<T> {
  if (Value.Check(schema, data)) return data
  const errors = fieldErrorsOf(Value.Errors(schema, data), '/data')
  throw new Refusal('validation_failed', `The data of this type is not as it should be: ${describe(errors)}.`, {
    errors,
  })
}

function describe(errors: { path: string; message: string }[]): string {
  return errors.map(({ path, message }) => `${path} ${message}`).join('; ')
}
