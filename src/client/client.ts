import type { ProblemView } from '../protocol/schemas.ts'
import { ConnectionError, isPassing, ProblemError, retryAfterMsOf, TimeoutError } from './errors.ts'
import { abortBy, backoffMs, pause, unlessAborted } from './pause.ts'

/** Where the server is, and how patient to be with it. */
export type ClientOptions = {
  /** Such as `https://pay.example.com`. */
  url: string
  /** How often a call is repeated after its first try, where that is safe; otherwise 4. */
  retries?: number
  /** For one try; otherwise 60 s, because the server waits for blocks. */
  timeoutMs?: number
  /**
   * Hears what the server's clock says: Unix milliseconds, to the second, at the end of each answer that tells it.
   */
  onServerTime?: (serverTimeMs: number) => void
}

/** What every call takes. */
export type CallOptions = {
  /** Ends the call, its repetitions and the pauses between them, with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** What every GET takes. */
type GetOptions = CallOptions & { query?: object | undefined }

/** What every POST takes. */
export type PostOptions = CallOptions & {
  /**
   * The same key, caller and body happens once within 24 hours, and gets the same answer. Without one each call has a
   * random key of its own, which all of its tries share; give one where a call is to survive the program.
   */
  idempotencyKey?: string
}

/** How a call says who it is from: in headers. */
export type Auth = () => Promise<Record<string, string>>

export const ANONYMOUS: Auth = async () => ({})

/** A caller of the HTTP API. Answers are what the server says; the caller states their shape. */
export type Client = {
  get: <Answer>(path: string, options?: GetOptions) => Promise<Answer>
  /** One page of an answer, and the query of the next one; null where there is none. */
  page: <Answer>(path: string, options?: GetOptions) => Promise<{ answer: Answer; next: object | null }>
  /** The rows of a list up to the query's limit (100), in as many pages as the server makes of them. */
  list: <Row>(path: string, options?: GetOptions) => Promise<Row[]>
  post: <Answer>(path: string, body?: object, options?: PostOptions) => Promise<Answer>
  patch: <Answer>(path: string, body: object, options?: CallOptions) => Promise<Answer>
  delete: <Answer>(path: string, options?: CallOptions) => Promise<Answer>
  /** One try to open a stream, whose body is the caller's to read and to end. */
  open: (path: string, headers: Record<string, string>, signal: AbortSignal) => Promise<Response>
  retries: number
}

type Answered = { answer: unknown; link: string | null }

type Call = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  headers: Record<string, string>
  body: string | null
  signal: AbortSignal | undefined
}

const DEFAULT_RETRIES = 4
const DEFAULT_TIMEOUT_MS = 60_000

/** What the server wants to be left alone for longer than this is the caller's to decide. */
const LONGEST_RETRY_AFTER_MS = 30_000

/**
 * Calls a server's HTTP API. GETs and POSTs are repeated when the network fails or the server has too much to do (429,
 * 503 and what proxies say in its place); POSTs are safe to repeat by their idempotency keys.
 * @throws TypeError where `url` is none; from every call ProblemError, ConnectionError, TimeoutError, the reason of an
 * aborted signal, and TypeError for what cannot be sent
 */
export function createClient(options: ClientOptions, auth: Auth): Client {
  const { retries = DEFAULT_RETRIES, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const base = `${addressOf(options.url)}/api/v1`

  const respond = async (call: Call, signal: AbortSignal): Promise<Response> => {
    const { method, body } = call
    const headers = { ...call.headers, ...(await unlessAborted(auth(), signal)) }
    // A redirect turns POSTs into GETs, and takes keys to whoever it names.
    const answer = fetch(base + call.path, { method, headers, body, signal, redirect: 'manual' })
    const response = await answer.catch((cause) => unreachable(call, cause))
    const serverTimeMs = Date.parse(response.headers.get('date') ?? '')
    if (!Number.isNaN(serverTimeMs)) options.onServerTime?.(serverTimeMs)
    if (!response.ok) throw await problemOf(response, call)
    return response
  }

  const once = async (call: Call): Promise<Answered> => {
    const limit = new AbortController()
    const unlink = abortBy(limit, call.signal)
    const timer = setTimeout(() => limit.abort(), timeoutMs)
    try {
      const response = await respond(call, limit.signal)
      const answer = await response.json().catch((cause: unknown) => unreachable(call, cause))
      return { answer, link: response.headers.get('link') }
    } catch (cause) {
      call.signal?.throwIfAborted()
      if (limit.signal.aborted) throw new TimeoutError(`${nameOf(call)}: no answer within ${timeoutMs} ms`)
      throw cause
    } finally {
      clearTimeout(timer)
      unlink()
    }
  }

  const repeated = async (call: Call): Promise<Answered> => {
    for (let failures = 0; ; failures++) {
      call.signal?.throwIfAborted()
      try {
        return await once(call)
      } catch (error) {
        const pauseMs = failures < retries ? pauseAfter(error, failures) : null
        if (pauseMs === null) throw error
        await pause(pauseMs, call.signal)
      }
    }
  }

  const isRepeatable = ({ method }: Call) => method === 'GET' || method === 'POST'

  const send = async <Answer>(call: Call): Promise<Answer> => {
    assertSendable(call)
    const { answer } = await (isRepeatable(call) ? repeated(call) : once(call))
    return answer as Answer
  }

  const page = async <Answer>(path: string, { signal, query }: GetOptions = {}) => {
    const call: Call = { method: 'GET', path: path + queryString(query), headers: {}, body: null, signal }
    assertSendable(call)
    const { answer, link } = await repeated(call)
    return { answer: answer as Answer, next: nextQuery(link) }
  }

  return {
    retries,
    page,
    list: listBy(page),
    get: (path, { signal, query } = {}) =>
      send({ method: 'GET', path: path + queryString(query), headers: {}, body: null, signal }),
    post: (path, body = {}, { signal, idempotencyKey = randomKey() } = {}) =>
      send({ method: 'POST', path, ...json(body, { 'idempotency-key': idempotencyKey }), signal }),
    patch: (path, body, { signal } = {}) => send({ method: 'PATCH', path, ...json(body), signal }),
    delete: (path, { signal } = {}) => send({ method: 'DELETE', path, headers: {}, body: null, signal }),
    open: (path, headers, signal) => respond({ method: 'GET', path, headers, body: null, signal }, signal),
  }
}

/**
 * Writes ids into a path: `` path`/vouchers/${id}` ``.
 * @throws TypeError for an id that would make it another path
 */
export function path(parts: TemplateStringsArray, ...ids: string[]): string {
  for (const id of ids) if (/^\.{0,2}$/.test(id)) throw new TypeError(`"${id}" is no id`)
  return String.raw({ raw: parts }, ...ids.map(encodeURIComponent))
}

/** Without the slash at its end. */
function addressOf(url: string): string {
  if (!/^https?:/i.test(url) || !isUrl(url)) throw new TypeError(`"${url}" is no address of a server`)
  return url.replace(/\/+$/, '')
}

/** As `URL.canParse` says it, in runtimes without it. */
function isUrl(text: string): boolean {
  try {
    return new URL(text) !== null
  } catch {
    return false
  }
}

/** What `fetch` could never send is not the network's fault: no repetition mends it. */
function assertSendable({ headers }: Call): void {
  new Headers(headers)
}

function json(body: object, headers: Record<string, string> = {}) {
  return { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function queryString(query: object = {}): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, `${value}`)
  const written = `${given}`
  return written === '' ? '' : `?${written}`
}

/** Not `randomUUID`, which pages that came over plain http do not have. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Reads page after page, up to the limit of the query. */
function listBy(page: Client['page']): Client['list'] {
  return async <Row>(path: string, { signal, query = {} }: GetOptions = {}): Promise<Row[]> => {
    const limit = limitOf(query)
    const rows: Row[] = []
    for (let next: object | null = query; next !== null && rows.length < limit; ) {
      const asked: object = rows.length === 0 ? next : { ...next, limit: limit - rows.length }
      const read: { answer: Row[]; next: object | null } = await page<Row[]>(path, { signal, query: asked })
      rows.push(...read.answer)
      next = read.answer.length === 0 ? null : read.next
    }
    return rows
  }
}

/** What the server puts in a page where a list's query does not say it. */
const DEFAULT_LIMIT = 100

function limitOf(query: object): number {
  return 'limit' in query && typeof query.limit === 'number' ? query.limit : DEFAULT_LIMIT
}

/** The query of the next page, from `<?…>; rel="next"`. */
function nextQuery(link: string | null): object | null {
  const [, query] = /<\?([^>]*)>\s*;\s*rel="?next/.exec(link ?? '') ?? []
  return query === undefined ? null : Object.fromEntries(new URLSearchParams(query))
}

function nameOf({ method, path }: Call): string {
  return `${method} ${path.replace(/\?.*/s, '')}`
}

/** @returns null where the call is not to be repeated */
function pauseAfter(error: unknown, failures: number): number | null {
  if (!isPassing(error)) return null
  const askedMs = retryAfterMsOf(error)
  return askedMs > LONGEST_RETRY_AFTER_MS ? null : askedMs + backoffMs(failures)
}

/** For what the network itself does: an error of the program's own, in a hook or in here, stays what it is. */
function unreachable(call: Call, cause: unknown): never {
  if (cause instanceof ConnectionError) throw cause
  const why = cause instanceof SyntaxError ? 'the answer is not JSON' : 'the server cannot be reached'
  throw new ConnectionError(`${nameOf(call)}: ${why}`, { cause })
}

async function problemOf(response: Response, call: Call): Promise<ProblemError> {
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'))
  return new ProblemError(await readProblem(response), nameOf(call), retryAfterMs)
}

const STRANGE = 'The answer does not say more. Is a Sixpence server at this address?'
const REDIRECTED = 'The server is elsewhere: give the address that this one redirects to.'

/** Browsers do not show more of it. */
function isRedirect({ type, status }: Response): boolean {
  return type === 'opaqueredirect' || (status >= 300 && status < 400)
}

/** What a proxy or another server says is no problem document. */
async function readProblem(response: Response): Promise<Pick<ProblemView, 'code' | 'status' | 'detail' | 'errors'>> {
  const { status } = response
  const body: unknown = await response.json().catch(() => null)
  if (isProblem(body)) return { ...body, status }
  return { code: 'unexpected', status, detail: isRedirect(response) ? REDIRECTED : STRANGE }
}

function isProblem(body: unknown): body is ProblemView {
  return (
    typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string' && 'detail' in body
  )
}

/** Seconds, or a date. */
function readRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
