import { calculateJwkThumbprint, compactVerify, EmbeddedJWK } from 'jose'

/** How a device proves what it is when it signs up. */
export type Attestation = {
  verify(input: AttestationInput): Promise<AttestationVerdict>
}

type AttestationInput = { challenge: string; assertionToken: string; assertionKeyId: string | null }

/** `keyId` is the thumbprint of the device's key, null where none was asked for; `reason` is for the caller to read. */
type AttestationVerdict = { ok: true; keyId: string | null } | { ok: false; reason: string }

/** Whoever can check a symmetric signature can also make one, so only key pairs prove anything. */
const KEY_PAIR_ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'PS256']

/**
 * The assertion token is a compact JWS over the challenge, by the public key in its protected header `jwk`, whose RFC 7638
 * thumbprint is the assertion key id.
 */
export const jwsAttestation: Attestation = {
  async verify({ challenge, assertionToken, assertionKeyId }) {
    const signed = await verifiedJws(assertionToken)
    if (signed === null) {
      return {
        ok: false,
        reason: `must be a compact JWS with the device's public key in its header "jwk", signed by that key with one of ${KEY_PAIR_ALGORITHMS.join(', ')}`,
      }
    }
    if (signed.payload !== challenge) return { ok: false, reason: 'must be signed over exactly the challenge' }
    if (assertionKeyId !== null && assertionKeyId !== signed.thumbprint) {
      return {
        ok: false,
        reason: 'is signed by another key than assertionKeyId names (its RFC 7638 SHA-256 thumbprint)',
      }
    }
    return { ok: true, keyId: signed.thumbprint }
  },
}

/** Takes every device at its word. For the sandbox. */
export const noAttestation: Attestation = {
  async verify() {
    return { ok: true, keyId: null }
  },
}

async function verifiedJws(token: string): Promise<{ payload: string; thumbprint: string } | null> {
  try {
    const { payload, protectedHeader } = await compactVerify(token, EmbeddedJWK, { algorithms: KEY_PAIR_ALGORITHMS })
    if (protectedHeader.jwk === undefined) return null
    return {
      payload: Buffer.from(payload).toString('utf8'),
      thumbprint: await calculateJwkThumbprint(protectedHeader.jwk),
    }
  } catch {
    return null
  }
}
