import type { ProblemCode } from '../src/protocol/problems.ts'
import type { Json } from './json.ts'

/** One call as it was made, and what was answered. */
export type Example = {
  /** The route, such as `POST /vouchers/:voucherId/redeem-voucher`. */
  route: string
  /** What the example shows. */
  title: string
  params: Record<string, string>
  query: Record<string, string>
  body?: Json
  /** What was answered, of an event stream its text. */
  answer: Json
}

/** All that was recorded for the document. */
export type Recording = {
  calls: Example[]
  /** A problem of each kind that was met. */
  problems: Partial<Record<ProblemCode, Json>>
  /** The body of the first webhook of each type. */
  webhooks: Record<string, Json>
}
