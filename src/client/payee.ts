import type { OpenSessionBody, RedeemVoucherBody, ReservedView, SessionView, VoucherView } from '../protocol/schemas.ts'
import { keyEndingActions } from './api-keys.ts'
import { byApiKey, byContextCode, byToken } from './auth.ts'
import { type Auth, type Client, type ClientOptions, createClient, type PostOptions, path } from './client.ts'
import { partyActions } from './party.ts'
import { webhookActions } from './webhook-endpoints.ts'

/** Who asks for payments: a shop with an API key, whoever knows a payer's code, or who has a token already. */
export type PayeeOptions = ClientOptions &
  (
    | { apiKey: string; contextCode?: never; token?: never }
    | { contextCode: string; apiKey?: never; token?: never }
    | { token: string; apiKey?: never; contextCode?: never }
  )

export type Payee = ReturnType<typeof partyActions> &
  ReturnType<typeof keyEndingActions> &
  ReturnType<typeof webhookActions> &
  ReturnType<typeof payeeActions>

/**
 * A payee of the server at `url`. By `contextCode` it signs in at its first call, as a new payee that sees what it made
 * and nothing else; to take that up again later, get a token by `signInWithCode`, keep it, and create the payee by it.
 */
export function createPayee(options: PayeeOptions): Payee {
  const client = createClient(options, authOf(options))
  return {
    ...partyActions(client),
    ...keyEndingActions(client),
    ...webhookActions(client),
    ...payeeActions(client, options.contextCode),
  }
}

function authOf(options: PayeeOptions): Auth {
  if (options.apiKey !== undefined) return byApiKey(options.apiKey)
  if (options.token !== undefined) return byToken(options.token)
  return byContextCode(options)
}

function payeeActions(client: Client, contextCode = '') {
  return {
    /**
     * Takes a voucher in the context of the payer's code. Its own code is for both to compare.
     * @param code not needed by whom `contextCode` signed in
     */
    reserveVoucher: (code = contextCode, options?: PostOptions) =>
      client.post<ReservedView>('/vouchers/reserve-voucher', { code }, options),

    /** States what is expected, once. From then on the payer can pay. */
    redeemVoucher: (voucherId: string, terms: RedeemVoucherBody, options?: PostOptions) =>
      client.post<VoucherView>(path`/vouchers/${voucherId}/redeem-voucher`, terms, options),

    /** Groups several vouchers of one checkout. */
    openSession: ({ code = contextCode, ...body }: Partial<OpenSessionBody> = {}, options?: PostOptions) =>
      client.post<SessionView>('/vouchers/sessions/session-open', { code, ...body }, options),

    reserveVoucherInSession: (sessionId: string, options?: PostOptions) =>
      client.post<ReservedView>(path`/vouchers/sessions/${sessionId}/reserve-voucher`, {}, options),

    /** Its vouchers go on. */
    closeSession: (sessionId: string, options?: PostOptions) =>
      client.post<SessionView>(path`/vouchers/sessions/${sessionId}/session-close`, {}, options),
  }
}
