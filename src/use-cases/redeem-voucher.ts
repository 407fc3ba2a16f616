import { type AskedExpectation, expectationOf, type Payment, type Terms } from '../domain/payment.ts'
import { reviewTransfer } from '../domain/review-payment.ts'
import { assertRedeemable, type Redemption, redeemVoucher as redeem } from '../domain/voucher.ts'
import { newId } from '../protocol/ids.ts'
import type { RedeemVoucherBody, VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import type { Call, KeyHolder, Payee, User } from './call.ts'
import { decideOnRecent, recordStep } from './commit.ts'
import { findVoucherAsPayee } from './find.ts'
import { readTerms } from './read-terms.ts'

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
    const redemption = await readRedemption(app, call.nowMs, body)
    const { change, view } = recordStep(redeem(voucher, redemption, app.times.signingTtlMs), call.nowMs)
    return { change, answer: view }
  })
}

async function readRedemption(app: App, nowMs: number, body: RedeemVoucherBody): Promise<Redemption> {
  const { terms, network } = readTerms(app, body)
  const chain = app.chains.get(network)
  return {
    terms,
    payments: [paymentOf(app, terms, network, nowMs)],
    payeeInfo: body.payeeInfo ?? null,
    orderId: body.orderId ?? null,
    redeemedAtMs: nowMs,
    headNumber: chain ? (await askChain(chain, () => chain.head())).number : null,
  }
}

function paymentOf(app: App, terms: Terms, network: string, nowMs: number): Payment {
  const expectation = expectationOf(terms)
  const { chainId = null, nativeCurrency } = app.networks.get(network) ?? {}
  return {
    id: newId('pay', nowMs),
    type: 'send_transaction',
    network,
    chainId,
    input: app.rules.buildInput(expectation),
    summary: summaryOf(terms, expectation, network),
    ...(terms.type === 'SIMPLE' && nativeCurrency && { review: reviewTransfer(terms, nativeCurrency) }),
  }
}

function summaryOf(terms: Terms, expectation: AskedExpectation, network: string): string {
  if (terms.type === 'SIMPLE') return `Send ${terms.amount} ${terms.currency} to ${terms.recipient} on ${network}.`
  const wei = expectation.kind === 'call' ? expectation.wei : 0n
  const value = wei === 0n ? '' : ` with ${wei} wei`
  return `Call the contract ${terms.instruction.input.to} on ${network}${value}.`
}
