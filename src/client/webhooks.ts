import type { EventView } from '../protocol/events.ts'
import { SixpenceError } from './errors.ts'

/** The headers of a request, in the ways that frameworks give them. */
type HeadersLike = { get(name: string): string | null } | Record<string, string | string[] | undefined>

/** A request that is not, or not provably, a webhook of this server: answer it with 400. */
export class WebhookError extends SixpenceError<'webhook_rejected'> {
  override readonly name = 'WebhookError'

  constructor(message: string) {
    super('webhook_rejected', message)
  }
}

type Bytes = Uint8Array<ArrayBuffer>
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

const SECRET_PREFIX = 'whsec_'
const TOLERANCE_SECONDS = 300

/**
 * Verifies a webhook by its Standard Webhooks signature and reads its event. The same event may come again: keep its
 * `id`.
 * @param input.body the body as it came, before anything has parsed it
 * @param input.secret of the endpoint (`whsec_…`)
 * @param input.toleranceSeconds how old or how far ahead its time may be, so that nobody can send it again later
 * @throws WebhookError
 */
export async function verifyWebhook(input: {
  headers: HeadersLike
  body: string | Uint8Array
  secret: string
  toleranceSeconds?: number
}): Promise<EventView> {
  const { headers, secret, toleranceSeconds = TOLERANCE_SECONDS } = input
  const body = bytesOf(input.body)
  const id = requireHeader(headers, 'webhook-id')
  const time = requireHeader(headers, 'webhook-timestamp')
  const signatures = requireHeader(headers, 'webhook-signature')
  assertInTime(time, toleranceSeconds)
  const key = await hmacKey(fromBase64(secret.replace(SECRET_PREFIX, '')))
  const signed = join(bytesOf(`${id}.${time}.`), body)
  for (const entry of signatures.split(' ')) {
    const [version, signature = ''] = entry.split(',')
    if (version === 'v1' && (await isSignature(key, fromBase64(signature), signed))) return readEvent(body)
  }
  throw new WebhookError('No signature fits: the secret is not this endpoint’s, or the body is not as it was sent.')
}

/**
 * Verifies a webhook by its `x-platform-signature`, for receivers that know no other. It says nothing of when the
 * webhook was sent, so that whoever has seen one can send it again: prefer `verifyWebhook`.
 * @throws WebhookError
 */
export async function verifyPlatformWebhook(input: {
  headers: HeadersLike
  body: string | Uint8Array
  secret: string
}): Promise<EventView> {
  const { headers, secret } = input
  const body = bytesOf(input.body)
  const key = await hmacKey(bytesOf(secret))
  const signature = requireHeader(headers, 'x-platform-signature')
  // While the secret changes over, the old one signs apart.
  const previous = headerOf(headers, 'x-platform-signature-previous') ?? ''
  for (const hex of [signature, previous]) {
    if (await isSignature(key, fromHex(hex), body)) return readEvent(body)
  }
  throw new WebhookError('The signature does not fit: another secret, or the body is not as it was sent.')
}

function headerOf(headers: HeadersLike, name: string): string | undefined {
  if ('get' in headers && typeof headers.get === 'function') return headers.get(name) ?? undefined
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  return Array.isArray(found) ? found[0] : found
}

function requireHeader(headers: HeadersLike, name: string): string {
  const value = headerOf(headers, name)
  if (!value) throw new WebhookError(`The header ${name} is missing.`)
  return value
}

function assertInTime(time: string, toleranceSeconds: number): void {
  const ageSeconds = Date.now() / 1000 - Number(time)
  if (!/^\d+$/.test(time) || !(Math.abs(ageSeconds) <= toleranceSeconds)) {
    throw new WebhookError(`The webhook is from ${Math.round(ageSeconds)} s ago; ${toleranceSeconds} s are allowed.`)
  }
}

/** With an empty key everybody could sign. */
async function hmacKey(secret: Bytes): Promise<HmacKey> {
  if (secret.length === 0) throw new WebhookError('The secret must be that of the endpoint: whsec_ and base64.')
  return crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

/** Takes as long for a wrong one as for a right one. */
function isSignature(key: HmacKey, signature: Bytes, signed: Bytes): Promise<boolean> {
  return crypto.subtle.verify('HMAC', key, signature, signed)
}

function readEvent(body: Uint8Array): EventView {
  return JSON.parse(new TextDecoder().decode(body))
}

function bytesOf(text: string | Uint8Array): Bytes {
  if (typeof text === 'string') return new TextEncoder().encode(text)
  if (text instanceof Uint8Array) return new Uint8Array(text)
  throw new WebhookError('The body must be the raw text or bytes of the request, not what a parser made of it.')
}

function join(...parts: [Uint8Array, Uint8Array]): Bytes {
  const [first, second] = parts
  const joined = new Uint8Array(first.length + second.length)
  joined.set(first)
  joined.set(second, first.length)
  return joined
}

/** @returns nothing where it is no base64, which no signature fits */
function fromBase64(text: string): Bytes {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}

function fromHex(text: string): Bytes {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (byte) => Number.parseInt(byte, 16))
}
