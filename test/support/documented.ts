import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

type Operation = { responses: Record<string, { 'x-problem-codes'?: string[] }> }
type Document = { paths: Record<string, Record<string, Operation>> }

const document: Document = JSON.parse(
  readFileSync(new URL('../../src/http/reference/openapi.json', import.meta.url), 'utf8'),
)

const PATHS = Object.entries(document.paths).map(([path, operations]) => ({
  segments: path.split('/'),
  operations,
}))

/** Asserts that the reference says of the route that it may be refused with this word. */
export function assertDocumented(
  method: string,
  path: string,
  { status, code }: { status: number; code: string },
): void {
  const operation = operationAt(method, path)
  if (operation === undefined) return
  const codes = operation.responses[status]?.['x-problem-codes'] ?? []
  assert.ok(codes.includes(code), `the reference does not say that ${method} ${path} may answer ${status} ${code}`)
}

/** The route that answers there; words count before parameters. */
export function operationAt(method: string, path: string): Operation | undefined {
  const asked = (path.split('?')[0] ?? '').replace(/\/$/, '').split('/')
  const fitting = PATHS.filter(
    ({ segments, operations }) =>
      method.toLowerCase() in operations &&
      segments.length === asked.length &&
      segments.every((segment, index) => segment.startsWith('{') || segment === asked[index]),
  )
  const parameters = (segments: string[]) => segments.filter((segment) => segment.startsWith('{')).length
  const [first] = fitting.toSorted((one, other) => parameters(one.segments) - parameters(other.segments))
  return first?.operations[method.toLowerCase()]
}
