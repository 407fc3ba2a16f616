import type { FieldError, ProblemCode } from '../protocol/problems.ts'

/** A call that the rules turn down: the caller gets `code` and `detail`, and nothing has changed. */
export class Refusal extends Error {
  readonly code: ProblemCode
  readonly errors: FieldError[] | undefined
  readonly retryAfterSeconds: number | undefined

  /**
   * @param detail what is wrong and what to do, for the caller to read
   * @param options.errors the wrong fields, with `validation_failed`
   * @param options.retryAfterSeconds when to come back, with `rate_limit` and the 503s
   */
  constructor(
    code: ProblemCode,
    detail: string,
    options: { errors?: FieldError[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Refusal'
    this.code = code
    this.errors = options.errors
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** A `validation_failed` that names one field. */
export function invalidField(path: string, message: string): Refusal {
  return new Refusal('validation_failed', `${path.slice(1).replaceAll('/', '.')} ${message}`, {
    errors: [{ path, message }],
  })
}
