import { createHmac, randomBytes } from 'node:crypto'

const SECRET_PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** A new signing secret as Standard Webhooks writes it: `whsec_` and 256 random bits in base64. */
export function newSigningSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`
}

/**
 * The headers that sign one delivery, in both ways that receivers know.
 *
 * Standard Webhooks: `webhook-signature` holds one `v1,…` entry for each secret, separated by spaces, keyed with the
 * bytes that the secret spells in base64; a receiver takes whichever fits.
 *
 * The public API's own: `x-platform-signature` is the hex HMAC-SHA256 of the raw body, keyed with the whole secret as
 * text, prefix included, because that is the string that its receivers hold. They compare one hex value, so a list of
 * two would fail them: the header is by the newest secret alone, and `x-platform-signature-previous` by the one before
 * it while both are valid. A receiver that still has the old secret looks there, or in `webhook-signature`.
 *
 * @param input.timestampSeconds Unix time of this attempt
 * @param input.body the body exactly as it is sent
 * @param input.secrets newest first; a second one only while the endpoint changes over
 */
export function webhookHeaders(input: {
  messageId: string
  timestampSeconds: number
  body: string
  secrets: readonly string[]
}): Record<string, string> {
  const { messageId, timestampSeconds, body, secrets } = input
  const signed = `${messageId}.${timestampSeconds}.${body}`
  const [platform, previous] = secrets.map((secret) => createHmac('sha256', secret).update(body).digest('hex'))
  return {
    'webhook-id': messageId,
    'webhook-timestamp': `${timestampSeconds}`,
    'webhook-signature': secrets.map((secret) => `v1,${standardSignature(secret, signed)}`).join(' '),
    ...(platform !== undefined && { 'x-platform-signature': platform }),
    ...(previous !== undefined && { 'x-platform-signature-previous': previous }),
  }
}

function standardSignature(secret: string, signed: string): string {
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
  return createHmac('sha256', key).update(signed).digest('base64')
}
