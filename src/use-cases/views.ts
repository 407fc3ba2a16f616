import type { Account, ApiKey } from '../domain/account.ts'
import type { Context } from '../domain/context.ts'
import type { Event } from '../domain/event.ts'
import type { ObservedPayment } from '../domain/observed-payment.ts'
import { mayStillBeMined } from '../domain/pay-warning.ts'
import type { Hex, SimpleTerms, Terms } from '../domain/payment.ts'
import { type Quote, rateBetween } from '../domain/quote.ts'
import type { Refusal } from '../domain/refusal.ts'
import { feesOf } from '../domain/review-swap.ts'
import type { Session } from '../domain/session.ts'
import { type Batch, SEPARATE_REASONS, type SessionPayments } from '../domain/session-payments.ts'
import type { Settlement, SettlementTransaction } from '../domain/settlement.ts'
import {
  chosenQuote,
  hasTerms,
  isSignable,
  paymentsOf,
  signingMessage,
  type TermedVoucher,
  type Voucher,
} from '../domain/voucher.ts'
import type { WebhookDelivery } from '../domain/webhook-delivery.ts'
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import { formatAmount } from '../protocol/amounts.ts'
import { PROBLEMS } from '../protocol/problems.ts'
import type {
  AccountView,
  ApiKeyView,
  ContextView,
  ProblemView,
  ReservedView,
  SessionPaymentsView,
  SessionView,
  VoucherView,
  WebhookDeliveryView,
  WebhookEndpointView,
} from '../protocol/schemas.ts'

/** What the API shows of the domain's rows. The same shapes go into answers and into events. */

const iso = (ms: number): string => new Date(ms).toISOString()
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms))

export function accountView(account: Account): AccountView {
  return {
    id: account.id,
    role: account.role,
    createdAt: iso(account.createdAtMs),
    updatedAt: iso(account.updatedAtMs),
  }
}

export function apiKeyView(key: ApiKey): ApiKeyView {
  return {
    id: key.id,
    ownerId: key.ownerId,
    name: key.name,
    prefix: key.prefix,
    createdAt: iso(key.createdAtMs),
    revokedAt: key.revokedAtMs === null ? null : iso(key.revokedAtMs),
  }
}

export function contextView(context: Context): ContextView {
  return {
    id: context.id,
    code: context.code,
    status: context.status,
    format: context.format,
    payers: context.payers.map((address) => ({ address })),
    ...(context.closedWithPayeeId !== null && { payeeId: context.closedWithPayeeId }),
    version: context.version,
    createdAt: iso(context.createdAtMs),
    updatedAt: iso(context.updatedAtMs),
    expiresAt: iso(context.codeExpiresAtMs),
  }
}

export function reservedView(voucher: Voucher): ReservedView {
  return { id: voucher.id, code: voucher.code, status: voucher.status, expiresAt: iso(voucher.expiresAtMs) }
}

export function voucherView(voucher: Voucher): VoucherView {
  return {
    id: voucher.id,
    code: voucher.code,
    status: voucher.status,
    version: voucher.version,
    contextId: voucher.contextId,
    ...(voucher.sessionId !== null && { sessionId: voucher.sessionId }),
    payeeId: voucher.payeeId,
    payers: voucher.payers.map((address) => ({ address })),
    ...(hasTerms(voucher) && termsView(voucher)),
    ...(isSignable(voucher) && { signingMessage: signingMessage(voucher) }),
    ...(voucher.status === 'RESOLVED' && { late: voucher.late }),
    ...(voucher.status === 'DISCARDED' && voucher.discardedBy && { discardedBy: voucher.discardedBy }),
    createdAt: iso(voucher.createdAtMs),
    updatedAt: iso(voucher.updatedAtMs),
    expiresAt: iso(voucher.expiresAtMs),
  }
}

function termsView(voucher: TermedVoucher): Partial<VoucherView> {
  const { redemption, signature, settlement, observedPayments = [] } = voucher
  const { terms, payeeInfo, orderId } = redemption
  const quote = chosenQuote(voucher)
  const openHashes = mayStillBeMined(voucher)
  const asked =
    terms.type === 'SIMPLE'
      ? {
          expectedPayment: {
            network: terms.network,
            currency: terms.currency,
            currencyAddress: terms.currencyAddress,
            amount: terms.amount,
            wallet: { address: terms.recipient },
          },
        }
      : { networks: terms.networks, extras: terms.extras }
  return {
    type: terms.type,
    ...asked,
    ...(quote !== null && terms.type === 'SIMPLE' && { suppliedPayment: suppliedView(quote, terms) }),
    payments: paymentsOf(voucher),
    ...(payeeInfo !== null && { payeeInfo }),
    ...(orderId !== null && { orderId }),
    ...(signature !== null && {
      signature: {
        publicKey: signature.publicKey,
        signature: signature.signature,
        signedAt: iso(signature.signedAtMs),
      },
    }),
    ...(settlement !== null && { settlement: settlementView(settlement) }),
    ...(openHashes.length > 0 && { mayStillBeMined: openHashes }),
    ...(observedPayments.length > 0 && {
      observedPayments: observedPayments.map((observed) => observedView(observed, terms)),
    }),
  }
}

type ObservedPaymentView = NonNullable<VoucherView['observedPayments']>[number]

function observedView(observed: ObservedPayment, terms: Terms): ObservedPaymentView {
  const { paymentId, transactionHash, from, reason, units, detail, block, observedAtMs } = observed
  const amount = units === null || terms.type !== 'SIMPLE' ? null : formatAmount(BigInt(units), terms.decimals)
  return {
    ...{ paymentId, transactionHash, from, reason, amount, detail },
    blockNumber: block.number,
    observedAt: iso(observedAtMs),
  }
}

type SuppliedView = NonNullable<VoucherView['suppliedPayment']>

/** What the payer pays at a quote. */
function suppliedView(quote: Quote, terms: SimpleTerms): SuppliedView {
  const { supplied, units, maxUnits, fee } = quote
  const { network, currency, currencyAddress, decimals, wallet } = supplied
  return {
    network,
    currency,
    currencyAddress,
    amount: formatAmount(BigInt(units), decimals),
    wallet: { address: wallet },
    maxAmount: formatAmount(BigInt(maxUnits), decimals),
    quoteId: quote.id,
    source: quote.source,
    rate: rateBetween(
      { units: BigInt(units), decimals },
      { units: BigInt(terms.amountUnits), decimals: terms.decimals },
    ),
    slippageBps: quote.slippageBps,
    feeBps: fee?.bps ?? 0,
    fees: feesOf(quote, terms),
    expiresAt: iso(quote.expiresAtMs),
  }
}

/** What the payer pays where it pays as the payee asked. */
export function suppliedAsAsked(
  { network, currency, currencyAddress, amount }: SimpleTerms,
  wallet: Hex,
): SuppliedView {
  return { network, currency, currencyAddress, amount, wallet: { address: wallet } }
}

function settlementView(settlement: Settlement): NonNullable<VoucherView['settlement']> {
  return {
    status: settlement.status,
    confirmations: settlement.confirmations,
    required: settlement.required,
    transactions: eachOnce(settlement.transactions).map((transaction) => ({
      paymentId: transaction.paymentId,
      transactionHash: transaction.hash,
      blockNumber: transaction.block?.number ?? null,
      blockHash: transaction.block?.hash ?? null,
    })),
    ...(settlement.failure !== null && { failure: settlement.failure }),
    confirmedAt: settlement.confirmedAtMs === null ? null : iso(settlement.confirmedAtMs),
  }
}

/** One that pays by several of its parts stands there once. */
function eachOnce(transactions: SettlementTransaction[]): SettlementTransaction[] {
  return transactions.filter(
    ({ paymentId, hash }, index) =>
      transactions.findIndex((one) => one.paymentId === paymentId && one.hash === hash) === index,
  )
}

/** Without its vouchers. */
export function sessionView(session: Session): SessionView {
  return {
    id: session.id,
    code: session.code,
    status: session.status,
    type: session.type,
    version: session.version,
    contextId: session.contextId,
    payeeId: session.payeeId,
    ...(session.payeeInfo !== null && { payeeInfo: session.payeeInfo }),
    joinedAt: session.joinedAtMs === null ? null : iso(session.joinedAtMs),
    createdAt: iso(session.createdAtMs),
    updatedAt: iso(session.updatedAtMs),
    closesAt: iso(session.closesAtMs),
  }
}

/** An event as whoever is told of it sees it, in the stream and in webhooks. */
export function eventView({ id, type, createdAtMs, data }: Event) {
  return { id, type, createdAt: iso(createdAtMs), data }
}

/** How "all events" is shown; it is read like an empty list. */
export const ALL_EVENTS = '*'

export function webhookEndpointView(endpoint: WebhookEndpoint): WebhookEndpointView {
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    events: endpoint.events.length === 0 ? [ALL_EVENTS] : endpoint.events,
    enabled: endpoint.enabled,
    ...(endpoint.disabledReason !== null && { disabledReason: endpoint.disabledReason }),
    ...(endpoint.widgetId !== null && { widgetId: endpoint.widgetId }),
    createdAt: iso(endpoint.createdAtMs),
    updatedAt: iso(endpoint.updatedAtMs),
  }
}

/** @param requestBody what is sent; null where its event is not in the log any more */
export function webhookDeliveryView(delivery: WebhookDelivery, requestBody: string | null): WebhookDeliveryView {
  return {
    id: delivery.id,
    eventId: delivery.eventId,
    eventType: delivery.eventType,
    endpointId: delivery.endpointId,
    ...(delivery.widgetId !== null && { widgetId: delivery.widgetId }),
    status: delivery.status,
    attempts: delivery.attempts,
    requestUrl: delivery.requestUrl,
    requestBody: requestBody ?? '',
    responseCode: delivery.responseCode,
    responseBody: delivery.responseBody,
    ...(delivery.failure !== null && { failure: delivery.failure }),
    lastAttemptAt: isoOrNull(delivery.lastAttemptAtMs),
    nextAttemptAt: isoOrNull(delivery.dueAtMs),
    createdAt: iso(delivery.createdAtMs),
  }
}

/** The answer that a refusal becomes. */
export function problemView(refusal: Refusal): ProblemView {
  const { status, title } = PROBLEMS[refusal.code]
  return {
    type: `urn:sixpence:problem:${refusal.code}`,
    title,
    status,
    detail:
      refusal.code === 'unexpected' ? 'Something went wrong on the server. Nothing more is known.' : refusal.message,
    code: refusal.code,
    ...(refusal.errors && { errors: refusal.errors }),
  }
}

export type BatchSimulation = SessionPaymentsView['batches'][number]['simulation']

/**
 * @param wallet takes the place of `{payer}`
 * @param simulations how each of the batches would end
 */
export function sessionPaymentsView(
  sessionId: string,
  wallet: Hex,
  { vouchers, batches, separate }: SessionPayments,
  simulations: BatchSimulation[],
): SessionPaymentsView {
  return {
    sessionId,
    wallet,
    vouchers: vouchers.map((voucher) => ({
      voucherId: voucher.id,
      code: voucher.code,
      expiresAt: iso(voucher.expiresAtMs),
      payments: paymentsOf(voucher).map((payment) => ({ ...payment, input: { ...payment.input, from: wallet } })),
    })),
    batches: batches.map((batch, index) => ({
      network: batch.network,
      chainId: batch.chainId,
      voucherIds: batch.vouchers.map(({ id }) => id),
      paymentIds: batch.payments.map(({ id }) => id),
      expiresAt: isoOrNull(Number.isFinite(batch.expiresAtMs) ? batch.expiresAtMs : null),
      request: sendCallsRequest(batch, wallet),
      simulation: simulations[index] ?? { status: 'UNKNOWN' },
    })),
    separate: separate.map(({ voucher, reason }) => ({
      voucherId: voucher.id,
      paymentIds: paymentsOf(voucher).map(({ id }) => id),
      reason,
      detail: SEPARATE_REASONS[reason],
    })),
  }
}

/** `wallet_sendCalls` of EIP-5792: all of it in one transaction, or nothing. */
function sendCallsRequest(
  { chainId, payments }: Batch,
  wallet: Hex,
): SessionPaymentsView['batches'][number]['request'] {
  const calls = payments.map(({ input: { to, value, data } }) => ({ to, value: hexOf(BigInt(value)), data }))
  const sendCalls = { version: '2.0.0', from: wallet, chainId: hexOf(chainId), atomicRequired: true, calls } as const
  return { method: 'wallet_sendCalls', params: [sendCalls] }
}

function hexOf(number: number | bigint): Hex {
  return `0x${number.toString(16)}`
}
