import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { isIP, type TcpNetConnectOpts } from 'node:net'
import { findTarget, type ReachPolicy, type Target, Undelivered } from './target.ts'

export type WebhookRequest = { url: string; headers: Record<string, string>; body: string }

export type SendPolicy = ReachPolicy & {
  /** For the whole attempt, from the name's look-up to the answer's last byte; 15 s otherwise. */
  timeoutMs?: number
  /** Calls the attempt off. */
  signal?: AbortSignal
}

export type SendOutcome =
  | {
      status: 'answered'
      code: number
      /** The first 4 KiB as text, or what of them came in time. */
      body: string
      /** How long the receiver asks to be left alone; null where it does not. */
      retryAfterMs: number | null
    }
  | {
      status: 'failed'
      /** One plain sentence. */
      reason: string
    }

const ATTEMPT_TIMEOUT_MS = 15_000
/** For the name's look-up, the connection and TLS together. */
const CONNECT_TIMEOUT_MS = 5_000
/** How long one address may keep the next one waiting. */
const ADDRESS_TIMEOUT_MS = 1_000

const USER_AGENT = 'Sixpence-Webhooks/1'
const KEPT_BODY_BYTES = 4 * 1024

/**
 * Posts a webhook once, to a public address by https or to what the policy allows. A redirect is an answer like any
 * other and is not followed. Nothing is shared between attempts: no connection, no cookie, no proxy.
 *
 * The receiver has answered when its headers are there: what its body does afterwards changes nothing, and no more of it
 * is read than is kept.
 *
 * Never throws.
 */
export async function sendWebhook(request: WebhookRequest, policy: SendPolicy): Promise<SendOutcome> {
  const attempt = startAttempt(policy)
  try {
    attempt.signal.throwIfAborted()
    const target = await findTarget(request.url, policy, attempt.signal)
    return await answerOf(await exchange(request, target, attempt))
  } catch (error) {
    return { status: 'failed', reason: reasonOf(attempt.signal.aborted ? attempt.signal.reason : error) }
  } finally {
    attempt.end()
  }
}

type Attempt = {
  /** Aborted with an `Undelivered` when time is up or the attempt is called off. */
  signal: AbortSignal
  connected: () => void
  end: () => void
}

function startAttempt({ timeoutMs = ATTEMPT_TIMEOUT_MS, signal }: SendPolicy): Attempt {
  const controller = new AbortController()
  const fail = (reason: string) => controller.abort(new Undelivered(reason))
  const failAfter = (ms: number, what: string) =>
    setTimeout(() => fail(`The receiver could not be ${what} within ${ms / 1000} seconds.`), ms)
  const connectTimer = failAfter(Math.min(CONNECT_TIMEOUT_MS, timeoutMs), 'reached')
  const timer = setTimeout(() => fail(`The receiver did not answer within ${timeoutMs / 1000} seconds.`), timeoutMs)
  const callOff = () => fail('The attempt was called off.')
  signal?.addEventListener('abort', callOff, { once: true })
  if (signal?.aborted) callOff()
  return {
    signal: controller.signal,
    connected: () => clearTimeout(connectTimer),
    end: () => {
      clearTimeout(connectTimer)
      clearTimeout(timer)
      signal?.removeEventListener('abort', callOff)
    },
  }
}

/** @returns the answer's head; its body is still to be read */
function exchange(request: WebhookRequest, target: Target, attempt: Attempt): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = Buffer.from(request.body)
    const headers = { ...request.headers, 'user-agent': USER_AGENT, 'content-length': body.length }
    const send = target.isSecure ? httpsRequest : httpRequest
    const outgoing = send({ ...connectionTo(target), headers, method: 'POST', signal: attempt.signal })
    outgoing.once('socket', (socket) => socket.once(target.isSecure ? 'secureConnect' : 'connect', attempt.connected))
    outgoing.once('response', resolve)
    outgoing.on('error', reject)
    outgoing.once('close', () => reject(new Undelivered('The receiver closed the connection without an answer.')))
    outgoing.end(body)
  })
}

type ConnectionOptions = RequestOptions & Pick<TcpNetConnectOpts, 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'>

/** Every look-up of the connection gets the judged addresses, whatever DNS says by now. */
function connectionTo({ url, host, port, addresses }: Target): ConnectionOptions {
  const judged = addresses.map((address) => ({ address, family: isIP(address) }))
  return {
    host,
    port,
    path: `${url.pathname}${url.search}`,
    servername: isIP(host) === 0 ? host : '',
    rejectUnauthorized: true,
    agent: false,
    lookup: (_name, _options, answer) => answer(null, judged),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
  }
}

async function answerOf(response: IncomingMessage): Promise<SendOutcome> {
  const body = await firstOf(response)
  return {
    status: 'answered',
    code: response.statusCode ?? 0,
    body,
    retryAfterMs: readRetryAfter(response.headers['retry-after']),
  }
}

/** Reads what is kept of a body, and closes the connection on the rest. */
async function firstOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= KEPT_BODY_BYTES) break
    }
  } catch {
    // The connection broke or time is up: what came is kept.
  }
  response.destroy()
  // A decoder that expects more leaves a character out that the cut went through.
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, KEPT_BODY_BYTES), { stream: true })
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function readRetryAfter(text: string | undefined): number | null {
  if (text === undefined) return null
  const waitMs = /^[0-9]{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs)
}

const REASONS: readonly (readonly [code: RegExp, reason: string])[] = [
  [/^ECONNREFUSED$/, 'The receiver refused the connection.'],
  [/^(ECONNRESET|EPIPE)$/, 'The receiver closed the connection without an answer.'],
  [/^ERR_TLS_CERT_ALTNAME_/, "The receiver's TLS certificate is for another host name."],
  [/CERT|ISSUER|SIGNATURE|CA$|PURPOSE|_CRL/, "The receiver's TLS certificate is not valid."],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_)/, 'The receiver does not speak TLS as it should.'],
  [/^HPE_/, 'The receiver does not speak HTTP as it should.'],
]

function reasonOf(error: unknown): string {
  if (error instanceof Undelivered) return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? 'The receiver could not be reached.'
}
