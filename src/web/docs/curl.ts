import type { Route } from './openapi.ts'

/** The call as it is typed in a shell. */
export function curlOf(route: Route, body: unknown, origin: string): string {
  const { method, path, parameters, needsToken } = route
  const given = (name: string) => String(parameters.find((one) => one.name === name)?.example ?? '')
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => given(name))
  const parts = [
    `curl ${method === 'GET' || method === 'POST' ? '' : `-X ${method} `}${quoted(origin + filled + queryOf(route))}`,
    needsToken && '-H "authorization: Bearer $TOKEN"',
    body === undefined && method === 'POST' && '-X POST',
    body !== undefined && "-H 'content-type: application/json'",
    body !== undefined && `-d ${quoted(JSON.stringify(body))}`,
  ]
  return parts.filter(Boolean).join(' \\\n  ')
}

/** The document keeps one value for each parameter: where there are several calls, nobody knows whose. */
function queryOf({ parameters, calls }: Route): string {
  if (calls.length !== 1) return ''
  const given = parameters.filter(({ in: where, example }) => where === 'query' && example !== undefined)
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given.map(({ name, example }) => [name, String(example)]))}`
}

/** As one word of a shell. */
function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
