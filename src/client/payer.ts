import { byToken } from './auth.ts'
import { type CallOptions, type ClientOptions, createClient, type PostOptions } from './client.ts'
import { type PayOptions, payGasless, payVoucher, signTerms } from './pay.ts'
import { type PaySessionOptions, paySession } from './pay-session.ts'
import { type PayerActions, payerActions } from './payer-actions.ts'
import type { PayerWallet } from './wallet.ts'

/** A user's token comes from `signIn` or `signInWithWallet`. */
export type PayerOptions = ClientOptions & { token: string }

export type Payer = PayerActions & ReturnType<typeof payingActions>

/** A payer of the server at `url`: opens contexts, and pays what is asked in them. */
export function createPayer(options: PayerOptions): Payer {
  const actions = payerActions(createClient(options, byToken(options.token)))
  return { ...actions, ...payingActions(actions) }
}

function payingActions(actions: PayerActions) {
  return {
    /** Pays a voucher: asks the wallet for each payment, in order, and hands in the receipts. */
    pay: (voucherId: string, wallet: PayerWallet, options?: PayOptions) =>
      payVoucher(actions, voucherId, wallet, options),

    /** Pays a voucher by a signature alone; the server's operator pays the gas. */
    payGasless: (voucherId: string, wallet: PayerWallet, options?: CallOptions) =>
      payGasless(actions, voucherId, wallet, options),

    /** Has the wallet sign the terms of a voucher. Paying does not need it. */
    sign: (voucherId: string, wallet: PayerWallet, options?: PostOptions) =>
      signTerms(actions, voucherId, wallet, options),

    /** Pays all vouchers of a session, with one signature where the wallet can. */
    paySession: (sessionId: string, wallet: PayerWallet, options?: PaySessionOptions) =>
      paySession(actions, sessionId, wallet, options),
  }
}
