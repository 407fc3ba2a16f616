import { payWarningsOf } from '../domain/pay-warning.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import type { Review, Simulation } from '../domain/review.ts'
import { canBePaid, chosenQuote, hasTerms, paymentsOf, type TermedVoucher } from '../domain/voucher.ts'
import type { ReviewQuery, VoucherReviewView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import type { Call, User } from './call.ts'
import { findVoucherAsPayer } from './find.ts'
import { type InternalWarning, internalWarning } from './internal-warning.ts'
import { isUnshownContract } from './prove-payment.ts'
import { reviewTerms } from './review-terms.ts'
import { simulatePayments } from './simulate-payments.ts'

/**
 * What the payer reads before the wallet is asked: what each payment does, and how it would end if it were sent now.
 * @throws Refusal `not_found`, `not_redeemed`, `validation_failed`, `overloaded`
 */
export async function reviewVoucher(
  app: App,
  call: Call<User>,
  voucherId: string,
  query: ReviewQuery,
): Promise<VoucherReviewView> {
  const voucher = await findVoucherAsPayer(app, call, voucherId)
  if (!hasTerms(voucher)) {
    throw new Refusal('not_redeemed', 'The payee has not stated terms; there is nothing to review.')
  }
  const { payers } = voucher
  const payments = paymentsOf(voucher)
  const wallet = readWallet(app, voucher, query)
  const [simulations, warning, internal] = await Promise.all([
    simulate(app, voucher, wallet),
    warningOf(app, voucher, wallet),
    internalWarning(app, voucher, wallet),
  ])
  return {
    id: voucher.id,
    code: voucher.code,
    status: voucher.status,
    // Only payments as asked are old enough to lack a review.
    payments: payments.map((payment, index) => ({
      paymentId: payment.id,
      summary: payment.summary,
      ...warned(
        lossOf(internal, payment.id) ?? warning,
        measured({
          review: payment.review ?? reviewTerms(app, voucher.redemption.terms, { ...payment, payers }).review,
          simulation: simulations[index] ?? { status: 'UNKNOWN' },
        }),
      ),
    })),
    warnings: [...payWarningsOf(voucher), ...(internal === null ? [] : [internal.warning])],
  }
}

/** What a contract sends would reach the payee and do nothing for the voucher. A key can send it plainly. */
function lossOf(internal: InternalWarning | null, paymentId: string): string | null {
  return internal?.isContract && internal.paymentIds.has(paymentId) ? internal.warning.message : null
}

/** What a contract pays may not count before it has signed: its owner is to read that before anything moves. */
async function warningOf(app: App, voucher: TermedVoucher, address: Hex): Promise<string | null> {
  const chain = app.chains.get(paymentsOf(voucher)[0]?.network ?? '')
  if (chain === undefined || !canBePaid(voucher)) return null
  const isUnshown = await askChain(chain, async () => {
    const { number: blockNumber } = await chain.head()
    return isUnshownContract(app, chain, voucher, { address, blockNumber })
  })
  return isUnshown
    ? `${address} is a contract: sign the voucher with it first (sign-voucher), so that what it pays counts`
    : null
}

type Told = { review: Review; simulation: Simulation }

/** What was found to arrive stands in the review in place of what was asked. */
function measured({ review, simulation }: Told): Told {
  const { arrives: amount, reason } = simulation
  if (amount === undefined) return { review, simulation }
  const arrives = review.arrives.map((one) => (one.currencyAddress === '' ? one : { ...one, amount }))
  return {
    review: { ...review, arrives, complete: false, worstCase: `${review.worstCase} What is more, ${reason}.` },
    simulation,
  }
}

function warned(warning: string | null, told: Told): Told {
  if (warning === null) return told
  const { review, simulation } = told
  return {
    review: { ...review, complete: false, worstCase: `${review.worstCase} ${warning}.` },
    simulation: simulation.status === 'OK' ? { status: 'UNKNOWN', reason: warning } : simulation,
  }
}

/** The payer's address that is to pay; where the caller names none, that of the quote, or else the first. */
function readWallet(app: App, voucher: TermedVoucher, { wallet }: ReviewQuery): Hex {
  const { payers } = voucher
  const usual = chosenQuote(voucher)?.supplied.wallet ?? payers[0]
  const named = (wallet === undefined ? usual : app.rules.readAddress(wallet))?.toLowerCase()
  const address = payers.find((payer) => payer.toLowerCase() === named)
  if (address === undefined) throw invalidField('/wallet', `must be an address of the payer: ${payers.join(', ')}`)
  return address
}

/** What is over, or on its way, is not to be sent. */
async function simulate(app: App, voucher: TermedVoucher, wallet: Hex): Promise<Simulation[]> {
  const payments = paymentsOf(voucher)
  const isOnItsWay = voucher.settlement?.status === 'PENDING'
  const unproven = voucher.observedPayments?.find(({ reason }) => reason === 'UNPROVEN')
  if (voucher.status === 'REDEEMED' && unproven !== undefined) {
    const reason = `transaction ${unproven.transactionHash} may have paid it already: ${unproven.detail}`
    return payments.map(() => ({ status: 'UNKNOWN', reason }))
  }
  if (voucher.status === 'REDEEMED' && !isOnItsWay) {
    return simulatePayments(app, app.chains.get(payments[0]?.network ?? ''), wallet, payments)
  }
  const reason = isOnItsWay ? 'a payment of the voucher is on its way already' : `the voucher is ${voucher.status}`
  return payments.map(() => ({ status: 'UNKNOWN', reason }))
}
