import { Refusal } from '../domain/refusal.ts'
import { fieldErrorsOf, type SchemaFault } from '../protocol/field-errors.ts'
import { CommitUnknown, StoreUnavailable } from '../store/store.ts'

/** What an RFC 9457 answer is sent as. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** What Fastify finds wrong before a handler runs, in the words of the protocol. */
type FrameworkError = {
  code?: string
  statusCode?: number
  message: string
  validation?: SchemaFault[]
  validationContext?: string
}

/** Whether the store did not answer, or not in a way that can be believed. */
export function isStoreTrouble(error: unknown): error is StoreUnavailable | CommitUnknown {
  return error instanceof StoreUnavailable || error instanceof CommitUnknown
}

/** Turns anything thrown into a refusal; what is not understood is `unexpected`. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (isStoreTrouble(error)) return storeTrouble(error)
  if (!(error instanceof Error)) return new Refusal('unexpected', String(error))
  const framework: FrameworkError = error
  if (framework.validation) return invalidRequest(framework.validation, framework.validationContext)
  switch (framework.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Refusal('payload_too_large', 'A body may have 64 KiB at most.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Refusal('unsupported_media_type', 'Send the body as JSON, with content-type: application/json.')
    default:
      return isClientError(framework)
        ? new Refusal('validation_failed', `The request cannot be read: ${framework.message}.`)
        : new Refusal('unexpected', framework.message, { cause: error })
  }
}

function storeTrouble(cause: StoreUnavailable | CommitUnknown): Refusal {
  const detail =
    cause instanceof CommitUnknown
      ? 'It is not known whether this happened. Send it again with the same Idempotency-Key.'
      : 'The server cannot reach its store. Try again.'
  return new Refusal('overloaded', detail, { retryAfterSeconds: 1, cause })
}

function isClientError({ statusCode }: FrameworkError): boolean {
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500
}

function invalidRequest(validation: SchemaFault[], context = 'body'): Refusal {
  const errors = fieldErrorsOf(validation)
  const detail = errors.map(({ path, message }) => `${path || context} ${message}`).join('; ')
  return new Refusal('validation_failed', `${detail}.`, { errors })
}

/** @param fault such as "is not UTF-8" */
export function invalidBody(fault: string): Refusal {
  return new Refusal('validation_failed', `The body ${fault}.`, { errors: [{ path: '', message: fault }] })
}
