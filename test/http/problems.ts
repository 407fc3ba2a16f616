import assert from 'node:assert/strict'
import type { ProblemCode } from '../../src/protocol/problems.ts'
import type { Answer } from '../support/server.ts'

/** The status that the protocol gives to each error word. */
const STATUS_OF: Record<ProblemCode, number> = {
  validation_failed: 400,
  invalid_type: 400,
  invalid_credentials: 400,
  invalid_code: 400,
  already_exists: 409,
  already_closed: 400,
  already_joined: 400,
  already_redeemed: 400,
  already_resolved: 400,
  session_closed: 400,
  expired: 400,
  not_redeemed: 400,
  not_simple: 400,
  different_network: 400,
  receipt_rejected: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_conflict: 422,
  rate_limit: 429,
  codes_exhausted: 503,
  overloaded: 503,
  unexpected: 500,
}

/** Asserts that an answer is the documented problem. */
export function assertProblem(answer: Answer<object>, code: ProblemCode, what = ''): void {
  const { status, body, headers } = answer
  const shown = `${what} ${status} ${JSON.stringify(body).slice(0, 300)}`
  assert.equal(body.code, code, shown)
  assert.equal(status, STATUS_OF[code], shown)
  assertProblemForm(answer, shown)
  if (code === 'unauthorized') assert.equal(headers.get('www-authenticate'), 'Bearer', shown)
  if (code === 'rate_limit' || status === 503) assert.match(headers.get('retry-after') ?? '', /^[1-9][0-9]*$/, shown)
}

/** Asserts the form that every refusal has, whichever it is: a problem document with a documented 4xx word. */
export function assertSomeRefusal(answer: Answer<object>, what = ''): void {
  const shown = `${what} ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`
  assert.ok(answer.status >= 400 && answer.status < 500, shown)
  const known = new Map<string, number>(Object.entries(STATUS_OF))
  assert.equal(known.get(answer.body.code ?? ''), answer.status, shown)
  assertProblemForm(answer, shown)
}

function assertProblemForm({ status, body, headers }: Answer<object>, shown: string): void {
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/, shown)
  const { type, title, detail } = body as Record<string, unknown>
  assert.equal((body as { status?: unknown }).status, status, shown)
  for (const text of [type, title, detail]) assert.ok(typeof text === 'string' && text.length > 0, shown)
}

/** Asserts a `validation_failed` that names exactly these fields. */
export function assertInvalidFields(answer: Answer<object>, paths: string[], what = ''): void {
  assertProblem(answer, 'validation_failed', what)
  const { errors = [] } = answer.body as { errors?: { path: string; message: string }[] }
  assert.deepEqual(errors.map(({ path }) => path).toSorted(), paths.toSorted(), `${what} ${JSON.stringify(errors)}`)
  for (const { message } of errors) assert.ok(message.length > 0)
}

/** Asserts success and gives the body. */
export function ok<Body>(answer: Answer<Body>, what = ''): Body {
  assert.equal(answer.status, 200, `${what} ${JSON.stringify(answer.body).slice(0, 300)}`)
  return answer.body
}
