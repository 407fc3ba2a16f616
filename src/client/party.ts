import type {
  ConvertCurrencyBody,
  CurrencyQuery,
  CurrencyView,
  NetworkQuery,
  NetworkView,
  SessionQuery,
  SessionView,
  VoucherQuery,
  VoucherView,
} from '../protocol/schemas.ts'
import { type CallOptions, type Client, type PostOptions, path } from './client.ts'
import { createHub, type EventsOptions, events } from './events.ts'
import { type WaitOptions, waitForResolved, waitForSettlement } from './wait.ts'

/** What payers and payees can do alike. Amounts are decimal strings in whole units, never numbers. */
export function partyActions(client: Client) {
  const hub = createHub(client)
  return {
    getVoucher: (voucherId: string, options?: CallOptions) =>
      client.get<VoucherView>(path`/vouchers/${voucherId}`, options),

    /** The newest first. */
    listVouchers: (query?: VoucherQuery, options?: CallOptions) =>
      client.list<VoucherView>('/vouchers', { ...options, query }),

    /** Calls a voucher off that is RESERVED or REDEEMED. */
    discardVoucher: (voucherId: string, options?: PostOptions) =>
      client.post<VoucherView>(path`/vouchers/${voucherId}/discard-voucher`, {}, options),

    /** With all of its vouchers, in as many pages as the server makes of them. */
    getSession: async (sessionId: string, options?: CallOptions): Promise<SessionView> => {
      const address = path`/vouchers/sessions/${sessionId}`
      let { answer: session, next } = await client.page<SessionView>(address, options)
      while (next !== null) {
        const more: { answer: SessionView; next: object | null } = await client.page(address, {
          ...options,
          query: next,
        })
        const { hasMoreVouchers: _, ...last } = more.answer
        session = { ...last, vouchers: [...(session.vouchers ?? []), ...(last.vouchers ?? [])] }
        next = more.next
      }
      return session
    },

    /** The newest first. */
    listSessions: (query?: SessionQuery, options?: CallOptions) =>
      client.list<SessionView>('/vouchers/sessions', { ...options, query }),

    /** All that happens to what is one's own, live: `for await (const event of party.events())`. */
    events: (options?: EventsOptions) => events(client, options),

    /** Until the payment is in a block. NotPaidError: it will not come. */
    waitForResolved: (voucherId: string, options?: WaitOptions) => waitForResolved(client, hub, voucherId, options),

    /** Until the payment lies as deep as the network asks for. NotPaidError: it will not. */
    waitForSettlement: (voucherId: string, options?: WaitOptions) => waitForSettlement(client, hub, voucherId, options),

    listNetworks: (query?: NetworkQuery, options?: CallOptions) =>
      client.list<NetworkView>('/finance/networks', { ...options, query }),

    listCurrencies: (query?: CurrencyQuery, options?: CallOptions) =>
      client.list<CurrencyView>('/finance/currencies', { ...options, query }),

    /** What an amount of one currency is worth in another. */
    convert: (body: ConvertCurrencyBody, options?: PostOptions) =>
      client.post<string>('/finance/currencies/convert', body, options),
  }
}
