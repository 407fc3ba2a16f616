import type { FoundContextView } from '../protocol/schemas.ts'
import { ANONYMOUS, type CallOptions, type ClientOptions, createClient } from './client.ts'
import { pause } from './pause.ts'

/** How often a payee asks whether a payer has answered. */
const FIND_INTERVAL_MS = 2000

/** What a payee shows to a payer who has not told it a code, and what only the payee knows. Both are text. */
export type Invitation = {
  /** For the payer's `openContext`. Whoever sees it can answer it, and so be asked to pay, and no more. */
  invitation: string
  /** For `waitForInvited`. Keep it: whoever has it can ask the payer for payments. */
  secret: string
}

/**
 * Makes an invitation, to be shown as a QR code or sent as a link.
 * @throws Error where the runtime has no Web Crypto, as browsers have none on pages that came over plain http
 */
export async function createInvitation(): Promise<Invitation> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new Error('an invitation needs Web Crypto (crypto.subtle), which browsers have on https and localhost only')
  }
  const secret = toBase64Url(crypto.getRandomValues(new Uint8Array(32)))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret))
  return { secret, invitation: toBase64Url(new Uint8Array(digest)) }
}

/**
 * Waits until a payer has answered an invitation.
 * @returns the code of its context, as if the payer had told it
 * @throws SixpenceError, and the reason of an aborted `signal`
 */
export async function waitForInvited(options: ClientOptions & CallOptions & { secret: string }): Promise<string> {
  const { secret, signal } = options
  const stranger = createClient(options, ANONYMOUS)
  for (;;) {
    const { code } = await stranger.post<FoundContextView>('/vouchers/contexts/context-find', { secret }, { signal })
    if (code !== null) return code
    await pause(FIND_INTERVAL_MS, signal)
  }
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
