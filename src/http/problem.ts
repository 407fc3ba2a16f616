import { Refusal } from '../domain/refusal.ts'
import { fieldErrorsOf, type SchemaFault } from '../protocol/field-errors.ts'
import type { ProblemCode } from '../protocol/problems.ts'
import type { ProblemView } from '../protocol/schemas.ts'
import { CommitUnknown, StoreUnavailable } from '../store/store.ts'

/** What an RFC 9457 answer is sent as. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** Each error word has one status and one title. The type makes the table complete. */
const PROBLEMS: Record<ProblemCode, { status: number; title: string }> = {
  validation_failed: { status: 400, title: 'The request is not as it should be' },
  invalid_type: { status: 400, title: 'Unknown type' },
  invalid_credentials: { status: 400, title: 'Wrong credentials' },
  invalid_code: { status: 400, title: 'Not a valid context code' },
  already_exists: { status: 409, title: 'It exists already' },
  already_closed: { status: 400, title: 'It is closed already' },
  already_joined: { status: 400, title: 'The session has been joined already' },
  already_redeemed: { status: 400, title: 'The voucher has been redeemed already' },
  already_resolved: { status: 400, title: 'The voucher is in a final state' },
  session_closed: { status: 400, title: 'The session is closed' },
  expired: { status: 400, title: 'The voucher is no longer live' },
  not_redeemed: { status: 400, title: 'The voucher has no terms' },
  not_simple: { status: 400, title: 'Only SIMPLE vouchers can do this' },
  different_network: { status: 400, title: 'Another network' },
  receipt_rejected: { status: 400, title: 'The chain does not prove the payment' },
  unauthorized: { status: 401, title: 'Not signed in' },
  forbidden: { status: 403, title: 'Not for this kind of token' },
  not_found: { status: 404, title: 'Not found' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body is not JSON' },
  idempotency_conflict: { status: 422, title: 'The idempotency key came with another body' },
  rate_limit: { status: 429, title: 'Too many requests' },
  codes_exhausted: { status: 503, title: 'No code is free' },
  overloaded: { status: 503, title: 'Not possible right now' },
  unexpected: { status: 500, title: 'Unexpected error' },
}

/** The answer that a refusal becomes. */
export function problemOf(refusal: Refusal): ProblemView {
  const { status, title } = PROBLEMS[refusal.code]
  return {
    type: `urn:sixpence:problem:${refusal.code}`,
    title,
    status,
    detail:
      refusal.code === 'unexpected' ? 'Something went wrong on the server. Nothing more is known.' : refusal.message,
    code: refusal.code,
    ...(refusal.errors && { errors: refusal.errors }),
  }
}

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
