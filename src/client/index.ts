export type { EventType, EventView } from '../protocol/events.ts'
export type { ProblemCode } from '../protocol/problems.ts'
export type {
  AccountView,
  ApiKeyView,
  CloseContextBody,
  ContextView,
  ConvertCurrencyBody,
  CreateApiKeyBody,
  CreateWebhookEndpointBody,
  CurrencyQuery,
  CurrencyView,
  ExpectedPayment,
  NegotiateVoucherBody,
  NetworkQuery,
  NetworkView,
  NewApiKeyView,
  NewSecretView,
  OpenContextBody,
  OpenSessionBody,
  PageQuery,
  Receipt,
  RedeemVoucherBody,
  ReservedView,
  ReviewQuery,
  SessionPaymentsQuery,
  SessionPaymentsView,
  SessionQuery,
  SessionResolvedView,
  SessionView,
  SignVoucherBody,
  UpdateWebhookEndpointBody,
  VoucherQuery,
  VoucherReviewView,
  VoucherView,
  WebhookDeliveryQuery,
  WebhookDeliveryView,
  WebhookEndpointQuery,
  WebhookEndpointView,
} from '../protocol/schemas.ts'
export { signIn, signInWithCode, signInWithWallet, signUp } from './auth.ts'
export type { CallOptions, ClientOptions, PostOptions } from './client.ts'
export {
  ConnectionError,
  type ErrorCode,
  NotPaidError,
  PaymentFailedError,
  ProblemError,
  SixpenceError,
  TimeoutError,
  UnresolvedError,
} from './errors.ts'
export type { EventsOptions, SixpenceEvent } from './events.ts'
export { createInvitation, type Invitation, waitForInvited } from './invitation.ts'
export type { PayHooks, PayOptions, SentCalls, SentPayment } from './pay.ts'
export type { PaidOrNot, PaySessionOptions } from './pay-session.ts'
export { createPayee, type Payee, type PayeeOptions } from './payee.ts'
export { createPayer, type Payer, type PayerOptions } from './payer.ts'
export { type PaymentTransaction, transactionOf } from './transaction.ts'
export { type ViemClient, type ViemWalletOptions, viemSender, viemWallet } from './viem.ts'
export type { ResolvedVoucher, WaitOptions } from './wait.ts'
export type {
  Alternative,
  FinishedCalls,
  MinedTransaction,
  OnSigned,
  PayerWallet,
  SignedTransaction,
  WalletCalls,
  WalletTransaction,
} from './wallet.ts'
export { verifyPlatformWebhook, verifyWebhook, WebhookError } from './webhooks.ts'
