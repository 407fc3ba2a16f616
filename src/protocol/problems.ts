/** Every error word of the protocol. `http/problem.ts` gives each its status; the type makes that table exhaustive. */
export type ProblemCode =
  | 'validation_failed'
  | 'invalid_type'
  | 'invalid_credentials'
  | 'invalid_code'
  | 'already_exists'
  | 'already_closed'
  | 'already_joined'
  | 'already_redeemed'
  | 'already_resolved'
  | 'session_closed'
  | 'expired'
  | 'not_redeemed'
  | 'not_simple'
  | 'different_network'
  | 'receipt_rejected'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'idempotency_conflict'
  | 'rate_limit'
  | 'codes_exhausted'
  | 'overloaded'
  | 'unexpected'

/** One wrong field of a body or query. */
export type FieldError = {
  /** JSON pointer to the field, such as `/expectedPayment/amount`. */
  path: string
  message: string
}
