import { expectationOf, type Hex, type Payment } from '../domain/payment.ts'
import { assertRedeemable, type Redemption, type ReservedVoucher, redeemVoucher as redeem } from '../domain/voucher.ts'
import { newId } from '../protocol/ids.ts'
import type { RedeemVoucherBody, VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { decideOnRecent, recordStep } from './commit.ts'
import { findVoucherAsPayee } from './find.ts'
import { readPayeeInfo } from './read-payee-info.ts'
import { type ReadTerms, readTerms } from './read-terms.ts'
import { reviewTerms } from './review-terms.ts'

/**
 * The payee states what it expects, once. The answer shows the transactions that the payer is to sign.
 * @throws Refusal `not_found`, `already_redeemed`, `expired`, `validation_failed`
 */
export async function redeemVoucher(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  voucherId: string,
  body: RedeemVoucherBody,
): Promise<VoucherView> {
  return decideOnRecent(app, call.idempotency, async (rows) => {
    const voucher = await findVoucherAsPayee(rows, call, voucherId)
    assertRedeemable(voucher)
    const redemption = await readRedemption(app, voucher, call.nowMs, body)
    const { change, view } = recordStep(redeem(voucher, redemption, app.times.signingTtlMs), call.nowMs)
    return { change, answer: view }
  })
}

async function readRedemption(
  app: App,
  { payers }: ReservedVoucher,
  nowMs: number,
  body: RedeemVoucherBody,
): Promise<Redemption> {
  const read = readTerms(app, body)
  const chain = app.chains.get(read.network)
  return {
    terms: read.terms,
    payments: [paymentOf(app, read, payers, nowMs)],
    payeeInfo: readPayeeInfo(body.payeeInfo),
    orderId: body.orderId ?? null,
    redeemedAtMs: nowMs,
    headNumber: chain ? (await askChain(chain, () => chain.head())).number : null,
  }
}

function paymentOf(app: App, { terms, network }: ReadTerms, payers: Hex[], nowMs: number): Payment {
  return {
    id: newId('pay', nowMs),
    type: 'send_transaction',
    network,
    chainId: app.networks.get(network)?.chainId ?? null,
    input: app.rules.buildInput(expectationOf(terms)),
    ...reviewTerms(app, terms, { network, payers }),
  }
}
