import type { FieldError, ProblemCode } from '../protocol/problems.ts'
import type { ProblemView, VoucherView } from '../protocol/schemas.ts'

/** Every word that an error of this package has as its `code`: those of the server, and those of its own. */
export type ErrorCode =
  | ProblemCode
  | 'connection'
  | 'timeout'
  | 'not_paid'
  | 'not_payable'
  | 'payment_failed'
  | 'unresolved'
  | 'webhook_rejected'

/** What all errors of this package are. `cause` holds what brought them about. */
export class SixpenceError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = 'SixpenceError'
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The server turned the call down, and says why (RFC 9457). */
export class ProblemError extends SixpenceError<ProblemCode> {
  override readonly name = 'ProblemError'
  /** The HTTP status. */
  readonly status: number
  /** What is wrong and what to do, in a sentence. */
  readonly detail: string
  /** Which fields are wrong, with `validation_failed`. */
  readonly errors: readonly FieldError[]
  /** When the server wants to be asked again, where it said so. */
  readonly retryAfterMs: number | undefined

  /** @param where the call, such as "POST /auth/sign-in" */
  constructor(
    problem: Pick<ProblemView, 'code' | 'status' | 'detail' | 'errors'>,
    where: string,
    retryAfterMs?: number,
  ) {
    super(problem.code, `${where}: ${problem.status} ${problem.code}: ${problem.detail}`)
    this.status = problem.status
    this.detail = problem.detail
    this.errors = problem.errors ?? []
    this.retryAfterMs = retryAfterMs
  }
}

/** The server could not be reached, or its answer broke off. */
export class ConnectionError extends SixpenceError<'connection'> {
  override readonly name = 'ConnectionError'

  constructor(message: string, options?: ErrorOptions) {
    super('connection', message, options)
  }
}

/** It took longer than it may. */
export class TimeoutError extends SixpenceError<'timeout'> {
  override readonly name = 'TimeoutError'

  constructor(message: string, options?: ErrorOptions) {
    super('timeout', message, options)
  }
}

/** What was waited for does not come: the voucher was discarded, has expired, or its settlement has failed. */
export class NotPaidError extends SixpenceError<'not_paid'> {
  override readonly name = 'NotPaidError'
  /** As it ended. */
  readonly voucher: VoucherView

  constructor(voucher: VoucherView, message: string) {
    super('not_paid', message)
    this.voucher = voucher
  }
}

/** A payment was sent, and the chain did not carry it out; or the wallet says that it will not send it. */
export class PaymentFailedError extends SixpenceError<'payment_failed'> {
  override readonly name = 'PaymentFailedError'
  /** Null where the wallet has given the calls up before any transaction. */
  readonly transactionHash: string | null
  /** What the wallet named the calls that it was to make together, where it was asked for several. */
  readonly callsId: string | null

  constructor(transactionHash: string | null, callsId: string | null = null) {
    const what =
      transactionHash === null
        ? `The wallet has given up the calls ${callsId} and will not send them. Nothing was paid.`
        : `Transaction ${transactionHash} was mined and has failed. Nothing was paid but its gas.`
    super('payment_failed', what)
    this.transactionHash = transactionHash
    this.callsId = callsId
  }
}

/**
 * Money is on its way, or may be, and the server has not taken its receipts. Give `sent` to the same call: it hands them
 * in again, asks the wallet again for what became of its calls, and pays nothing twice.
 */
export class UnresolvedError extends SixpenceError<'unresolved'> {
  override readonly name = 'UnresolvedError'
  /** Empty only where the wallet has given no id for what it has sent. */
  readonly sent: readonly Sent[]

  /** @param what what is amiss, as the end of a sentence */
  constructor(sent: readonly Sent[], cause: unknown, what = 'its receipts were not taken') {
    const why = cause instanceof Error ? cause.message : String(cause)
    super('unresolved', `The payment was sent, and ${what}: ${why}`, { cause })
    this.sent = sent
  }
}

type Sent = { paymentId: string; transactionHash: string } | { callsId: string; paymentIds: string[] }

const PASSING_STATUSES = new Set([429, 502, 503, 504])

/** Whether the same call may well succeed a little later: the network's fault, or the server has too much to do. */
export function isPassing(error: unknown): error is ConnectionError | TimeoutError | ProblemError {
  if (error instanceof ProblemError) return PASSING_STATUSES.has(error.status)
  return error instanceof ConnectionError || error instanceof TimeoutError
}

/** How long the server wants to be left alone: 0 where it does not say. */
export function retryAfterMsOf(error: unknown): number {
  return error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0
}
