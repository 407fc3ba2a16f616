import type {
  CloseContextBody,
  ContextView,
  NegotiateVoucherBody,
  OpenContextBody,
  PageQuery,
  Receipt,
  ReviewQuery,
  SessionPaymentsQuery,
  SessionPaymentsView,
  SessionResolvedView,
  SessionView,
  SignVoucherBody,
  VoucherReviewView,
  VoucherView,
} from '../protocol/schemas.ts'
import { apiKeyActions } from './api-keys.ts'
import { type CallOptions, type Client, type PostOptions, path } from './client.ts'
import { partyActions } from './party.ts'
import { webhookActions } from './webhook-endpoints.ts'

/** All that a payer can ask of the server. */
export type PayerActions = ReturnType<typeof partyActions> &
  ReturnType<typeof contextActions> &
  ReturnType<typeof voucherActions> &
  ReturnType<typeof sessionActions> &
  ReturnType<typeof apiKeyActions> &
  ReturnType<typeof webhookActions>

export function payerActions(client: Client): PayerActions {
  return {
    ...partyActions(client),
    ...contextActions(client),
    ...voucherActions(client),
    ...sessionActions(client),
    ...apiKeyActions(client),
    ...webhookActions(client),
  }
}

/** Receipts by themselves, or as the body that the routes take. */
type Receipts = Receipt[] | { receipts: Receipt[] }

function bodyOf(receipts: Receipts): { receipts: Receipt[] } {
  return Array.isArray(receipts) ? { receipts } : receipts
}

function contextActions(client: Client) {
  return {
    /** Gets the code that the payer tells the payee. `payers` are the addresses that may pay. */
    openContext: (body: OpenContextBody, options?: PostOptions) =>
      client.post<ContextView>('/vouchers/contexts/context-open', body, options),

    getContext: (contextId: string, options?: CallOptions) =>
      client.get<ContextView>(path`/vouchers/contexts/${contextId}`, options),

    /** The newest first. */
    listContexts: (query?: PageQuery, options?: CallOptions) =>
      client.list<ContextView>('/vouchers/contexts', { ...options, query }),

    /** Ends the code and the context's sessions; vouchers go on. */
    closeContext: (contextId: string, body: CloseContextBody = { payeeId: null }, options?: PostOptions) =>
      client.post<ContextView>(path`/vouchers/contexts/${contextId}/context-close`, body, options),
  }
}

function voucherActions(client: Client) {
  return {
    /** What each payment does, and how it would end if it were sent now. To be shown before the wallet is asked. */
    reviewVoucher: (voucherId: string, query?: ReviewQuery, options?: CallOptions) =>
      client.get<VoucherReviewView>(path`/vouchers/${voucherId}/review`, { ...options, query }),

    /** Asks to pay in another currency. The answer's `suppliedPayment` says how much, and until when. */
    negotiateVoucher: (voucherId: string, body: NegotiateVoucherBody, options?: PostOptions) =>
      client.post<VoucherView>(path`/vouchers/${voucherId}/negotiate-voucher`, body, options),

    /** Attaches a signature of the voucher's `signingMessage`. */
    signVoucher: (voucherId: string, body: SignVoucherBody, options?: PostOptions) =>
      client.post<VoucherView>(path`/vouchers/${voucherId}/sign-voucher`, body, options),

    /**
     * Hands in a receipt for every payment. REDEEMED in the answer: the block has not come yet, the server goes on.
     * @param receipts a list of them, or `{ receipts }` as the route takes it
     * @example
     * await payer.resolveVoucher(voucherId, [{ paymentId: payment.id, transactionHash }])
     */
    resolveVoucher: (voucherId: string, receipts: Receipts, options?: PostOptions) =>
      client.post<VoucherView>(path`/vouchers/${voucherId}/resolve-voucher`, bodyOf(receipts), options),
  }
}

function sessionActions(client: Client) {
  return {
    joinSession: (sessionId: string, options?: PostOptions) =>
      client.post<SessionView>(path`/vouchers/sessions/${sessionId}/session-join`, {}, options),

    /** What is still to be paid, and what of it one signature pays: the first page of it, where there is a lot. */
    getSessionPayments: (sessionId: string, query?: SessionPaymentsQuery, options?: CallOptions) =>
      client.get<SessionPaymentsView>(path`/vouchers/sessions/${sessionId}/payments`, { ...options, query }),

    /** One page of what is still to be paid, and what of the query leads to the next; null where all was there. */
    getSessionPaymentsPage: async (
      sessionId: string,
      query?: SessionPaymentsQuery,
      options?: CallOptions,
    ): Promise<{ payments: SessionPaymentsView; next: SessionPaymentsQuery | null }> => {
      const address = path`/vouchers/sessions/${sessionId}/payments`
      const { answer, next } = await client.page<SessionPaymentsView>(address, { ...options, query })
      return { payments: answer, next }
    },

    /** Hands in receipts for many vouchers, 100 at most; each voucher is judged on its own. */
    resolveSession: (sessionId: string, receipts: Receipts, options?: PostOptions) =>
      client.post<SessionResolvedView>(
        path`/vouchers/sessions/${sessionId}/session-resolve`,
        bodyOf(receipts),
        options,
      ),
  }
}
