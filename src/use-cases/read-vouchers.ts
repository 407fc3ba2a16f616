import { voucherAsOf } from '../domain/voucher.ts'
import type { VoucherQuery, VoucherView } from '../protocol/schemas.ts'
import type { Page } from '../store/store.ts'
import type { App } from './app.ts'
import { type Call, inLineAs, type KeyHolder, type Payee, type User } from './call.ts'
import { findVoucherAsParty, partyOf } from './find.ts'
import { withAlternatives } from './offer-alternatives.ts'
import { type Listed, listPage } from './page.ts'
import { voucherView } from './views.ts'

/** The payer is also shown what it can sign instead of sending a transaction. @throws Refusal `not_found` */
export async function getVoucher(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  voucherId: string,
): Promise<VoucherView> {
  const voucher = await findVoucherAsParty(app, call, voucherId)
  const isPayer = call.caller.kind === 'user' && voucher.payerId === call.caller.accountId
  return isPayer ? withAlternatives(app, voucher, voucherView(voucher)) : voucherView(voucher)
}

/** A page of the vouchers of which the caller is payer or payee, newest first: each is a VoucherView. */
export async function listVouchers(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  query: VoucherQuery,
): Promise<Listed> {
  const { nowMs } = call
  const filter = {
    party: partyOf(call.caller),
    status: query.status ?? null,
    orderId: query.orderId ?? null,
    sessionId: query.sessionId ?? null,
    code: query.code ?? null,
    nowMs,
  }
  const read = (page: Page) => app.store.vouchers({ ...page, ...filter })
  return app.lists.run(inLineAs(call), () =>
    listPage(query, read, (voucher) => voucherView(voucherAsOf(voucher, nowMs))),
  )
}
