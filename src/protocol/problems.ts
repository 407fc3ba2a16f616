/** Every error word of the protocol. `PROBLEMS` gives each its status. */
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

/** Each error word has one status and one title. The type makes the table complete. */
export const PROBLEMS: Record<ProblemCode, { status: number; title: string }> = {
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

/** One wrong field of a body or query. */
export type FieldError = {
  /** JSON pointer to the field, such as `/expectedPayment/amount`. */
  path: string
  message: string
}
